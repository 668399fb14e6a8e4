"""The letters of a selection, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Right

from job_retry.django.history.models import DeadLetter

if TYPE_CHECKING:
    from django.db.models import QuerySet

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
    """Letters on all pages, or at least so many."""
    is_exact: bool
    """Whether there are no more."""


def list_letters(selection: Selection, using: str, *, page: int = 1, page_size: int = LETTERS_A_PAGE) -> LetterList:
    """Return a page of the selected letters; empty beyond the last page."""
    letters = selection.letters(using)
    start = (page - 1) * page_size
    # By key, which is their order as well, but has an index; and first without what is in another table, which would be
    # looked up for the rows of all pages before this one.
    keys = list(letters.order_by("-pk").values_list("pk", flat=True)[start : start + page_size + 1])
    shown = DeadLetter.objects.using(using).filter(pk__in=keys[:page_size]).order_by("-pk")
    found = tuple(shown.annotate(error_end=Right("failure__error", ERROR_END_CHARACTERS)))
    return LetterList(found, len(keys) > page_size, *_count(selection, letters))


def _count(selection: Selection, letters: QuerySet[DeadLetter]) -> tuple[int, bool]:
    if not selection.search and not selection.fields:
        return letters.count(), True
    count = letters[: COUNTED_AT_MOST + 1].count()
    return min(count, COUNTED_AT_MOST), count <= COUNTED_AT_MOST


def telling_line(error: str) -> str:
    """Return the last line of an error, or of its end, that is not blank; there most programs say what is wrong."""
    lines = error.strip().splitlines()
    return lines[-1].strip() if lines else ""
