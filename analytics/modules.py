"""EVERY generic analytics module: its key, its tier, its cap, and the order in which a profile lists them.

What a module asks and who computes it does not live here. Called by `analytics.requests` for a normalised request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["basic", "full"]
Tier = Literal["fast", "deep"]

# Profile -> the tier that computes it, as `tier` in requests and results.
TIERS: dict[Profile, Tier] = {"basic": "fast", "full": "deep"}

# The most items a list module returns, so that the JSON stays complete on long recordings.
ITEM_CAP = 12

# Needs speaker turns: asked only of a diarized job.
SPEAKER_STATS = "speaker_stats"


@dataclass(frozen=True, slots=True)
class Module:
    """One generic module: the lowest tier that includes it, and its most items (None: not a capped list)."""

    key: str
    tier: Tier
    cap: int | None


# In the documented order of the full profile. The deep tier includes the fast one's modules.
MODULES: tuple[Module, ...] = (
    Module("summary", "fast", None),
    Module("sentiment", "fast", None),
    Module("key_topics", "fast", ITEM_CAP),
    Module("action_items", "deep", ITEM_CAP),
    Module("qa", "deep", ITEM_CAP),
    Module("decisions", "deep", ITEM_CAP),
    Module("risks", "deep", ITEM_CAP),
    Module("missed_opportunities", "deep", ITEM_CAP),
    Module("urgency", "deep", None),
    Module("chapters", "fast", ITEM_CAP),
    Module("keywords", "fast", None),
    Module("statistics", "fast", None),
    Module(SPEAKER_STATS, "fast", None),
)

# The basic profile's documented order is its own, not the full list with gaps.
_BASIC_ORDER = ("summary", "sentiment", "key_topics", "statistics", SPEAKER_STATS, "chapters", "keywords")
_BY_KEY = {module.key: module for module in MODULES}
_BY_PROFILE: dict[Profile, tuple[Module, ...]] = {
    "basic": tuple(_BY_KEY[key] for key in _BASIC_ORDER),
    "full": MODULES,
}


def modules_for(profile: Profile | None, diarization: bool) -> tuple[Module, ...]:
    """The modules of a profile in documented order; none if custom-only, `speaker_stats` only if diarized."""
    if profile is None:
        return ()
    return tuple(module for module in _BY_PROFILE[profile] if diarization or module.key != SPEAKER_STATS)
