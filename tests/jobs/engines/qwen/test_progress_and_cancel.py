"""Progress while a recording is read, and the end of all work when a report raises."""

import itertools
import time

import pytest

from jobs.engines.transcriber_qwen import QwenTranscriber


class Cancelled(Exception):
    """Raised by a report, as the worker's fence does."""


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.9])
def test_a_report_that_raises_ends_the_work_at_once(at, asr, aligner, recording, fallback):
    asr.delay_s = aligner.delay_s = 0.3
    transcriber = QwenTranscriber(asr_url=asr.url, aligner_url=aligner.url, fallback=lambda: fallback, concurrency=2)

    def report(fraction):
        if fraction >= at:
            raise Cancelled

    before = time.monotonic()
    with pytest.raises(Cancelled):
        transcriber.transcribe(recording(*[0.9] * 8), None, report)
    if at == 0.0:
        assert asr.paths == []
    time.sleep(1.0)
    asked = len(asr.paths) + len(aligner.paths)
    time.sleep(0.5)
    assert len(asr.paths) + len(aligner.paths) == asked
    assert time.monotonic() - before < 10


def test_what_waits_to_be_tried_again_is_not_tried_again_after_a_cancel(asr, recording, fallback):
    asr.failures = [0] + [500] * 100
    transcriber = QwenTranscriber(asr_url=asr.url, aligner_url="", fallback=lambda: fallback)

    def report(fraction):
        if asr.paths[1:]:
            raise Cancelled

    with pytest.raises(Cancelled):
        transcriber.transcribe(recording(*[0.9] * 4), None, report)
    time.sleep(0.3)
    asked = len(asr.paths)
    time.sleep(2.5)
    assert len(asr.paths) == asked


def test_progress_never_falls_and_comes_often(asr, aligner, transcriber, recording):
    asr.delay_s = 1.0
    told = []
    transcriber.transcribe(recording(*[0.9] * 20), None, lambda fraction: told.append((time.monotonic(), fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert all(0.0 <= fraction <= 1.0 for fraction in fractions)
    assert max(b - a for (a, _), (b, _) in itertools.pairwise(told)) < 2.0
