"""The commands of the parts, wherever they are written down."""

import configparser

import pytest

from tuplets.stack.layout import PROJECT_DIR
from tuplets.stack.supervisor import APP_PARTS, CONFIGURATION


@pytest.fixture
def supervised() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(CONFIGURATION)
    return parser


def test_procfile_and_supervisord_run_the_same_commands(supervised: configparser.RawConfigParser) -> None:
    lines = (PROJECT_DIR / "Procfile").read_text().splitlines()
    procfile = dict(line.split(": ", 1) for line in lines)
    assert procfile == {name: supervised[f"program:{name}"]["command"] for name in APP_PARTS}


def test_every_part_is_restarted_logged_with_rotation_and_killed_with_its_children(
    supervised: configparser.RawConfigParser,
) -> None:
    parts = [name for name in supervised.sections() if name.startswith("program:")]
    assert len(parts) == 5
    for name in parts:
        part = supervised[name]
        assert part["autorestart"] == "true"
        assert part["stdout_logfile"] == f"%(ENV_TUPLETS_LOG_DIR)s/{name.removeprefix('program:')}.log"
        assert part["redirect_stderr"] == "true"
        assert "MB" in part["stdout_logfile_maxbytes"]
        assert part["killasgroup"] == "true"


def test_everything_stops_within_the_time_that_the_run_waits(supervised: configparser.RawConfigParser) -> None:
    wait_s = {name: float(supervised[f"program:{name}"]["stopwaitsecs"]) for name in (*APP_PARTS, "valkey", "postgres")}
    together = max(wait_s[name] for name in APP_PARTS)
    assert together + wait_s["valkey"] + wait_s["postgres"] <= 25


def test_the_web_server_listens_on_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gunicorn_settings()["bind"] == "127.0.0.1:8000"
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("BIND", "0.0.0.0")
    assert gunicorn_settings()["bind"] == "0.0.0.0:9000"


@pytest.fixture(autouse=True)
def _no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "BIND", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)


def gunicorn_settings() -> dict[str, object]:
    values: dict[str, object] = {}
    exec((PROJECT_DIR / "gunicorn.conf.py").read_text(), values)
    return values
