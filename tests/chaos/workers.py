"""Worker processes, each in a place of its own, in which another is started when one has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.store import FOLDER, Death, Store

if TYPE_CHECKING:
    from pathlib import Path

POLL_SECONDS = 0.2
TURN_SECONDS = 0.05
KILLED = -signal.SIGKILL
STOPPED = 0
END_SECONDS = 20
"""How long a worker may take to end gracefully: launches are short, and the database answers."""


@dataclass
class WorkerProcess:
    """One worker."""

    process: subprocess.Popen[bytes]
    liveness_file: Path
    expected: set[int] = field(default_factory=set)
    """The exit statuses that what was done to it leads to."""
    frozen: bool = False
    _first_touch: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_up(self) -> bool:
        """Return whether it works: it has touched its liveness file once more since it began."""
        if not self.liveness_file.exists():
            return False
        touched = self.liveness_file.stat().st_mtime_ns
        self._first_touch = self._first_touch or touched
        return touched > self._first_touch

    def is_free(self) -> bool:
        """Return whether something may be done to it: it is up, and nothing is under way."""
        return not self.frozen and not self.expected and self.process.poll() is None and self.is_up()

    def kill(self) -> None:
        """Kill it."""
        self.expected.add(KILLED)
        self.process.kill()

    def stop(self) -> None:
        """Ask it to end."""
        self.expected.add(STOPPED)
        self.process.terminate()

    def freeze(self) -> None:
        """Stop its time, as far as it can tell."""
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.frozen = False
        self.process.send_signal(signal.SIGCONT)


class Workers:
    """As many workers as there are places."""

    def __init__(self, places: int, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._started = 0
        self.places = [self._start() for _ in range(places)]

    def free(self, slot: int) -> WorkerProcess | None:
        """Return the first worker from place ``slot`` on to which something may be done; none: None."""
        places = [*self.places[slot:], *self.places[:slot]]
        return next((worker for worker in places if worker.is_free()), None)

    def replace_ended(self) -> None:
        """Record who has ended, and start others in their places."""
        for slot, worker in enumerate(self.places):
            if worker.process.poll() is not None:
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
        while any(worker.process.poll() is None for worker in self.places) and time.monotonic() < deadline:
            time.sleep(TURN_SECONDS)
        stuck = [worker.pid for worker in self.places if worker.process.poll() is None]
        self.kill()
        return stuck

    def kill(self) -> None:
        """Kill those that are left, whatever they do."""
        for worker in self.places:
            if worker.process.returncode is None:
                worker.process.kill()
                worker.process.wait()
            self._record(worker)
        self.places.clear()

    def _record(self, worker: WorkerProcess) -> None:
        status = worker.process.returncode
        self._store.append(Death(time.monotonic(), worker.pid, status, sorted(worker.expected)))

    def _start(self) -> WorkerProcess:
        self._started += 1
        liveness_file = self._folder / f"worker-{self._started}.alive"
        command = [sys.executable, "-m", "django", "run_job_queue", "--verbosity", "0"]
        command += ["--poll-interval", str(POLL_SECONDS), "--liveness-file", str(liveness_file)]
        with (self._folder / f"worker-{self._started}.log").open("wb") as log:
            # A session of its own, so that Ctrl-C on a terminal reaches this program alone, which ends them all.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, FOLDER: str(self._folder)},
            )
        return WorkerProcess(process, liveness_file)
