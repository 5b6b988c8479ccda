"""Which engines this server has, and what it says when one is missing."""

import pytest

from jobs.engines import registry
from jobs.pipeline.types import EngineUnavailable


@pytest.fixture(autouse=True)
def _nothing_loaded_yet(monkeypatch):
    monkeypatch.setattr(registry, "_engines", {})


def test_there_is_one_instance_of_a_role_in_a_process():
    assert registry.engine("audio") is registry.engine("audio")


def test_a_role_that_the_profile_lacks_is_not_available():
    assert registry.available("transcriber.standard")
    assert not registry.available("transcriber.of_tomorrow")
    with pytest.raises(EngineUnavailable, match=r"no transcriber\.of_tomorrow"):
        registry.engine("transcriber.of_tomorrow")


def test_missing_weights_are_named_with_the_command_that_mends_it(settings, tmp_path):
    settings.MODELS_DIR = tmp_path
    settings.WHISPER_MODEL_DIR = ""
    with pytest.raises(EngineUnavailable, match="make setup"):
        registry.engine("transcriber.standard")


def test_an_unknown_profile_is_refused_with_the_known_ones(settings):
    settings.ENGINE_PROFILE = "quantum"
    with pytest.raises(EngineUnavailable, match="embedded, gpu"):
        registry.engine("audio")


def test_the_gpu_profile_asks_for_the_operators_own_weights(settings):
    settings.ENGINE_PROFILE = "gpu"
    settings.WHISPER_MODEL_DIR = ""
    with pytest.raises(EngineUnavailable, match="WHISPER_MODEL_DIR"):
        registry.engine("transcriber.standard")
