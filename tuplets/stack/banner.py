"""What `make run` prints when everything answers: the address, where things lie, and lines to paste."""

from __future__ import annotations

import os
import shlex
import sys

from tuplets.stack.layout import PROJECT_DIR, Layout

SAMPLE = PROJECT_DIR / "samples" / "insurance-call.mp3"
NEW_KEY = (
    "Your API key was shown on the first run. A new account with its own key:",
    "",
    "  .venv/bin/python manage.py create_account --email you@tuplets.localhost --verified",
    "  export TUPLETS_API_KEY=...",
    "",
)


def say(message: str) -> None:
    """Prints at once. Whoever read it may be gone (`make run | head`, a closed terminal): that must stop nothing."""
    try:
        print(message, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def account(made: dict[str, str]) -> str:
    """The ready-made account. Nobody sees its key again."""
    return (
        f"\nA local account was made for you ({made['email']}). This is its API key; it is shown this once:\n\n"
        f"  export TUPLETS_API_KEY={made['api_key']}"
    )


def ready(*, layout: Layout, address: str, has_key: bool) -> str:
    """Where everything is and lines to paste; without a key just shown (`has_key`), how to get one, too."""
    lines = [
        "",
        f"Tuplets is ready at {address}",
        "",
        f"  data   {layout.data_dir}",
        f"  logs   {layout.logs}   (make logs)",
        "  stop   ctrl-C",
        "",
        *([] if has_key else NEW_KEY),
        "Transcribe a recording, look at it until its status is completed, download it:",
        "",
        *(f"  {line}" for line in commands(address)),
        "",
    ]
    return "\n".join(lines)


def commands(address: str) -> list[str]:
    """Three lines for a POSIX shell in which TUPLETS_API_KEY is set."""
    bearer = '-H "Authorization: Bearer $TUPLETS_API_KEY"'
    # The answer is shown as well as its id kept.
    keep_id = """tee /dev/stderr | grep -o '"id": *"[^"]*' | head -n 1 | cut -d '"' -f 4"""
    # curl takes a comma or semicolon for the end of the name unless it is quoted for curl, too.
    name = f'"{SAMPLE}"' if {",", ";"} & set(str(SAMPLE)) else str(SAMPLE)
    return [
        f"JOB=$(curl -sS {address}/jobs {bearer} -F audio_file=@{shlex.quote(name)} | {keep_id})",
        f"curl -sS {address}/jobs/$JOB {bearer}",
        f"curl -sS {address}/jobs/$JOB/download {bearer} -o transcript.json",
    ]
