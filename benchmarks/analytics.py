"""Call analytics beside gold: pack fields, items, summaries, chapters, sentiment, what was made up, time and memory.

    python -m benchmarks.analytics [--no-model | --url URL [--key KEY] [--model NAME]] [--only NAME …] [--own]
                                   [--one-prompt] [--profiles full basic] [--testdata DIR] [--misses] [--json FILE]

Prints Markdown: the labelled conversations of `analytics_set/` with the embedded analyst and the packaged model, or
with none, or with any OpenAI-compatible server (URL ends in /v1). `--own`: the packs' fields once more as a caller's
own, without what a pack knows. `--one-prompt`: beside it one question to the same model with all fields. `--testdata`:
also the recordings under DIR, transcribed first. `--misses`: which answers were wrong. Loading: `analytics_data.py`,
matching: `analytics_scoring.py`.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
os.environ.setdefault("OMP_NUM_THREADS", "2")

import django

from analytics.catalogue import pack
from analytics.requests import AnalyticsRequest, parse_request
from benchmarks import analytics_analysts as analysts
from benchmarks import analytics_details as details
from benchmarks import analytics_tables as tables
from benchmarks.analytics_data import Conversation, conversations
from jobs.pipeline.analysis import analysed

Ask = Callable[[Conversation], dict[str, Any]]


@dataclass
class Result:
    """What came of one conversation: `result.analytics`, and the seconds of both paths."""

    conversation: Conversation
    request: AnalyticsRequest
    payload: dict[str, Any]
    generic_s: float = 0.0
    custom_s: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def elapsed_s(self) -> float:
        return self.generic_s + self.custom_s


@dataclass
class Measured:
    """By what was asked: "full", "basic", "own", "one prompt". `loading_s`: before the first conversation."""

    results: dict[str, list[Result]] = field(default_factory=dict)
    loading_s: dict[str, float] = field(default_factory=dict)
    memory: analysts.Memory = field(default_factory=analysts.Memory)


def measure(arguments: argparse.Namespace, chosen: list[Conversation]) -> Measured:
    analyst = _analyst(arguments)
    found = Measured()
    with found.memory:
        for profile in arguments.profiles:
            analysts.end_servers()  # the cache of one profile would be the other's time
            found.loading_s[profile] = analysts.warm(analyst, everything=not arguments.url)
            found.results[profile] = [asked(analyst, each, profile_request(each, profile)) for each in chosen]
        calls = [each for each in chosen if each.domain]
        if arguments.own:
            found.results["own"] = [asked(analyst, each, own_request(each)) for each in calls]
        if arguments.one_prompt:
            found.results["one prompt"] = [asked_at_once(analyst, each) for each in calls]
    return found


def _analyst(arguments: argparse.Namespace) -> Any:
    if arguments.no_model:
        return analysts.without_model()
    if arguments.url:
        return analysts.at_endpoint(
            analysts.Endpoint(
                arguments.url, arguments.key, arguments.model, arguments.context_tokens, arguments.parallel
            )
        )
    return analysts.embedded()


def profile_request(conversation: Conversation, profile: str) -> AnalyticsRequest:
    return _parsed({"profile": profile, **({"domain": conversation.domain} if conversation.domain else {})})


def own_request(conversation: Conversation) -> AnalyticsRequest:
    """The fields of the conversation's pack as a caller would define them: labels, descriptions, options."""
    fields = [guide.field.as_json() for guide in pack(conversation.domain or "").fields]
    return _parsed({"schema": {"fields": fields}})


def _parsed(document: dict[str, Any]) -> AnalyticsRequest:
    request = parse_request(document)
    assert request is not None
    return request


def asked(analyst: Any, conversation: Conversation, request: AnalyticsRequest) -> Result:
    started = time.perf_counter()
    done = analysed(conversation.spoken, request, lambda: analyst, lambda fraction: None)
    print(f"{conversation.name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return Result(
        conversation, request, done.payload, done.generic_elapsed_s, done.custom_elapsed_s, tuple(done.warnings)
    )


