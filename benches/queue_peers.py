"""Compare the queue with other queues and with plain SQL, each in its own idiom and in its fastest documented setting.

make bench-peers
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from job_queue.contest import ROOT, Contestant, databases, median_ratio, ours, rounds
from job_queue.work import WORKS
from side_by_side import Demand, Figure, at_least, main

from tests.servers.private import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 3
WORK = WORKS["retried"]
INTERPRETER = ROOT / ".venv-queue-peers" / "bin" / "python"
START_SECONDS = 30


def peer(name: str, program: str, database: str, jobs: int, **options: object) -> Contestant:
    return Contestant(name, program, database, jobs, interpreter=INTERPRETER, options=options)


PEERS: tuple[tuple[Contestant, Demand | None], ...] = (
    (peer("Procrastinate, one at a time", "procrastinate", "postgresql", 300, concurrency=1), at_least(5)),
    (peer("Procrastinate, 10 concurrent", "procrastinate", "postgresql", 600, concurrency=10), at_least(5)),
    (peer("django-q2, broker on the ORM", "django_q2", "postgresql", 300), at_least(5)),
    (peer("Celery with Redis", "celery", "redis", 600), None),
    (peer("plain SQL, one at a time", "raw_sql", "postgresql", 900, batch=1), None),
    (peer("plain SQL, batches of 100", "raw_sql", "postgresql", 9000, batch=100), None),
    (peer("Huey", "huey", "sqlite", 600), at_least(1)),
    (peer("Huey, no fsync, no results", "huey", "sqlite", 1500, fsync=False, results=False), at_least(1)),
)
"""With what is demanded of the queue beside them."""


def figures() -> Iterator[Figure]:
    own = {database: ours(database, 3000, name=f"ours, {database}") for database in ("postgresql", "sqlite")}
    with redis_server() as redis_url, databases(redis_url=redis_url) as made:
        taken = rounds([*own.values(), *(contestant for contestant, _ in PEERS)], WORK.name, made, ROUNDS)
    for contestant, demand in PEERS:
        mine = taken[own["sqlite" if contestant.database == "sqlite" else "postgresql"].name]
        theirs = taken[contestant.name]
        yield Figure(
            "Beside SQLite" if contestant.database == "sqlite" else "Beside PostgreSQL and Redis",
            contestant.name,
            median_ratio(theirs, mine),
            demand,
            seconds={"peer": theirs.median, "ours": mine.median},
        )


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a private Redis on the loopback address that writes nothing to disk, and give its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(START_SECONDS)


def wait_for(port: int) -> None:
    """Wait until the server answers."""
    ends_at = time.monotonic() + START_SECONDS
    while not answers(port):
        assert time.monotonic() < ends_at, f"Redis did not answer within {START_SECONDS} seconds"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    raise SystemExit(not main(figures, __doc__))
