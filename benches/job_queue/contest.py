"""Running the programs of queues in rounds that alternate, so that a busy machine slows all of them."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg

from tests.servers import postgresql
from tests.servers.run import leaving_on_signals

from .program import LONGEST_SECONDS, Order, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
COUNTING = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
"""Settings of a server that counts statements; none that is timed has them."""


@dataclass(frozen=True)
class Contestant:
    """A queue, as it is configured for a contest."""

    name: str
    program: str
    """A module of `programs`."""
    database: str
    """What keeps its jobs: postgresql, sqlite or redis."""
    jobs: int
    """So many that a round takes a few seconds."""
    interpreter: Path = Path(sys.executable)
    options: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1

    def run(self, work: str, url: str, *, counts_statements: bool = False) -> Outcome:
        """Have the work done in an empty queue at ``url``, and return the outcome; AssertionError where it fails."""
        order = Order(work, self.jobs, url, self.workers, self.options, counts_statements)
        told = run_program(f"programs.{self.program}", json.dumps(asdict(order)), url, self.interpreter)
        return Outcome(**told)


def run_program(
    module: str, argument: str, url: str, interpreter: Path = Path(sys.executable), *, package: str = "job_queue"
) -> Any:
    """Run a module of ``package`` beside the database at ``url``, and return what its last line says, read as JSON.

    AssertionError with what it wrote where it fails.
    """
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("benches", "python", "."))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DJANGO"))}
    # A session of its own, so that whatever the program has started ends with it.
    with subprocess.Popen(
        [str(interpreter), "-m", f"{package}.{module}", argument],
        env=environment | {"PYTHONPATH": paths, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=3 * LONGEST_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, f"{module} failed:\n{said[-2000:]}\n{complained[-4000:]}"
    return json.loads(said.splitlines()[-1])


def ours(database: str, jobs: int, *, name: str = "ours", workers: int = 1, **options: object) -> Contestant:
    """Return the queue of this project."""
    return Contestant(name, "ours", database, jobs, options=options, workers=workers)


class Databases:
    """An empty database for each run, of the kind that a queue keeps its jobs in."""

    def __init__(self, server_url: str, folder: Path, redis_url: str) -> None:
        self._server_url = server_url
        self._folder = folder
        self._redis_url = redis_url
        self._made = 0

    def new(self, kind: str) -> str:
        """Return the URL of a new database; that of Redis is emptied by its program."""
        self._made += 1
        name = f"jobs_{self._made}"
        if kind == "redis":
            return self._redis_url
        if kind == "sqlite":
            return f"sqlite:///{self._folder / name}.sqlite3"
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return urlsplit(self._server_url)._replace(path=f"/{name}").geturl()


@contextmanager
def databases(settings: Mapping[str, str] | None = None, *, redis_url: str = "") -> Iterator[Databases]:
    """Keep a private PostgreSQL server, its durability as it comes, and a folder for files of SQLite."""
    with leaving_on_signals(), postgresql.keep(settings or {}) as server, tempfile.TemporaryDirectory() as folder:
        yield Databases(server.url, Path(folder), redis_url)


@dataclass(frozen=True)
class Standing:
    """What the rounds came to for one contestant."""

    seconds_per_attempt: Sequence[float]
    """By round."""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds_per_attempt)


def rounds(contestants: Sequence[Contestant], work: str, made: Databases, number: int) -> dict[str, Standing]:
    """Have each contestant do the work ``number`` times, in turns, and return what it took, by name."""
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for turn in range(number):
        # Whoever comes first in one round comes last in the next: a neighbour's load may rise or fall all the time.
        for contestant in contestants if turn % 2 == 0 else reversed(contestants):
            outcome = contestant.run(work, made.new(contestant.database))
            seconds[contestant.name].append(outcome.seconds / outcome.attempts)
    return {name: Standing(taken) for name, taken in seconds.items()}


def median_ratio(slow: Standing, fast: Standing) -> float:
    """Return how many times as fast the second one is: the median of the rounds' ratios."""
    pairs = zip(slow.seconds_per_attempt, fast.seconds_per_attempt, strict=True)
    return statistics.median(mine / other for mine, other in pairs)
