"""pyannote's PyanNet over many overlapping chunks of one recording, with the filters of its first layer run once.

Chunks of 10 s begin every second or two, so the published loop filters each second many times. The filters are linear
and each chunk is normalised by one factor and one shift, so they can run over the whole stretch and be scaled for each
chunk after: the same numbers to rounding, for a fifth less work. Heavy: only `speaker_pipeline` imports this.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from pyannote.audio.models.segmentation import PyanNet

from jobs.engines.short_floats import short_floats

# Chunks in one pass of the convolutions: more is slower, for memory is then asked of the system each time.
CHUNKS_A_PASS = 4


def applies_to(model: Any, step: int) -> bool:
    """Whether the model is such a net and its chunks begin on the filters' grid."""
    if not isinstance(model, PyanNet):
        return False
    hparams: Any = model.hparams
    return bool(hparams.lstm["monolithic"]) and step % model.sincnet.stride == 0


def scores(model: Any, sound: torch.Tensor, chunk: int, step: int) -> torch.Tensor:
    """(chunks, frames, classes) of every chunk of `chunk` samples that begins each `step` samples in `sound`."""
    with torch.inference_mode():
        filtered, features = _filtered(model.sincnet, sound, chunk, step), []
        while batch := list(itertools.islice(filtered, CHUNKS_A_PASS)):
            with short_floats(sound.device):
                features.append(_convolved(model.sincnet, torch.stack(batch)))
        with short_floats(sound.device):
            return _above(model, torch.cat(features)).float()


def _filtered(net: Any, sound: torch.Tensor, chunk: int, step: int) -> Iterator[torch.Tensor]:
    """(filters, frames) of each chunk: normalised, filtered, rectified and pooled, as if it were alone.

    The largest |factor * y + shift| of three neighbours is that of their largest or of their smallest y.
    """
    encoder, norm, pool = net.conv1d[0], net.wav_norm1d, net.pool1d[0].kernel_size
    filters = encoder.filterbank.filters()
    filtered = encoder(sound[None, None])[0]
    frames = ((chunk - filters.shape[-1]) // net.stride + 1) // pool
    levels = filters.sum(dim=-1)
    # Where a chunk begins in the pooled frames depends on its place among three.
    largest = [F.max_pool1d(filtered[:, phase:], pool) for phase in range(pool)]
    smallest = [-F.max_pool1d(-filtered[:, phase:], pool) for phase in range(pool)]
    for at, samples in enumerate(sound.unfold(0, chunk, step)):
        mean = samples.mean()
        # torch's own variance is twenty times slower.
        variance = (samples - mean).square_().mean()
        factor = norm.weight / torch.sqrt(variance + norm.eps)
        shift = (norm.bias - factor * mean) * factor.sign()
        place, phase = divmod(at * step // net.stride, pool)
        high = largest[phase][:, place : place + frames] * factor.abs() + shift * levels
        low = smallest[phase][:, place : place + frames] * -factor.abs() - shift * levels
        yield torch.maximum(high, low)


def _convolved(net: Any, features: torch.Tensor) -> torch.Tensor:
    """The rest of SincNet's published forward pass: (chunks, frames, features)."""
    outputs = F.leaky_relu(_normalised(net.norm1d[0], features))
    for conv, pool, norm in zip(net.conv1d[1:], net.pool1d[1:], net.norm1d[1:], strict=True):
        outputs = F.leaky_relu(_normalised(norm, pool(conv(outputs))))
    return outputs.transpose(1, 2)


def _normalised(norm: Any, features: torch.Tensor) -> torch.Tensor:
    """What `norm`, an InstanceNorm1d, gives, seven times sooner on a CPU."""
    return F.group_norm(features, features.shape[1], norm.weight, norm.bias, norm.eps)


def _above(model: Any, features: torch.Tensor) -> torch.Tensor:
    """The rest of PyanNet's published forward pass."""
    outputs, _ = model.lstm(features)
    for linear in getattr(model, "linear", ()):
        outputs = F.leaky_relu(linear(outputs))
    result: torch.Tensor = model.activation(model.classifier(outputs))
    return result
