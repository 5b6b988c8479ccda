"""`manage.py doctor`: what is there, what is missing, and the command that mends it."""

import json
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command

from jobs.management.commands import doctor


def diagnosis(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    with pytest.raises(SystemExit) as stopped:
        call_command("doctor", "--json")
    assert stopped.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    return {check["name"]: check for check in report["checks"]}


@pytest.mark.django_db
def test_what_is_there_is_ok_and_what_is_not_names_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    found = diagnosis(capsys)
    for name in ("python", "packages", "disk", "ffmpeg", "database", "migrations", "queue"):
        assert found[name]["ok"], found[name]
        assert found[name]["mend"] == ""
    for name in ("worker", "scheduler"):  # the tests have neither
        assert not found[name]["ok"]
        assert found[name]["mend"] == "make run"


@pytest.mark.django_db
def test_a_worker_lives_while_its_heartbeat_is_fresh() -> None:
    cache.set("heartbeat:worker", time.time())
    assert doctor.worker().ok
    cache.set("heartbeat:worker", time.time() - 60)
    assert not doctor.worker().ok
    assert "60 s ago" in doctor.worker().detail


def test_weights_that_were_never_prepared_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "MODELS_DIR", tmp_path)
    assert doctor.speech_weights().mend == "make setup"


def test_the_redactor_is_there_with_the_weights_that_find_names() -> None:
    assert doctor.redactor().ok and "model_q4.onnx" in doctor.redactor().detail


def test_without_the_weights_that_find_names_the_command_that_brings_them_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor.ner.importlib.util, "find_spec", lambda name: None)
    found = doctor.redactor()
    assert not found.ok and found.mend == "make setup"


def test_a_package_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "django==1.0 \\\n    --hash=sha256:0\nabsent==1 ; sys_platform == 'win32' \\\n"
    )
    monkeypatch.setattr(doctor, "PROJECT_DIR", tmp_path)
    assert doctor.packages().detail == "missing or of another version: django"


@pytest.mark.django_db
def test_the_table_puts_the_command_below_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("doctor")
    lines = capsys.readouterr().out.splitlines()
    worker = next(number for number, line in enumerate(lines) if " worker " in line)
    assert lines[worker].startswith("MISSING")
    assert lines[worker + 1].strip() == "-> make run"
