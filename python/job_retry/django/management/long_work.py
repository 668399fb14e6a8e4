"""What commands with long work have in common: a bar with a rate and an end, and a stop between two chunks."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from job_retry.django.management.text import rich_if_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.management.base import OutputWrapper

INTERRUPTED = 130
"""Exit status of a command that was told to stop before its end, as shells have it."""

REDRAW_SECONDS = 0.2


class Progress(Protocol):
    """How far some work is."""

    def advance(self, number: int) -> None:
        """So many more are done."""


class Silent:
    """Shows nothing: where nobody looks on."""

    def advance(self, number: int) -> None:
        """Nothing."""


class PlainBar:
    """One line, drawn again and again, for a terminal without rich."""

    def __init__(
        self, stream: OutputWrapper, title: str, total: int, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._title, self._total, self._monotonic = stream, title, total, monotonic
        self._done = 0
        self._began_at = self._drawn_at = monotonic()

    def advance(self, number: int) -> None:
        """Count, and draw if the last picture is old enough."""
        self._done += number
        if self._monotonic() - self._drawn_at >= REDRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draw how far the work is."""
        self._drawn_at = self._monotonic()
        seconds = self._drawn_at - self._began_at
        line = f"{self._title}: {describe_progress(self._done, self._total, seconds)}"
        self._stream.write("\r" + line.ljust(shutil.get_terminal_size().columns - 1), ending="")


def describe_progress(done: int, total: int, seconds: float) -> str:
    """Say how far it is, how fast, and when it ends."""
    words = f"{done:,} of {total:,}"
    if not done or seconds <= 0:
        return words
    rate = done / seconds
    return f"{words}, {rate:,.0f} a second, {max(0, total - done) / rate:,.0f} s left"


@contextmanager
def progress(stream: OutputWrapper, title: str, total: int) -> Iterator[Progress]:
    """Show on a terminal how far the work is; nothing is shown elsewhere, or where there is nothing to do."""
    if not total or not stream.isatty():
        yield Silent()
        return
    rich_output = rich_if_installed()
    if rich_output is not None:
        with rich_output.rich_bar(stream, title, total) as bar:
            yield bar
        return
    plain = PlainBar(stream, title, total)
    try:
        yield plain
    finally:
        plain.draw()
        stream.write("\n", ending="")


@contextmanager
def stopping_between_chunks() -> Iterator[threading.Event]:
    """Have SIGINT and SIGTERM set the event that is given, which the work looks at between two chunks.

    A second signal does what it did before: SIGINT ends the chunk under way, which is rolled back. Signals reach only
    the main thread; in another, nothing sets the event.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    orders = (signal.SIGINT, signal.SIGTERM)
    before = {order: signal.getsignal(order) for order in orders}

    def restore() -> None:
        for order, handler in before.items():
            signal.signal(order, handler)

    def told(_number: int, _frame: object) -> None:
        stop.set()
        restore()

    for order in orders:
        signal.signal(order, told)
    try:
        yield stop
    finally:
        restore()
