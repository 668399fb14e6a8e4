"""Lists that are edited in one thread while others classify by them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from job_retry import ErrorClassifier

PATIENCE_SECONDS = 60


def while_edited(
    made: type[ErrorClassifier],
    states: Sequence[tuple[list[str], list[str]]],
    rounds: int,
    tasks: Sequence[Callable[[], object]],
) -> None:
    """Call each of ``tasks`` again and again in a thread of its own, until ``made`` has gone through ``states``.

    The states are what the lists hold, by turns, and both words that they tell apart are ``busy`` and ``gone``.
    """
    stop = threading.Event()
    start = threading.Barrier(len(tasks) + 1)

    def edit() -> None:
        start.wait()
        for number in range(rounds):
            transient, permanent = states[number % len(states)]
            # First widened, then narrowed: at every moment one of the lists has each word.
            made.PERMANENT_PATTERNS[:] = ["busy", "gone", *permanent]
            made.TRANSIENT_PATTERNS[:] = transient
            made.PERMANENT_PATTERNS = list(permanent)
        stop.set()

    def repeat(task: Callable[[], object]) -> None:
        start.wait()
        while not stop.is_set():
            task()

    threads = [threading.Thread(target=edit), *(threading.Thread(target=repeat, args=(task,)) for task in tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
