"""Text from jobs on a terminal, and tables: as rich draws them where it is installed, else in plain columns."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from job_retry.django.dead_letters.letters import telling_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import OutputWrapper

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters by which a text could steer the terminal that shows it, or turn its writing round."""

GAP = "  "


class Column(NamedTuple):
    """A column of a table."""

    name: str
    is_number: bool = False


def harmless(text: str) -> str:
    """Return ``text`` with control characters as escapes; lines and tabulators stay."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def last_line(error: str) -> str:
    """Return the line of an error that tells, as one that does no harm."""
    return " ".join(harmless(telling_line(error)).split())


def of_which_shown(shown: int, number: int) -> str:
    """Return what to add to a number of which only ``shown`` are listed; "" where all are."""
    return "" if shown >= number else f", of which {shown:,} are shown; --limit N shows more"


def write_table(stream: OutputWrapper, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Write a table, whose last column is cut off where the terminal ends; elsewhere all of it is written."""
    rich_output = rich_if_installed() if stream.isatty() else None
    if rich_output is None:
        _write_plain(stream, columns, rows)
    else:
        rich_output.write_rich_table(stream, columns, rows)


def rich_if_installed() -> Any:
    """Return the module that draws with rich; None where rich is not installed."""
    try:
        from job_retry.django.management import rich_output
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        return None
    return rich_output


def _write_plain(stream: OutputWrapper, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.name for column in columns], *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    limit = shutil.get_terminal_size().columns if stream.isatty() else None
    for line in lines:
        cells = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        stream.write(GAP.join(cells).rstrip()[:limit])
