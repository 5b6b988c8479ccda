"""The gpu profile builds the transcriber from the settings."""

import pytest

from jobs.engines import registry
from jobs.pipeline.types import EngineUnavailable

from .conftest import ignore


@pytest.fixture
def gpu_profile(settings, monkeypatch):
    monkeypatch.setattr(registry, "_engines", {})
    settings.ENGINE_PROFILE = "gpu"
    settings.WHISPER_MODEL_DIR = ""
    return settings


def test_the_gpu_profile_builds_it_from_the_settings(gpu_profile, asr, aligner, recording):
    gpu_profile.QWEN_ASR_URL, gpu_profile.QWEN_ALIGNER_URL = asr.url, aligner.url
    assert registry.available("transcriber.premium")
    found = registry.engine("transcriber.premium").transcribe(recording(0.9), None, ignore)
    assert found.segments[0].words


def test_without_an_address_the_gpu_profile_has_no_premium_tier(gpu_profile):
    gpu_profile.QWEN_ASR_URL = ""
    assert not registry.available("transcriber.premium")
    with pytest.raises(EngineUnavailable, match="TUPLETS_QWEN_ASR_URL"):
        registry.engine("transcriber.premium")


def test_a_language_that_only_the_standard_tier_has_needs_the_standard_tiers_weights(gpu_profile, asr, recording):
    gpu_profile.QWEN_ASR_URL, gpu_profile.QWEN_ALIGNER_URL = asr.url, ""
    asr.say = lambda asked: "language Ukrainian<asr_text>Привіт."
    with pytest.raises(EngineUnavailable, match="WHISPER_MODEL_DIR"):
        registry.engine("transcriber.premium").transcribe(recording(0.9), None, ignore)
