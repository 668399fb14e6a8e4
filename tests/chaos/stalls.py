"""When the machine itself let a worker wait: too few processors for too many processes, which no fault of ours is."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from tests.chaos.store import Fault

if TYPE_CHECKING:
    from tests.chaos.store import Store

TICK_SECONDS = 0.2
STALL_SECONDS = 1.0
"""A worker that has not run for so long has stalled; it tells the store once it runs again."""
STALL = "stall"


def watch_for_stalls(store: Store) -> None:
    """Watch this process from a thread of its own."""
    threading.Thread(target=_watch, args=(store,), name="stalls", daemon=True).start()


def _watch(store: Store) -> None:
    ran_at = time.monotonic()
    while True:
        time.sleep(TICK_SECONDS)
        now = time.monotonic()
        if now - ran_at > STALL_SECONDS:
            store.append(Fault(ran_at, STALL, os.getpid(), now))
        ran_at = now
