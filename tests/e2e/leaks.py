"""Looks for what should not be there: the strings of a script in everything that the product keeps, sends and shows.

`Secrets` says which; the functions below list the places, as (where, text).
"""

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import redis
from django.db import connection

Place = tuple[str, str]

# What the script marks but redaction leaves, because it names nobody.
NO_PII = {"MONEY", "DATE", "MEDICAL_CONDITION", "MEDICATION"}
SHORTEST = 4
# Fewer digits than these occur in ids and times by chance: they count where they stand by themselves.
TELLING_DIGITS = 8


def alphanumeric(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


class Secrets:
    """Strings that must be nowhere: as they are written, in any case and with any separators, and their digits."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.forms = {form: text for text in texts for form in self._forms(text)}

    def _forms(self, text: str) -> Iterator[str]:
        for form in (alphanumeric(text), "".join(filter(str.isdigit, text))):
            if len(form) >= SHORTEST:
                yield form

    def found_in(self, places: Iterable[Place]) -> list[tuple[str, str]]:
        """(where, which) of everything that is still there."""
        return [
            (where, secret)
            for where, text in places
            for plain in [alphanumeric(text)]
            for form, secret in self.forms.items()
            if form in plain and (not self._is_short_number(form) or self._stands_alone(form, text))
        ]

    def _is_short_number(self, form: str) -> bool:
        return form.isdigit() and len(form) < TELLING_DIGITS

    def _stands_alone(self, form: str, text: str) -> bool:
        return re.search(r"(?<!\w)" + r"[\W_]*".join(form) + r"(?!\w)", text) is not None


def secrets_of(script: Mapping[str, Any]) -> list[str]:
    """Every string of a script that is PII, as it is written and as it is said; names by their parts too."""
    spans = [span for segment in script["segments"] for span in segment["pii"] if span["type"] not in NO_PII]
    whole = {span[form] for span in spans for form in ("text", "spoken")}
    parts = {part for span in spans if span["type"] == "PERSON" for part in span["text"].split()}
    return sorted(whole | parts)


def in_json(where: str, document: bytes | str) -> Iterator[Place]:
    """The strings of a document, and what those of all items of a list say together; numbers were not said."""
    together: dict[str, list[str]] = {}
    for path, text in _leaves(json.loads(document), ""):
        together.setdefault(path, []).append(text)
    for path, texts in together.items():
        yield f"{where}{path}", " ".join(texts)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield path, key
            yield from _leaves(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, f"{path}[]")
    elif isinstance(value, str):
        yield path, value


def in_text(where: str, value: bytes | str) -> Iterator[Place]:
    """As a document where it is one, else as it is."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from in_json(where, text)
            return
        except json.JSONDecodeError:
            pass
    yield where, text


def in_database() -> Iterator[Place]:
    """Every value of every row of every table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column.name for column in cursor.description or ()]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    raw = bytes(value) if isinstance(value, memoryview | bytes) else str(value)
                    yield from in_text(f"{table}.{column}", raw)


def in_files(folder: Path, *, but: Iterable[Path] = ()) -> Iterator[Place]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in set(but):
            yield "file name", path.name
            yield from in_text(str(path), path.read_bytes())


def in_valkey(client: redis.Redis) -> Iterator[Place]:
    """Every key and value that is there now."""
    for key in client.scan_iter():
        yield "Valkey key", key.decode("utf-8", "replace")
        for value in _values(client, key):
            yield from in_text(f"Valkey {key!r}", value)


def _values(client: Any, key: bytes) -> list[bytes]:
    match client.type(key):
        case b"string":
            return [client.get(key) or b""]
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return list(client.smembers(key))
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"hash":
            return [each for pair in client.hgetall(key).items() for each in pair]
        case other:
            raise AssertionError(f"no test reads what is kept as {other!r}")


class Overheard:
    """`with Overheard(url) as overheard:` notes every command that Valkey is given meanwhile, by whomever."""

    END = "overheard-enough"

    def __init__(self, url: str) -> None:
        self._url, self.commands = url, list[str]()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Overheard":
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        redis.Redis.from_url(self._url).echo(self.END)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def places(self) -> list[Place]:
        return [("Valkey command", command) for command in self.commands]

    def _listen(self) -> None:
        with redis.Redis.from_url(self._url).monitor() as monitor:
            self._listening.set()
            for heard in monitor.listen():
                if self.END in heard["command"]:
                    return
                self.commands.append(heard["command"])
