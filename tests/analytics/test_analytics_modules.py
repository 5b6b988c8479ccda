"""The table of generic modules: which a profile asks, in which order, and how many items each may return."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import analytics
from analytics.modules import MODULES, TIERS, modules_for


def test_each_profile_asks_exactly_the_modules_of_its_tier():
    assert {module.key for module in modules_for("basic", True)} == {m.key for m in MODULES if m.tier == TIERS["basic"]}
    assert set(modules_for("full", True)) == set(MODULES)
    assert len(modules_for("basic", True)) == 7
    assert len(modules_for("full", True)) == 13


def test_only_speaker_stats_depends_on_diarization():
    for profile in ("basic", "full"):
        with_speakers = [module.key for module in modules_for(profile, True)]
        with_speakers.remove("speaker_stats")
        assert [module.key for module in modules_for(profile, False)] == with_speakers


def test_no_profile_asks_no_module():
    assert modules_for(None, True) == ()


def test_the_documented_lists_are_capped_at_twelve_and_nothing_else_is():
    capped = {module.key: module.cap for module in MODULES if module.cap is not None}
    lists = ("key_topics", "action_items", "qa", "decisions", "risks", "missed_opportunities", "chapters")
    assert capped == dict.fromkeys(lists, 12)


def test_parsing_a_request_loads_no_django_and_no_other_app():
    listing = "import sys, analytics.requests; print(*{name.partition('.')[0] for name in sys.modules})"
    root = Path(analytics.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", listing], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "analytics" in loaded
    assert not {"django", "rest_framework", "tuplets", "accounts", "billing", "jobs"} & loaded
