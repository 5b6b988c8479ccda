"""The embedding's trunk in bytes: 8-bit weights and activations, summed in 32 bits, at half the cost of short floats.

A byte needs the range of what it stands for. The largest values of each layer are taken once, when the diarizer loads,
from a piece of speech: the filter banks have no mean, so that levels hardly matter, and another piece gives the same.
Each output channel's weights have a scale of their own, and what is larger than the range is cut.
Heavy: only the diarizer's modules import this.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from jobs.engines.short_floats import short_floats

LARGEST = 255
LARGEST_WEIGHT = 127
# oneDNN's, which are in every x86 build of torch; the compiler of torch calls the same.
OPERATIONS = torch.ops.onednn


def applies_to(resnet: Any, device: torch.device) -> bool:
    """Whether the processor multiplies bytes natively (VNNI, AMX) and the trunk has blocks of two convolutions."""
    blocks = itertools.chain(resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4)
    # What a processor can do has no public name in torch.
    return device.type == "cpu" and torch.cpu._is_vnni_supported() and not any(hasattr(b, "conv3") for b in blocks)


class ByteTrunk:
    """WeSpeaker's ResNet up to its pooling. Its norms must have been folded. One object serves all threads."""

    def __init__(self, resnet: Any, examples: Sequence[torch.Tensor]) -> None:
        """`examples` are filter banks of speech, (1, frames, bins) each."""
        blocks = list(itertools.chain(resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4))
        ranges = _ranges(resnet, blocks, examples)
        entry = next(ranges)
        # The first layer reads the filter banks themselves; its outputs come out in units of the byte.
        self._weight, self._bias = (value.detach() / entry.scale for value in (resnet.conv1.weight, resnet.conv1.bias))
        self._blocks: list[_Block] = []
        for block in blocks:
            beside = next(ranges) if len(block.shortcut) else entry
            inner, leaving = next(ranges), next(ranges)
            self._blocks.append(
                _Block(
                    _Convolution(block.conv1, entry, inner),
                    _Convolution(block.conv2, inner, leaving),
                    _Convolution(block.shortcut[0], entry, beside) if len(block.shortcut) else None,
                    beside,
                )
            )
            entry = leaving
        self._scale = entry.scale

    def __call__(self, banks: torch.Tensor) -> torch.Tensor:
        """(1, frames, bins) to (1, channels, rows, frames): the resnet's `forward_frames`."""
        image = banks.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
        with short_floats(banks.device):
            first = F.conv2d(image, self._weight, self._bias, padding=1)
        bytes_ = first.clamp_(0, LARGEST).round_().to(torch.uint8)
        for block in self._blocks:
            bytes_ = block(bytes_)
        return bytes_.float() * self._scale


@dataclass(frozen=True)
class _Range:
    """What a byte stands for: (byte - zero) * scale."""

    scale: float
    zero: int = 0

    @classmethod
    def of(cls, values: Sequence[torch.Tensor]) -> _Range:
        low = min(0.0, *(float(value.min()) for value in values))
        high = max(1e-6, *(float(value.max()) for value in values))
        scale = (high - low) / LARGEST
        return cls(scale, round(-low / scale))


class _Convolution:
    def __init__(self, conv: Any, entering: _Range, leaving: _Range) -> None:
        weight = conv.weight.detach().float()
        self._scales = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / LARGEST_WEIGHT
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = conv.bias.detach().float()
        self._entering, self._leaving = entering, leaving
        self._shape = list(conv.stride), list(conv.padding), list(conv.dilation), conv.groups
        whole = (weight / self._scales[:, None, None, None]).round().to(torch.int8)
        self._weight = OPERATIONS.qconv_prepack(whole, self._scales, entering.scale, entering.zero, *self._shape)

    def __call__(self, image: torch.Tensor, after: str) -> torch.Tensor:
        """`after` is "relu" or "none"."""
        out = self._leaving.scale, self._leaving.zero, torch.uint8
        found: torch.Tensor = OPERATIONS.qconv2d_pointwise(*self._given(image), *self._rest(), *out, after, [], "")
        return found

    def onto(self, beside: torch.Tensor, range_: _Range, image: torch.Tensor) -> torch.Tensor:
        """Rectified sum of this and `beside`, whose memory it takes."""
        out = self._leaving.scale, self._leaving.zero, torch.uint8
        found: torch.Tensor = OPERATIONS.qconv2d_pointwise.binary(
            *self._given(image), beside, *self._rest(), *out, range_.scale, range_.zero, "sum", 1.0, "relu", [], ""
        )
        return found

    def _given(self, image: torch.Tensor) -> tuple[Any, ...]:
        return image, self._entering.scale, self._entering.zero, self._weight, self._scales, self._zeros

    def _rest(self) -> tuple[Any, ...]:
        return self._bias, *self._shape


@dataclass(frozen=True)
class _Block:
    first: _Convolution
    second: _Convolution
    shortcut: _Convolution | None
    beside: _Range

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        inner = self.first(image, "relu")
        beside = self.shortcut(image, "none") if self.shortcut else image
        return self.second.onto(beside, self.beside, inner)


def _ranges(resnet: Any, blocks: Sequence[Any], examples: Sequence[torch.Tensor]) -> Iterator[_Range]:
    """In the order in which they are met: of the first layer, and of each block's shortcut, first and second layer."""
    with torch.inference_mode():
        images = [F.relu(resnet.conv1(banks.transpose(1, 2)[:, None])) for banks in examples]
        yield _Range.of(images)
        for block in blocks:
            beside = [block.shortcut(image) for image in images]
            if len(block.shortcut):
                yield _Range.of(beside)
            inner = [F.relu(block.conv1(image)) for image in images]
            yield _Range.of(inner)
            images = [F.relu(block.conv2(one) + other) for one, other in zip(inner, beside, strict=True)]
            yield _Range.of(images)
