"""Progress that remembers whether it stopped the job: a stage may outlive its engine's errors, but not that."""

from __future__ import annotations

from jobs.pipeline.protocols import OnProgress


class Told:
    """Passes progress on; `stopped` once that raised (the job was cancelled, or belongs to another worker)."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self.stopped = False

    def __call__(self, fraction: float) -> None:
        try:
            self._on_progress(fraction)
        except BaseException:
            self.stopped = True
            raise
