"""Several channels into one without losing a voice, or each by itself; the gain of a quiet recording. Called by
`audio.py`.

A plain average fails in three ways that real recordings show: channels of opposite phase cancel out, speech in one of
six channels ends up a sixth as loud, and a dead channel takes half the level. So channels that run against the loudest
one are turned over before they are added, and silent channels don't count.
"""

from __future__ import annotations

import numpy as np

# A channel this far (in power) under the loudest is silent: 50 dB.
SILENT_POWER_RATIO = 1e-5
OPPOSITE_CORRELATION = -0.5
# Channels this much alike, in either phase, carry one sound. The channels of the real and the synthetic calls of the
# test set, one caller in each, stay under 0.01.
SAME_CORRELATION = 0.95
# A recording whose loudest sample is under QUIET_PEAK is raised to TARGET_PEAK, by no more than MAX_GAIN (60 dB): what
# lies lower is noise of the converter.
QUIET_PEAK = 0.25
TARGET_PEAK = 0.5
MAX_GAIN = 1000.0
DIGITAL_SILENCE_PEAK = 2 / 32768


class Downmix:
    """Adds up channels block by block. What it learns of a channel (level, phase) holds for the rest of the file."""

    def __init__(self) -> None:
        self._moments: np.ndarray | None = None

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """(samples, channels) float32 -> (samples, 1) float32, within -1..1 where the input is."""
        if block.shape[1] == 1:
            return block
        self._moments = _added(self._moments, block)
        return (block @ _weights(self._moments))[:, np.newaxis]

    def worth_keeping(self) -> list[int]:
        return [0]


class Separate:
    """Leaves channels as they are, and says at the end which of them are somebody's own."""

    def __init__(self) -> None:
        self._moments: np.ndarray | None = None

    def __call__(self, block: np.ndarray) -> np.ndarray:
        self._moments = _added(self._moments, block)
        return block

    def worth_keeping(self) -> list[int]:
        """Channels in their order: none that is dead, and of those with the same sound the loudest; never none."""
        assert self._moments is not None
        power = np.diag(self._moments)
        live = power > max(float(power.max()) * SILENT_POWER_RATIO, 1e-12)
        kept: list[int] = []
        for channel in np.argsort(-power, kind="stable"):
            likeness = np.abs(self._moments[channel, kept]) / np.sqrt(power[channel] * power[kept] + 1e-24)
            if live[channel] and not (likeness > SAME_CORRELATION).any():
                kept.append(int(channel))
        return sorted(kept) or [0]


def _added(moments: np.ndarray | None, block: np.ndarray) -> np.ndarray:
    """The channels' cross moments with one more block."""
    exact = block.astype(np.float64)
    return exact.T @ exact + (0.0 if moments is None else moments)


def _weights(moments: np.ndarray) -> np.ndarray:
    """A weight a channel from the matrix of their cross moments.

    Sign by phase, nothing for silent channels, and one scale for all that makes the sum as loud as the loudest channel:
    1/n for n equal channels, 1 for one live channel, in between for people who speak in turns.
    """
    power = np.diag(moments)
    loudest = int(np.argmax(power))
    live = power > max(power[loudest] * SILENT_POWER_RATIO, 1e-12)
    if not live.any():
        return np.full(len(power), 1.0 / len(power), dtype=np.float32)
    correlation = moments[loudest] / (np.sqrt(power * power[loudest]) + 1e-12)
    signs = np.where(correlation < OPPOSITE_CORRELATION, -1.0, 1.0) * live
    scale = min(1.0, np.sqrt(power[loudest] / max(signs @ moments @ signs, 1e-12)))
    return (signs * scale).astype(np.float32)


def gain_for(peak: float) -> float:
    """The factor by which a recording is read louder; 1 for one of ordinary level or without any signal."""
    if peak <= DIGITAL_SILENCE_PEAK or peak >= QUIET_PEAK:
        return 1.0
    return min(MAX_GAIN, TARGET_PEAK / peak)
