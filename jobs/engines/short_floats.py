"""16-bit floats where a processor multiplies them natively: the diarizer's nets take half the time so.

Only layers above the ones that read samples: those take small differences of large numbers, and with 16 bits every
quiet word is missed. Heavy: only the diarizer's modules import this.
"""

from __future__ import annotations

from typing import Any

import torch


def short_floats(device: torch.device) -> Any:
    """A context for this thread: products of bfloat16, summed in 32 bits; nothing but on a CPU that can.

    Error rates and the likeness of voices stay as with 32 bits: README, "Speakers".
    """
    # What a processor can do has no public name in torch.
    able = device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=able)
