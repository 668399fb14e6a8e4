"""What a bulk action would touch, shown before anybody is asked whether to begin it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, Max
from django.db.models.functions import Right

from job_retry.django.dead_letters import bulk, chunks
from job_retry.django.dead_letters.letters import ERROR_END_CHARACTERS, telling_line
from job_retry.django.history.models import FailedAttempt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from job_retry.django.dead_letters.selection import Selection
    from job_retry.django.history.models import DeadLetter

SHOWN_GROUPS = 20

EXAMINED_LETTERS = 10_000
"""Of so many, from the oldest on, the jobs are looked at: a page is waited for."""


class PreviewedGroup(NamedTuple):
    """The letters of one cause."""

    fingerprint: str
    number: int
    sample: str
    """The telling line of the latest error; "" where there is none."""


@dataclass(frozen=True)
class Preview:
    """What is there now; until the action begins, it may change."""

    total: int
    groups: list[PreviewedGroup]
    """The largest ones, at most `SHOWN_GROUPS`."""
    group_count: int
    """All of them."""
    models: Mapping[str, int]
    """Label of a job model to the number of its letters."""
    skipped: Mapping[str, int]
    """Why letters will be left as they are, to their number; of those examined."""
    examined: int
    """The letters whose jobs were looked at, `EXAMINED_LETTERS` at most."""


def preview(using: str, selection: Selection, kind: str) -> Preview:
    """Return what ``kind``, a `BulkAction.Kind`, would touch; ValueError as of `bulk.begin`."""
    letters = bulk.open_ones(selection).letters(using)
    by_model = letters.order_by().values_list("job_model").annotate(number=Count("pk"))
    models = dict(sorted(by_model))
    groups = letters.order_by().values_list("fingerprint").annotate(number=Count("pk"), latest=Max("failure"))
    largest = list(groups.order_by("-number", "fingerprint")[:SHOWN_GROUPS])
    samples = _telling_lines(using, [failure for _, _, failure in largest if failure is not None])
    shown = [PreviewedGroup(key, number, samples.get(failure, "")) for key, number, failure in largest]
    group_count = len(shown)
    if group_count == SHOWN_GROUPS:
        group_count = letters.aggregate(number=Count("fingerprint", distinct=True))["number"]
    skipped, examined = _skipped(using, letters, kind)
    return Preview(sum(models.values()), shown, group_count, models, skipped, examined)


def _telling_lines(using: str, failures: Iterable[int]) -> dict[int | None, str]:
    errors = FailedAttempt.objects.using(using).filter(pk__in=failures)
    ends = errors.annotate(end=Right("error", ERROR_END_CHARACTERS)).values_list("pk", "end")
    return {pk: telling_line(end) for pk, end in ends}


def _skipped(using: str, letters: QuerySet[DeadLetter], kind: str) -> tuple[Counter[str], int]:
    skipped: Counter[str] = Counter()
    examined = after = 0
    rows = chunks.rows_that_fit(using, bulk.CHUNK_LETTERS, chunks.PARAMETERS_PER_LETTER)
    while examined < EXAMINED_LETTERS:
        chunk = chunks.read(letters.filter(pk__gt=after), min(rows, EXAMINED_LETTERS - examined))
        if not chunk:
            break
        skipped.update(chunks.why_left(kind, chunk, using))
        examined += len(chunk)
        after = chunk[-1].pk
    return skipped, examined
