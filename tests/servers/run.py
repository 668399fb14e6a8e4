"""Run a command with a database server of its own.

    python -m tests.servers.run [--durable] SERVER -- COMMAND...

The command finds the server's URL in DATABASE_URL; its exit status becomes this program's.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tests.servers import mariadb, postgresql
from tests.servers.private import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType

STOP_SECONDS = 10


class Serve(Protocol):
    """A running server's URL, as a context manager."""

    def __call__(self, *, durable: bool = False) -> AbstractContextManager[str]: ...


@dataclass(frozen=True)
class Server:
    """One kind of server that tests can have."""

    title: str
    missing: Callable[[], str | None]
    serve: Serve


SERVERS: Mapping[str, Server] = {
    "postgresql": Server("PostgreSQL", postgresql.missing, postgresql.serve),
    "mariadb": Server("MariaDB", mariadb.missing, mariadb.serve),
}


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """Turn SIGTERM, SIGHUP and SIGINT into SystemExit, so that whatever is open gets closed."""
    orders = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    def leave(number: int, _frame: FrameType | None) -> None:
        # A second signal must not interrupt the cleaning up, each step of which has its own time limit.
        for order in orders:
            signal.signal(order, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {order: signal.signal(order, leave) for order in orders}
    try:
        yield
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end, which is also ours, and return its exit status as a shell would."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            status = process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return status if status >= 0 else 128 - status


def main(arguments: Sequence[str]) -> int:
    """Start the server, run the command, stop the server."""
    if "--" not in arguments:
        arguments = [*arguments, "--"]
    split = list(arguments).index("--")
    command = list(arguments[split + 1 :])
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers.run",
        usage="%(prog)s [--durable] SERVER -- COMMAND...",
        description="Run a command with a database server of its own, whose URL is in DATABASE_URL.",
    )
    parser.add_argument("server", metavar="SERVER", choices=SERVERS, help=", ".join(SERVERS))
    parser.add_argument("--durable", action="store_true", help="force every commit to disk, as in production")
    options = parser.parse_args(arguments[:split])
    if not command:
        parser.error("no command after --")
    try:
        with leaving_on_signals(), SERVERS[options.server].serve(durable=options.durable) as url:
            return run_command(command, os.environ | {"DATABASE_URL": url})
    except (ServerError, FileNotFoundError, PermissionError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
