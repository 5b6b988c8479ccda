"""What names or identifies somebody, with presidio's recognizers run one by one: implements
`pipeline.protocols.Redactor`.

Numbers are `pii/numbers.py`'s, words `pii/words.py`'s; here every stretch of the text passes by each of them, what
they found is merged, and what was found once is looked for in the whole text. Used through the registry, in the worker
only: presidio is imported when the first text is read.
"""

from __future__ import annotations

import logging
import pathlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.engines.pii.merging import Found, merge
from jobs.engines.pii.stretches import Stretch, stretches
from jobs.pipeline.pii_types import LANGUAGES
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Findings

if TYPE_CHECKING:
    from jobs.engines.pii.heard import Heard
    from jobs.engines.pii.words import Words


@dataclass(frozen=True)
class _Reader:
    """What reading one language needs."""

    language: str
    words: Words
    recognizers: tuple[Any, ...]


class PresidioRedactor:
    """Shared by all jobs and threads of a process; keeps one reader a language, and nothing of a text.

    `models_dir`: where the name recogniser's weights are. Where they are missing, each text asks for them again.
    """

    def __init__(self, *, models_dir: pathlib.Path | None = None) -> None:
        self._models_dir = models_dir
        self._readers: dict[str, _Reader] = {}
        self._lock = threading.Lock()

    def find(self, text: str, language: str, on_progress: OnProgress) -> Findings:
        """See the protocol. Raises ValueError for a language that is not in `pii_types.LANGUAGES`."""
        reader = self._reader(language)
        from jobs.engines.pii import claims, repeats
        from jobs.engines.pii.heard import Heard

        on_progress(0.0)
        found: list[Found] = []
        heard = Heard(reader.words.language)
        for stretch in stretches(text):
            found += _found(text, stretch, reader, heard)
            on_progress(stretch.end / len(text))
        items = merge(text, found)
        again = repeats.said_again(text, items, heard, claims.language(language))
        return Findings(merge(text, [*found, *again]) if again else items, reader.words.problem)

    def _reader(self, language: str) -> _Reader:
        if language not in LANGUAGES:
            raise ValueError(f"{language} is not one of the languages that are redacted: {', '.join(LANGUAGES)}")
        with self._lock:
            reader = self._readers.get(language)
            if reader is None or reader.words.problem:
                reader = self._readers[language] = _build(language, self._models_dir)
            return reader


def _build(language: str, models_dir: pathlib.Path | None) -> _Reader:
    """A second or two, once a language; the second time, for weights that may have come, some milliseconds."""
    # presidio tells of every recognizer that it loads.
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    from jobs.engines.pii import numbers
    from jobs.engines.pii.artifacts import check
    from jobs.engines.pii.words import Words

    words = Words(language, models_dir)
    return _Reader(language, words, tuple(map(check, [*numbers.recognizers(language), *words.recognizers])))


def _found(text: str, stretch: Stretch, reader: _Reader, heard: Heard) -> Iterator[Found]:
    """What the recognizers find in a stretch and its margins, of that what touches the stretch."""
    from jobs.engines.pii.artifacts import Artifacts

    part = text[stretch.first : stretch.after]
    artifacts = Artifacts(reader.language)
    for recognizer in reader.recognizers:
        for one in recognizer.analyze(part, recognizer.supported_entities, artifacts) or []:
            start, end = one.start + stretch.first, one.end + stretch.first
            if start < stretch.end and end > stretch.start:
                yield Found(start, end, one.entity_type, float(one.score), recognizer.name)
    if part.strip():
        heard.listen(reader.words.scene(part, artifacts))
