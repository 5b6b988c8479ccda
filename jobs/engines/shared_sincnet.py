"""pyannote's PyanNet over many overlapping chunks of one recording, with the filters of its first layer run once.

Chunks of 10 s begin every second, so the published loop filters each second ten times. The filters are linear and each
chunk is normalised by one factor and one shift, so they can run over the whole stretch and be scaled for each chunk
after: the same numbers to rounding, for a fifth less work. Heavy: only `speaker_pipeline` imports this.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pyannote.audio.models.segmentation import PyanNet

from jobs.engines.short_floats import short_floats

# Chunks in one pass of the layers above: more is slower, for memory is then asked of the system each time.
CHUNKS_A_PASS = 4


def applies_to(model: Any, step: int) -> bool:
    """Whether the model is such a net and its chunks begin on the filters' grid."""
    if not isinstance(model, PyanNet):
        return False
    hparams: Any = model.hparams
    return bool(hparams.lstm["monolithic"]) and step % model.sincnet.stride == 0


def scores(model: Any, sound: torch.Tensor, chunk: int, step: int) -> torch.Tensor:
    """(chunks, frames, classes) of every chunk of `chunk` samples that begins each `step` samples in `sound`."""
    chunks = sound.unfold(0, chunk, step)
    with torch.inference_mode():
        features = _filtered(model.sincnet, sound, chunks, step)
        with short_floats(sound.device):
            passes = [_above(model, part) for part in features.split(CHUNKS_A_PASS)]
    return torch.cat(passes).float()


def _filtered(net: Any, sound: torch.Tensor, chunks: torch.Tensor, step: int) -> torch.Tensor:
    """(chunks, filters, frames): normalised, filtered, rectified and pooled, each chunk as if it were alone.

    The largest |factor * y + shift| of three neighbours is that of their largest or of their smallest y.
    """
    encoder, norm, pool = net.conv1d[0], net.wav_norm1d, net.pool1d[0].kernel_size
    filters = encoder.filterbank.filters()
    filtered = encoder(sound[None, None])[0]
    frames = ((chunks.shape[1] - filters.shape[-1]) // net.stride + 1) // pool
    variance, mean = torch.var_mean(chunks, dim=1, correction=0)
    factors = norm.weight / torch.sqrt(variance + norm.eps)
    shifts = (norm.bias - factors * mean) * factors.sign()
    levels = filters.sum(dim=-1)
    # Where a chunk begins in the pooled frames depends on its place among three.
    largest = [F.max_pool1d(filtered[:, phase:], pool) for phase in range(pool)]
    smallest = [-F.max_pool1d(-filtered[:, phase:], pool) for phase in range(pool)]
    result = torch.empty(len(chunks), len(filtered), frames, device=sound.device)
    for at, (factor, shift) in enumerate(zip(factors.abs(), shifts, strict=True)):
        place, phase = divmod(at * step // net.stride, pool)
        high = largest[phase][:, place : place + frames] * factor + shift * levels
        low = smallest[phase][:, place : place + frames] * -factor - shift * levels
        torch.maximum(high, low, out=result[at])
    return result


def _above(model: Any, features: torch.Tensor) -> torch.Tensor:
    """The rest of PyanNet's published forward pass."""
    net = model.sincnet
    outputs = F.leaky_relu(net.norm1d[0](features))
    for conv, pool, norm in zip(net.conv1d[1:], net.pool1d[1:], net.norm1d[1:], strict=True):
        outputs = F.leaky_relu(norm(pool(conv(outputs))))
    outputs, _ = model.lstm(outputs.transpose(1, 2))
    for linear in getattr(model, "linear", ()):
        outputs = F.leaky_relu(linear(outputs))
    result: torch.Tensor = model.activation(model.classifier(outputs))
    return result
