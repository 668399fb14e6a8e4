"""What there is to choose from: the values that the columns of dead letters have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from job_retry.django.history.models import DeadLetter

FACETS = ("rule", "strategy", "exception_class")
"""Columns of which nobody but the letters themselves knows what there is."""


def facets(letters: QuerySet[DeadLetter]) -> dict[str, list[str]]:
    """Return the values of each of `FACETS` that ``letters`` have, in order and without empty ones, by one query."""
    # Together, since each column by itself would be a pass over all rows; and counted, since that has the database
    # collect what differs as it goes along, where a plain DISTINCT may sort all rows.
    found = set(letters.values_list(*FACETS).annotate(count=Count("*")).order_by())
    return {name: sorted({row[place] for row in found} - {""}) for place, name in enumerate(FACETS)}
