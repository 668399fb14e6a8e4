"""What rich draws on a terminal. Needs rich, which the extra ``django`` brings; see `installed`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from job_retry.django.management.text import Column


class Bar:
    """A bar with a rate and the time that is left."""

    def __init__(self, bar: RichProgress, title: str, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=total, rate="")

    def advance(self, number: int) -> None:
        """So many more are done."""
        self._bar.advance(self._task, number)
        speed = self._bar.tasks[self._task].speed
        self._bar.update(self._task, rate="" if speed is None else f"{speed:,.0f} a second")


@contextmanager
def rich_bar(stream: Any, title: str, total: int) -> Iterator[Bar]:
    """Draw a bar while the context lasts."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with RichProgress(TextColumn("{task.description}"), *columns, console=Console(file=stream)) as bar:
        yield Bar(bar, title, total)


def write_rich_table(stream: Any, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table, each row on one line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        # Rich takes room from columns that may wrap: from the last alone, whose cells then do not wrap either.
        is_last = column is columns[-1]
        table.add_column(column.name, justify="right" if column.is_number else "left", no_wrap=not is_last)
    for row in rows:
        # Not as markup, which errors may look like.
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    Console(file=stream).print(table)
