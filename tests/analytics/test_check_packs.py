"""`manage.py check_packs`: a line for each pack and cue file, or exit status 1 and the sentence of what is wrong."""

import copy
import importlib.resources
import io
import subprocess
import sys

import pytest
import yaml
from django.core.management import CommandError, call_command

from analytics import pack_checks
from analytics.catalogue import DOMAINS, InvalidPack, read_pack
from analytics.pack_checks import check_cues, check_pack

FOLDER = importlib.resources.files("analytics")
INSURANCE = yaml.safe_load((FOLDER / "packs" / "insurance.yaml").read_text(encoding="utf-8"))
CUE_FILES = sorted(file.name for file in (FOLDER / "cues").iterdir())
CLASSES = {kind: [f"{kind} number {number}" for number in range(20)] for kind in ("praise", "blame")}
BY_LANGUAGE = {"en": ["yes", "sure"], "de": ["ja"]}
GROUPS = {"en": {"before": ["not"], "after": ["never"]}, "pl": {"before": ["nie"], "after": ["nigdy"]}}
OF_LANGUAGES = {"agreement": {"en": ["yes"], "de": ["ja"]}, "refusal": {"en": ["no way"]}}


def changed(data, *place, to):
    """A copy with the value at `place` (names and positions) replaced by `to`."""
    data = copy.deepcopy(data)
    parent = data
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = to
    return data


def test_the_packs_and_cues_of_this_version_are_all_right():
    out = io.StringIO()
    call_command("check_packs", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines[: len(DOMAINS)]] == list(DOMAINS)
    assert [f"{line.partition(':')[0]}.yaml" for line in lines[len(DOMAINS) :]] == CUE_FILES
    assert "6 fields" in lines[0] and "worked examples" in lines[0]


def test_a_wrong_pack_is_exit_status_1_and_its_sentence(monkeypatch):
    def broken(found):
        raise InvalidPack("support.yaml: something is wrong.")

    monkeypatch.setattr(pack_checks, "check_pack", broken)
    with pytest.raises(CommandError, match="something is wrong") as caught:
        call_command("check_packs", stdout=io.StringIO())
    assert caught.value.returncode == 1


CHECK = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tuplets.settings"
import django
django.setup()
from django.core.management import call_command
call_command("check_packs")
heavy = {"torch", "ctranslate2", "onnxruntime", "spacy", "faster_whisper", "av", "numpy", "pyannote"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_command_loads_no_heavy_library():
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHECK], capture_output=True, timeout=60, check=True)


@pytest.mark.parametrize(
    ("place", "to", "said"),
    [
        (("schema_version",), "2020-01-01", "schema_version must be 2026-05-31"),
        (("fields", 0, "required"), False, "call_reason: required must be true"),
        (("fields", 1, "required"), True, "required must be false"),
        (("fields", 0, "none", 0), {"Xx": "hello"}, "no language code"),
        (("worked_examples", 0, "language"), "english", "no language code"),
        (("worked_examples", 1, "title"), INSURANCE["worked_examples"][0]["title"], "is there twice"),
        (("worked_examples", 0, "expects"), {}, "expects something"),
        (("worked_examples", 0, "expects"), {"call_reason": ["CLAIM_STATUS"]}, "only a multi_select one"),
        (("worked_examples", 0, "expects"), {"policy_line": "AUTO"}, "only a multi_select one"),
        (("worked_examples", 0, "expects"), {"policy_line": ["AUTO", "AUTO"]}, "each answer once"),
        (("worked_examples", 0, "expects"), {"policy_line": []}, "each answer once"),
        (("worked_examples", 0, "expects"), {"mood": "GOOD"}, "no field of the pack"),
        (("worked_examples", 0, "lines", 0), "no speaker", "each line is written as"),
        (("fields", 0, "options", 0, "code"), "claim", "must be uppercase"),
        (("fields", 1, "key"), "call_reason", "keys must differ"),
    ],
)
def test_a_pack_that_breaks_what_was_published_is_refused_in_words(place, to, said):
    with pytest.raises(InvalidPack) as caught:
        check_pack(read_pack(yaml.safe_dump(changed(INSURANCE, *place, to=to)), "insurance.yaml"))
    assert said in str(caught.value) and str(caught.value).startswith("insurance.yaml: ")


@pytest.mark.parametrize("cues", [CLASSES, BY_LANGUAGE, GROUPS, OF_LANGUAGES])
def test_a_cue_file_may_be_built_in_each_of_these_ways(cues):
    assert check_cues(yaml.safe_dump(cues), "x.yaml") in (40, 3, 4)


@pytest.mark.parametrize(
    ("cues", "place", "to", "said"),
    [
        (CLASSES, ("praise",), ["good"], "praise: must list at least 20"),
        (CLASSES, ("praise", 0), CLASSES["blame"][0], "is there twice"),
        (BY_LANGUAGE, ("en", 0), True, "True must be written as text"),
        (BY_LANGUAGE, ("en", 1), "Yes", "is there twice"),
        (BY_LANGUAGE, ("en",), [], "must list at least 1"),
        (BY_LANGUAGE, ("en",), {"before": ["no"]}, "not built as the others"),
        (BY_LANGUAGE, (False,), ["nei"], "False is no language code"),
        (GROUPS, ("pl",), {"before": ["nie"]}, "pl must have"),
        (GROUPS, ("pl", "after", 0), 1, "pl.after: 1 must be written as text"),
        (OF_LANGUAGES, ("refusal", "english"), ["no"], "no language code"),
    ],
)
def test_a_cue_file_that_is_built_otherwise_is_refused_in_words(cues, place, to, said):
    with pytest.raises(InvalidPack) as caught:
        check_cues(yaml.safe_dump(changed(cues, *place, to=to)), "x.yaml")
    assert said in str(caught.value) and str(caught.value).startswith("x.yaml: ")


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [", "text"])
def test_a_cue_file_that_is_no_mapping_is_refused(text):
    with pytest.raises(InvalidPack, match=r"x\.yaml: "):
        check_cues(text, "x.yaml")


def test_a_pack_that_is_no_published_domain_is_refused(monkeypatch):
    monkeypatch.setattr(pack_checks, "DOMAINS", DOMAINS[:-1])
    with pytest.raises(InvalidPack, match=r"financial_services\.yaml: is no published domain"):
        list(pack_checks.check())
