"""The letters of a selection, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Right

if TYPE_CHECKING:
    from job_retry.django.dead_letters.selection import Selection

LETTERS_A_PAGE = 50
COUNTED_AT_MOST = 1000
"""Of letters that are found by what stands in another table, which takes a look at each."""
ERROR_END_CHARACTERS = 1000
"""Of an error's text, in which its last line stands."""


@dataclass(frozen=True)
class LetterList:
    """One page of letters, the latest first."""

    letters: tuple[Any, ...]
    """`DeadLetter`, each with ``error_end``: the end of its error, None where there is none."""
    has_more: bool
    """Whether another page follows."""
    count: int
    """Letters on all pages."""
    is_exact: bool
    """Whether there are no more than ``count``."""


def list_letters(selection: Selection, using: str, *, page: int = 1, page_size: int = LETTERS_A_PAGE) -> LetterList:
    """Return a page of the selected letters; empty beyond the last page."""
    letters = selection.letters(using)
    start = (page - 1) * page_size
    rows = letters.annotate(error_end=Right("failure__error", ERROR_END_CHARACTERS)).order_by("-died_at", "-pk")
    found = tuple(rows[start : start + page_size + 1])
    if selection.search or selection.fields:
        count = letters[: COUNTED_AT_MOST + 1].count()
        is_exact = count <= COUNTED_AT_MOST
        count = max(min(count, COUNTED_AT_MOST), start + len(found[:page_size]) if found else 0)
    else:
        count, is_exact = letters.count(), True
    return LetterList(found[:page_size], len(found) > page_size, count, is_exact)
