"""What is said not to the other person but to a machine that will read the transcript: evidence of nothing.

Told by a classifier, and by characters that nobody says: keys with an underscore, braces, tags, code.
"""

from __future__ import annotations

import functools
import re

import numpy as np

from analytics.catalogue import packs
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import sentence_vectors

MACHINE, PERSON = "machine", "person"
# How sure the classifier must be; people do speak of fields, systems and marks.
LEAST = 0.95
# What redaction leaves (`jobs.pipeline.substitution`) and addresses that were spelled out: written so, said by people.
_WRITTEN = re.compile(r"<[A-Z][A-Z_]*(?:_\d+|:[0-9a-f]+)?>|####|\S+@\S+|\bhttps?://\S+")
_UNSPOKEN = re.compile(r"[^\W_]_[^\W_]|[{}<>|\\`]|##|\*\*")


def to_a_machine(reading: Reading) -> np.ndarray:
    """(units,): which of them tell a machine what to answer."""
    head = _head()
    sure = head.probabilities(reading.vectors)[:, head.column(MACHINE)] >= LEAST
    return sure | np.array([bool(_UNSPOKEN.search(_WRITTEN.sub("", unit.text))) for unit in reading.units], bool)


@functools.cache
def _head() -> Head:
    to_people = [str(text) for name in ("acts", "sentiment") for texts in cues(name).values() for text in texts]
    to_people += [*cues("voices")["agent"], *cues("voices")["customer"]]
    for pack in packs():
        for field in pack.fields:
            to_people += [phrase.text for answer in field.answers for phrase in answer.examples]
    return Head({MACHINE: cues("voices")[MACHINE], PERSON: list(dict.fromkeys(to_people))}, sentence_vectors())
