"""Doing what a schedule plans, and telling the store."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tests.chaos.store import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.databases import Database
    from tests.chaos.faults import Planned
    from tests.chaos.store import Store
    from tests.chaos.workers import WorkerProcess, Workers

WRITER_SECONDS = 2.0
"""Who cannot write for so long is kept out by whoever is frozen, and not by the others' writing."""


class Inflictor:
    """Does the faults of ``schedule`` as their moments come; `turn` is to be called often.

    What cannot be done, because its worker has only begun or the server is being harmed already, is left out.
    """

    def __init__(
        self,
        schedule: Iterator[Planned],
        workers: Workers,
        database: Database,
        store: Store,
        lease_seconds: float,
    ) -> None:
        self._schedule = schedule
        self._workers = workers
        self._database = database
        self._store = store
        self._lease_seconds = lease_seconds
        self._next = next(schedule)
        self._next_at = time.monotonic() + self._next.after_seconds
        self._frozen: list[tuple[float, float, Planned, WorkerProcess]] = []
        self._harming: threading.Thread | None = None

    def turn(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        for entry in [entry for entry in self._frozen if entry[1] <= now]:
            self._frozen.remove(entry)
            self._thaw(*entry)
        if now >= self._next_at:
            self._do(self._next)
            self._next = next(self._schedule)
            # From when it was due, so that a slow moment does not make the run a milder one.
            self._next_at += self._next.after_seconds

    def finish(self) -> None:
        """Bring to its end what is under way."""
        for entry in self._frozen:
            self._thaw(*entry)
        self._frozen.clear()
        if self._harming is not None:
            self._harming.join()

    def _do(self, planned: Planned) -> None:
        if planned.kind.to_server:
            if self._harming is None or not self._harming.is_alive():
                self._harming = threading.Thread(target=self._harm, args=(planned,), name="harming")
                self._harming.start()
            return
        worker = self._workers.free(planned.slot)
        if worker is None:
            return
        began = time.monotonic()
        if planned.kind.leases[1]:
            worker.freeze()
            self._frozen.append((began, began + planned.leases * self._lease_seconds, planned, worker))
            return
        if planned.kind.name == "stop":
            worker.stop()
        else:
            worker.kill()
        self._store.append(Fault(began, planned.kind.name, worker.pid, began))

    def _thaw(self, began: float, _until: float, planned: Planned, worker: WorkerProcess) -> None:
        keeps_out = not self._database.answers_writers(WRITER_SECONDS)
        if planned.kind.restarts:
            worker.kill()
        else:
            worker.thaw()
        self._store.append(Fault(began, planned.kind.name, worker.pid, time.monotonic(), keeps_out))

    def _harm(self, planned: Planned) -> None:
        began = time.monotonic()
        for_all = self._database.harm(planned, self._lease_seconds)
        self._store.append(Fault(began, planned.kind.name, 0, time.monotonic() if for_all else began, for_all))
