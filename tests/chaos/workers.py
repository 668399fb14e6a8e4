"""Worker processes, each in a place of its own, in which another is started when one has ended.

They are forked from a server that has imported what they need: some hundreds start in a run, and what counts is how
they work and end, not how long Python takes to import Django.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.chaos.store import Death

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from tests.chaos.store import Store

POLL_SECONDS = 0.2
TURN_SECONDS = 0.05
KILLED = -signal.SIGKILL
STOPPED = 0
END_SECONDS = 20
"""How long a worker may take to end gracefully: launches are short, and the database answers."""


@dataclass
class WorkerProcess:
    """One worker."""

    process: ForkServerProcess
    liveness_file: Path
    expected: set[int] = field(default_factory=set)
    """The exit statuses that what was done to it leads to."""
    frozen: bool = False
    _first_touch: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    @property
    def status(self) -> int | None:
        """Its exit status; None: it has not ended."""
        return self.process.exitcode

    def is_up(self) -> bool:
        """Return whether it works: it has touched its liveness file once more since it began."""
        if not self.liveness_file.exists():
            return False
        touched = self.liveness_file.stat().st_mtime_ns
        self._first_touch = self._first_touch or touched
        return touched > self._first_touch

    def is_free(self) -> bool:
        """Return whether something may be done to it: it is up, and nothing is under way."""
        return not self.frozen and not self.expected and self.status is None and self.is_up()

    def kill(self) -> None:
        """Kill it."""
        self.expected.add(KILLED)
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self.expected.add(STOPPED)
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop its time, as far as it can tell."""
        self.frozen = True
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.frozen = False
        self._signal(signal.SIGCONT)

    def _signal(self, order: signal.Signals) -> None:
        if self.status is None:
            os.kill(self.pid, order)


class Workers:
    """As many workers as there are places."""

    def __init__(self, places: int, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._started = 0
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tests.chaos.worker_main"])
        self.places = [self._start() for _ in range(places)]

    def free(self, slot: int) -> WorkerProcess | None:
        """Return the first worker from place ``slot`` on to which something may be done; none: None."""
        places = [*self.places[slot:], *self.places[:slot]]
        return next((worker for worker in places if worker.is_free()), None)

    def replace_ended(self) -> None:
        """Record who has ended, and start others in their places."""
        for slot, worker in enumerate(self.places):
            if worker.status is not None:
                self._record(worker)
                self.places[slot] = self._start()

    def end(self) -> list[int]:
        """End all gracefully, those that have only begun at once; return the pids of those that do not end."""
        for worker in self.places:
            worker.thaw()
            if worker.is_up():
                worker.stop()
            else:
                worker.kill()
        deadline = time.monotonic() + END_SECONDS
        while any(worker.status is None for worker in self.places) and time.monotonic() < deadline:
            time.sleep(TURN_SECONDS)
        stuck = [worker.pid for worker in self.places if worker.status is None]
        self.kill()
        return stuck

    def kill(self) -> None:
        """Kill those that are left, whatever they do."""
        for worker in self.places:
            worker.process.kill()
            worker.process.join()
            self._record(worker)
        self.places.clear()

    def _record(self, worker: WorkerProcess) -> None:
        if worker.status is not None:
            self._store.append(Death(time.monotonic(), worker.pid, worker.status, sorted(worker.expected)))

    def _start(self) -> WorkerProcess:
        self._started += 1
        liveness_file = self._folder / f"worker-{self._started}.alive"
        log = self._folder / f"worker-{self._started}.log"
        arguments = ["--verbosity", "0", "--poll-interval", str(POLL_SECONDS), "--liveness-file", str(liveness_file)]
        process = self._processes.Process(target=_work, args=(str(self._folder), str(log), arguments))
        process.start()
        return WorkerProcess(process, liveness_file)


def _work(*arguments: Any) -> None:
    from tests.chaos.worker_main import work  # sets Django up, which tests have done already

    work(*arguments)