def asked_at_once(analyst: Any, conversation: Conversation) -> Result:
    request = _parsed({"domain": conversation.domain})
    started = time.perf_counter()
    payload = analysts.one_prompt(analyst, conversation.spoken, request)
    return Result(conversation, request, payload, custom_s=time.perf_counter() - started)


def report(arguments: argparse.Namespace) -> Iterator[str]:
    chosen = conversations(arguments.testdata, tuple(arguments.only))
    if unknown := set(arguments.only) - {each.name for each in chosen}:
        sys.exit(f"Not in the set: {', '.join(sorted(unknown))}.")
    found = measure(arguments, chosen)
    first = arguments.profiles[0]
    titles = {
        first: "Pack fields",
        "own": "The same fields as a caller's own",
        "one prompt": "The same fields by one prompt",
    }
    for name, title in titles.items():
        yield from tables.fields(title, found.results.get(name, ()))
    yield from profiles({profile: found.results[profile] for profile in arguments.profiles})
    yield from tables.made_up(found.results)
    yield from costs(found, arguments.profiles)
    if arguments.misses:
        for name in titles:
            yield from details.misses(name, found.results.get(name, ()))
    if arguments.json:
        arguments.json.write_text(json.dumps(details.as_json(found.results), ensure_ascii=False, indent=1) + "\n")


def profiles(results: dict[str, list[Result]]) -> Iterator[str]:
    """The generic modules; what is the same with two profiles once."""
    written: dict[str, str] = {}
    for profile, of in results.items():
        yield f"\n# Profile {profile}"
        yield from tables.audit(of) if profile == "full" else tables.left_empty(of)
        fast = tables.fast(of)
        if earlier := written.get(fast):
            yield f"\nTopics, summaries, chapters and sentiment: every figure as with {earlier}."
        else:
            yield fast
        written[fast] = profile


def costs(found: Measured, profiles: list[str]) -> Iterator[str]:
    yield from tables.times({profile: found.results[profile] for profile in profiles})
    for name in sorted(found.results.keys() - set(profiles)):
        seconds = [result.elapsed_s for result in found.results[name]]
        yield f"\n{name}: at most {max(seconds, default=0):.1f} s, in all {sum(seconds):.0f} s."
    loading = ", ".join(f"{seconds:.0f}" for seconds in found.loading_s.values())
    yield f"\nLoading, once a process and not in the times above: {loading} s (server started anew for each profile)."
    yield f"Memory, at most: this process {found.memory.own_mb:.0f} MB, model server {found.memory.server_mb:.0f} MB."
    yield f"Machine: {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-model", action="store_true", help="sentence vectors alone: a minute")
    parser.add_argument("--url", help="an OpenAI-compatible server, ends in /v1")
    parser.add_argument("--key", default="")
    parser.add_argument("--model", default="", help="its name there; default: the first that is served")
    parser.add_argument("--context-tokens", type=int, default=32_768)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--profiles", nargs="+", choices=("full", "basic"), default=["full", "basic"])
    parser.add_argument("--own", action="store_true", help="the packs' fields as a caller's own too")
    parser.add_argument("--one-prompt", action="store_true", help="one question for all fields beside it")
    parser.add_argument("--testdata", type=pathlib.Path, help="a folder with calls/: the real ones too")
    parser.add_argument("--misses", action="store_true", help="list what was answered wrong")
    parser.add_argument("--json", type=pathlib.Path, help="figures and answers of each conversation")
    arguments = parser.parse_args()
    if arguments.no_model and (arguments.own or arguments.one_prompt or arguments.url):
        parser.error("--own, --one-prompt and --url ask a model, --no-model none")
    django.setup()
    for line in report(arguments):
        print(line, flush=True)


if __name__ == "__main__":
    main()
