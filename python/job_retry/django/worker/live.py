"""A display on a terminal, redrawn while the worker works. Needs rich, which the extra ``django`` brings."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections
from django.db.models import Count, Min
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from job_retry.django.states import FINAL, WAITING, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from job_retry.django.queue import JobQueueManager
    from job_retry.django.recording import LaunchResult
    from job_retry.django.worker.loop import Worker
    from job_retry.django.worker.observers import WorkerSummary

logger = logging.getLogger("job_retry.worker")

SHOWN_EVENTS = 8
REFRESH_SECONDS = 0.25
COUNTING_SHARE = 0.05
"""At most this share of the time is spent on counting jobs: with a million rows a count takes a while."""

QUIET_SECONDS = 10.0
"""How long the counts stand where the worker does nothing: others may change them, but an idle worker asks little."""

STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.RETRYING: "yellow",
    Status.LAUNCHING: "cyan",
    Status.RUNNING: "cyan",
}


class LiveProgress:
    """Draws the queue's counts and the latest events on a terminal, as a context manager."""

    def __init__(
        self, queue: str, console: Console | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._monotonic = monotonic
        self._events: deque[Text] = deque(maxlen=SHOWN_EVENTS)
        self._counts: dict[str, int] = {}
        self._next_retry: datetime | None = None
        self._next_count_at = self._counted_at = monotonic()
        self._has_news = False
        self._began_at = monotonic()
        self._worker: Worker | None = None
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=1 / REFRESH_SECONDS)

    def __enter__(self) -> LiveProgress:
        """Begin to draw."""
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        self._live.__exit__(kind, error, trace)

    def started(self, worker: Worker) -> None:
        """Show the queue as it is before the first launch."""
        self._worker = worker
        self._began_at = self._monotonic()
        self._count_if_answered(worker.manager)

    def finished(self, job: Any, result: LaunchResult) -> None:
        """Show what became of a launch."""
        self._events.append(describe_event(job, result))
        self._has_news = True

    def turn(self) -> None:
        """Count again, if that is worth its time."""
        now = self._monotonic()
        is_worth_it = now >= self._next_count_at and (self._has_news or now - self._counted_at >= QUIET_SECONDS)
        if self._worker is not None and is_worth_it:
            self._count(self._worker.manager)

    def stopped(self, summary: WorkerSummary) -> None:
        """Show the end."""
        if self._worker is not None:
            self._count_if_answered(self._worker.manager)
        self._events.append(Text(f"Worker ended: {summary}", style="bold"))
        self._live.refresh()

    def _count_if_answered(self, manager: JobQueueManager) -> None:
        try:
            self._count(manager)
        except DatabaseError:  # the worker may have ended because of it, and has its own patience at its start
            logger.debug("The database does not answer; the last counts stand.", exc_info=True)
            connections[manager.using].close()

    def _count(self, manager: JobQueueManager) -> None:
        began_at = self._monotonic()
        rows = list(manager.jobs().order_by().values_list("status").annotate(Count("pk"), Min("scheduled_for")))
        self._counts = {status: count for status, count, _ in rows}
        self._next_retry = next((earliest for status, _, earliest in rows if status == Status.RETRYING), None)
        now = self._counted_at = self._monotonic()
        self._has_news = False
        self._next_count_at = now + max(REFRESH_SECONDS, (now - began_at) / COUNTING_SHARE)

    def _render(self) -> Group:
        """Return the present picture; called by the drawing thread, so it asks nobody."""
        name = self._worker.name if self._worker else ""
        title = Text(f"Queue {self._queue} · {name} · {self._monotonic() - self._began_at:.0f} s", style="bold")
        return Group(title, self._bar(), self._table(), *self._events)

    def _bar(self) -> Table:
        ended = sum(self._counts.get(status, 0) for status in (*FINAL, Status.FAILED))
        total = sum(self._counts.values()) - self._counts.get(Status.PENDING, 0)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=max(total, 1), completed=ended, width=40), f"{ended} of {total} ended")
        return grid

    def _table(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        cells = [
            Text(f"{status.label}: {self._counts[status]}", style=STYLES.get(status, ""))
            for status in Status
            if self._counts.get(status)
        ]
        grid.add_row(*cells)
        waiting = sum(self._counts.get(status, 0) for status in WAITING)
        if self._next_retry is not None and waiting and self._worker is not None:
            seconds = (self._next_retry - self._worker.manager.clock()).total_seconds()
            grid.add_row(Text(f"next retry {'now' if seconds <= 0 else f'in {seconds:.1f} s'}", style="dim"))
        return grid


def describe_event(job: Any, result: LaunchResult) -> Text:
    """Return one line on what became of a launch."""
    if result["success"]:
        return Text.assemble(("✓ ", "green"), f"{job}: {Status(job.status).label.lower()}")
    error = " ".join(result["error"].split())
    if result["retry_scheduled"]:
        seconds = result["retry_in_seconds"]
        line = Text.assemble(
            ("↻ ", "yellow"), f"{job}: attempt {job.retry_count} failed, next in {seconds:.1f} s: {error}"
        )
    else:
        line = Text.assemble(("✗ ", "red"), f"{job}: {error}")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
