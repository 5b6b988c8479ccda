"""Which weights a start must have: those of recognition. The language model's are fetched, and can do without."""

from pathlib import Path

import pytest

from jobs.engines import analyst_weights, weights
from jobs.pipeline.types import EngineUnavailable
from tuplets.stack import up
from tuplets.stack.layout import Layout


@pytest.fixture(autouse=True)
def recognition_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "prepare", lambda models, report: models)
    monkeypatch.delenv("TUPLETS_MODELS_DIR", raising=False)
    monkeypatch.delenv("TUPLETS_ANALYST_WEIGHTS", raising=False)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that the language model's weights were fetched into."""
    folders: list[Path] = []
    monkeypatch.setattr(analyst_weights, "prepare", lambda models, report: folders.append(models))
    return folders


def test_a_start_fetches_the_language_model_into_the_models_folder(layout: Layout, fetched: list[Path]) -> None:
    up.prepare_weights(layout)
    assert fetched == [layout.models]


@pytest.mark.parametrize("off", ["off", "OFF"])
def test_an_operator_can_do_without_it(
    off: str, layout: Layout, fetched: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUPLETS_ANALYST_WEIGHTS", off)
    up.prepare_weights(layout)
    assert fetched == []


@pytest.mark.parametrize("error", [EngineUnavailable("No index; run `make setup`."), OSError(30, "Read-only")])
def test_a_start_without_it_goes_on_and_says_so_in_one_line(
    error: Exception, layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(models: Path, report: object) -> None:
        raise error

    monkeypatch.setattr(analyst_weights, "prepare", fail)
    up.prepare_weights(layout)
    said = capsys.readouterr().out
    assert said.startswith("Analytics will do without its language model. ") and said.count("\n") == 1
    assert "make setup" in said or "Read-only" in said
