"""The word half of PII detection: names, places, e-mail and web addresses, as presidio recognizers of one language."""

from __future__ import annotations

import functools
import logging
import pathlib
from collections.abc import Callable, Iterable, Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.ner import Ner
from jobs.engines.pii.people import WAYS
from jobs.engines.pii.scene import Language, Scene, Span
from jobs.pipeline.types import EngineUnavailable

# What the customer is told; what an operator has to do is in the log.
WITHOUT_MODEL = (
    "Names were looked for with rules and name lists only, because the model that finds names is not available on this "
    "server; review is required."
)
_PLACE = "LOCATION"
_PERSON = "PERSON"

log = logging.getLogger(__name__)
_language = functools.cache(Language)


class Words:
    """The recognizers of one language: one for each way of finding, so that several that agree count as several.

    `problem` is one sentence for the customer when the model can't be had: then rules and gazetteer work alone.
    `models_dir` may hold the weights in `rampart/` instead of the installed package.
    """

    def __init__(self, language: str, models_dir: pathlib.Path | None) -> None:
        self.language = _language(language)
        self._ner = _model_or_none(models_dir)
        self.problem = WITHOUT_MODEL if self._ner is None else None
        self.recognizers: list[EntityRecognizer] = [
            self._person(way) for way in WAYS if way != "name_model" or self._ner is not None
        ]
        self.recognizers += [
            self._made("addresses", _PLACE, lambda scene: scene.streets),
            self._made("towns", _PLACE, lambda scene: scene.towns),
            self._made("emails", "EMAIL_ADDRESS", _net("EMAIL_ADDRESS")),
            self._made("web_addresses", "URL", _net("URL")),
        ]

    def scene(self, text: str, artifacts: NlpArtifacts | None) -> Scene:
        """The text's scene, made once for all that share the artifacts."""
        if not isinstance(artifacts, Artifacts):
            return Scene(text, self.language, self._ner)
        if artifacts.scene is None:
            artifacts.scene = Scene(text, self.language, self._ner)
        return artifacts.scene

    def _person(self, way: str) -> EntityRecognizer:
        return self._made(way, _PERSON, lambda scene: scene.found_people[way])

    def _made(self, name: str, entity: str, find: Callable[[Scene], Iterable[Span]]) -> EntityRecognizer:
        return SceneRecognizer(name, entity, self, find)


class SceneRecognizer(EntityRecognizer):
    """Runs one finder over the scene of a text; what it returns starts and ends with whole words."""

    def __init__(self, name: str, entity: str, words: Words, find: Callable[[Scene], Iterable[Span]]) -> None:
        self._entity, self._words, self._find = entity, words, find
        self.name: str = name
        super().__init__(supported_entities=[entity], name=name, supported_language=words.language.code)

    def load(self) -> None:
        """Nothing to do: the rules and the model are loaded before."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """See presidio."""
        if self._entity not in entities or not text.strip():
            return []
        return list(self._results(self._words.scene(text, nlp_artifacts)))

    def _results(self, scene: Scene) -> Iterator[RecognizerResult]:
        for span in self._find(scene):
            start, end = scene.words[span.first].start, scene.words[span.last - 1].end
            yield RecognizerResult(self._entity, start, end, min(span.score, 1.0))


def _net(kind: str) -> Callable[[Scene], Iterable[Span]]:
    return lambda scene: [span for span, found in scene.net if found == kind]


def _model_or_none(models_dir: pathlib.Path | None) -> Ner | None:
    own = models_dir / "rampart" if models_dir is not None else None
    try:
        return _model(own if own is not None and own.is_dir() else None)
    except EngineUnavailable as error:
        _tell(str(error))
        return None


@functools.lru_cache(maxsize=1)
def _model(folder: pathlib.Path | None) -> Ner:
    # One model serves all languages; a failure is not kept, so that mended weights are found without a restart.
    return Ner(folder)


@functools.lru_cache(maxsize=16)
def _tell(problem: str) -> None:
    """Once: without weights it would be said for every recording."""
    log.error("%s", problem)
