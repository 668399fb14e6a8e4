"""The separate store: files to which each process appends what it did, and which no fault touches.

A line is written by one call into the page cache, which outlives the process that is killed after it. Moments are those
of the machine's monotonic clock, which all processes share, in seconds.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = "JOB_RETRY_CHAOS_STORE"
"""The environment variable that names the folder to the workers."""


@dataclass(frozen=True)
class Start:
    """A launch begins."""

    at: float
    run: str
    """The launch's own id."""
    job: int
    serial: int
    """The attempt's, as in the idempotency key."""
    token: str
    """Of the claim that it was launched under."""
    worker: str
    pid: int
    wall: float
    """Seconds since 1970, for people."""


@dataclass(frozen=True)
class End:
    """The launcher returns or raises; its result is not written yet."""

    at: float
    run: str


@dataclass(frozen=True)
class Ignored:
    """The queue says that a result came too late."""

    at: float
    run: str


@dataclass(frozen=True)
class Fault:
    """The run did something to a worker or to the server."""

    at: float
    kind: str
    """A name of `tests.chaos.faults.FAULTS`."""
    pid: int
    """The worker's; 0: the server's, or everybody's."""
    until: float
    """When it was over; for what takes no time, ``at``."""
    for_all: bool = False
    """Whether it cut off all workers."""

    def meets(self, other: Fault) -> bool:
        """Return whether both were under way together at the same worker."""
        return self.pid == other.pid and self.at < other.until and other.at < self.until


@dataclass(frozen=True)
class Death:
    """A worker has ended."""

    at: float
    pid: int
    status: int
    """Its exit status; negative: the signal that ended it."""
    expected: list[int]
    """The statuses that what was done to it leads to."""


Record = Start | End | Ignored | Fault | Death
_TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in (Start, End, Ignored, Fault, Death)}
RecordT = TypeVar("RecordT", Start, End, Ignored, Fault, Death)


class Store:
    """Appends records to a file of this process's own in ``folder``."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{os.getpid()}-{time.monotonic_ns()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, record: Record) -> None:
        """Append ``record``."""
        line = json.dumps({"type": type(record).__name__, **asdict(record)})
        os.write(self._file, f"{line}\n".encode())


def read_store(folder: Path) -> list[Record]:
    """Return all records in ``folder``, by their moments.

    The last line of a file may be cut, where its process was killed while it wrote; that did not happen.
    """
    records = [read_line(line) for path in folder.glob("*.jsonl") for line in whole_lines(path.read_text())]
    return sorted(records, key=lambda record: record.at)


def whole_lines(text: str) -> list[str]:
    """Return the lines of ``text`` that end."""
    return text.split("\n")[:-1]


def read_line(line: str) -> Record:
    """Return the record that a line holds."""
    values = json.loads(line)
    kind = _TYPES[values.pop("type")]
    record: Record = kind(**values)
    return record


def of_type(records: Iterable[Record], kind: type[RecordT]) -> list[RecordT]:
    """Return the records of one type."""
    return [record for record in records if isinstance(record, kind)]
