"""Threads in which a worker launches jobs and writes what came of them, each with database connections of its own."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable


class TaskThreads:
    """As many threads as tasks have been under way at the same time; used from one thread. A task raises nothing."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, task: Callable[[], None], *, under_way: int) -> None:
        """Run ``task`` as soon as a thread is free, which is at once; ``under_way``: how many others may be running."""
        if under_way >= len(self._threads):
            # A daemon: a launcher that never returns must not keep a worker alive that was told twice to stop.
            name = f"{self._name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._tasks.put(task)

    def close(self, *, wait: bool) -> None:
        """End the threads when their tasks have ended, and ``wait`` for that."""
        for _thread in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        try:
            while (task := self._tasks.get()) is not None:
                task()
        finally:
            connections.close_all()
