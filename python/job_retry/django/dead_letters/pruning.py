"""Removing what is old: dead letters that are settled, the ledger of jobs that have ended, and finished bulk actions.

The history of a job that may still need somebody stays whole: a job that is not finished keeps its letters and its
ledger, and so does one with an open letter, however old. A ledger row goes after the letters of its job. Each chunk is
a transaction, so that a run that is interrupted has removed what it says, and the next one goes on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from job_retry.django.claims import CHUNK_ROWS
from job_retry.django.history.keys import job_key, job_pk, model_of
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt
from job_retry.django.models import RetryableJob
from job_retry.django.querysets import JobQuerySet
from job_retry.django.states import FINAL, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

_ACTIONS_OF_LETTER = ("bulk_action", "put_back_from")
"""What of a letter points to bulk actions."""

LETTERS, ATTEMPTS, ACTIONS = "dead letters", "failed attempts", "bulk actions"

OPEN = "open"
UNFINISHED = "of jobs that are not finished"
WITH_OPEN_LETTER = "of jobs with an open dead letter"
WITH_LETTER = "of jobs with a dead letter that is kept"
WITH_LETTERS = "with dead letters that are kept"


class Tally(NamedTuple):
    """Numbers of rows of one kind: what is removed by its state, what is kept by the reason."""

    table: str
    why: str
    """Of a ledger row that is removed: ""."""


class _Row(NamedTuple):
    pk: int
    job: tuple[str, str]
    """Model and key."""
    state: str = ""
    bulk_actions: tuple[int | None, ...] = ()
    """Those that the row tells of."""


class Pruning:
    """Removes history from before a moment from the database ``using``, as far as it is nobody's business any more.

    ``model`` is the label of the only job model that is meant; "": all. With ``include_open`` open letters count as
    settled when their job died; the jobs themselves stay as they are. With ``dry_run`` nothing is removed, and
    ``removed`` says what would be.
    """

    def __init__(
        self, using: str, before: datetime, *, model: str = "", include_open: bool = False, dry_run: bool = False
    ) -> None:
        self.using = using
        self.before = before
        self.model = model
        self.include_open = include_open
        self.dry_run = dry_run
        self._is_old = Q(settled_at__lt=before) | Q(settled_at=None, died_at__lt=before)
        self.removed: Counter[Tally] = Counter()
        self.kept: Counter[Tally] = Counter()
        self._letters_removed: Counter[int | None] = Counter()
        """By the bulk actions that they tell of."""

    def total(self) -> int:
        """Return how many rows `run` will look at."""
        return sum(rows.count() for rows in (self._old_letters(), self._old_attempts(), self._old_actions()))

    def run(self) -> Iterator[int]:
        """Remove, and yield after each chunk how many rows it looked at; to stop is to ask for no further one."""
        if not self.include_open:
            still_open = self._letters().filter(self._is_old, state=DeadLetter.State.OPEN).count()
            self.kept += Counter({Tally(LETTERS, OPEN): still_open})
        yield from self._prune_letters()
        yield from self._prune_attempts()
        yield from self._prune_actions()

    def _prune_letters(self) -> Iterator[int]:
        columns = ("pk", "job_model", "job_key", "state", *_ACTIONS_OF_LETTER)
        for rows in _chunks(self._old_letters(), *columns):
            chunk = [_Row(pk, (model, key), state, tuple(actions)) for pk, model, key, state, *actions in rows]
            jobs = {row.job for row in chunk}
            keeping = {
                UNFINISHED: self._unfinished(jobs),
                WITH_OPEN_LETTER: self._with_kept_letter(jobs, Q(state=DeadLetter.State.OPEN)),
            }
            going = self._remove(self._old_letters(), LETTERS, chunk, keeping)
            self._letters_removed.update(action for row in going for action in row.bulk_actions)
            yield len(chunk)

    def _prune_attempts(self) -> Iterator[int]:
        for rows in _chunks(self._old_attempts(), "pk", "job_model", "job_key"):
            chunk = [_Row(pk, (model, key)) for pk, model, key in rows]
            jobs = {row.job for row in chunk}
            keeping = {UNFINISHED: self._unfinished(jobs), WITH_LETTER: self._with_kept_letter(jobs, Q())}
            self._remove(self._old_attempts(), ATTEMPTS, chunk, keeping)
            yield len(chunk)

    def _prune_actions(self) -> Iterator[int]:
        for rows in _chunks(self._old_actions(), "pk", "state"):
            # The key of an action stands where that of a job does.
            chunk = [_Row(pk, ("", str(pk)), state) for pk, state in rows]
            letters = DeadLetter.objects.using(self.using)
            left: Counter[int | None] = Counter()
            for column in _ACTIONS_OF_LETTER:
                left.update(
                    letters.filter(**{f"{column}__in": [row.pk for row in chunk]}).values_list(column, flat=True)
                )
            if self.dry_run:
                left -= self._letters_removed
            keeping = {WITH_LETTERS: {("", str(pk)) for pk in left}}
            self._remove(self._old_actions(), ACTIONS, chunk, keeping)
            yield len(chunk)

    def _remove(
        self, old: QuerySet[Any], table: str, chunk: list[_Row], keeping: dict[str, set[tuple[str, str]]]
    ) -> list[_Row]:
        """Remove those rows of ``chunk`` whose job has no reason to keep them, and return them."""
        going = []
        for row in chunk:
            why = next((why for why, jobs in keeping.items() if row.job in jobs), None)
            if why is None:
                going.append(row)
            else:
                self.kept[Tally(table, why)] += 1
        if going and not self.dry_run:
            with transaction.atomic(using=self.using):
                doomed = old.filter(pk__in=[row.pk for row in going])  # what made them old is asked again
                if doomed.model is FailedAttempt:
                    # Django would look for the letters that point to them, in all letters; none that is kept does.
                    doomed._raw_delete(self.using)
                else:
                    doomed.delete()
        self.removed.update(Tally(table, row.state) for row in going)
        return going

    # What is old

    def _letters(self) -> QuerySet[DeadLetter]:
        letters = DeadLetter.objects.using(self.using)
        return letters.filter(job_model=self.model) if self.model else letters.all()

    def _old_letters(self) -> QuerySet[DeadLetter]:
        letters = self._letters().filter(self._is_old)
        return letters if self.include_open else letters.exclude(state=DeadLetter.State.OPEN)

    def _old_attempts(self) -> QuerySet[FailedAttempt]:
        attempts = FailedAttempt.objects.using(self.using).filter(failed_at__lt=self.before)
        return attempts.filter(job_model=self.model) if self.model else attempts

    def _old_actions(self) -> QuerySet[BulkAction]:
        actions = BulkAction.objects.using(self.using).exclude(state__in=BulkAction.LIVE)
        actions = actions.filter(ended_at__lt=self.before)
        return actions.filter(selection__model=self.model) if self.model else actions

    # What keeps them

    def _unfinished(self, jobs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of ``jobs`` that are on their way, or failed and to be decided on."""
        ended = {*FINAL, Status.FAILED} if self.include_open else FINAL
        keys: dict[str, list[str]] = defaultdict(list)
        for label, key in jobs:
            keys[label].append(key)
        found = set()
        for label, of_model in keys.items():
            model = model_of(label)
            if model is None or not issubclass(model, RetryableJob):  # nothing says what state its jobs are in
                continue
            pks = [pk for key in of_model if (pk := job_pk(model, key)) is not None]
            rows: JobQuerySet[Any] = JobQuerySet(model, using=self.using).filter(pk__in=pks).exclude(status__in=ended)
            found |= {(label, job_key(self.using, model, pk)) for pk in rows.values_list("pk", flat=True)}
        return found

    def _with_kept_letter(self, jobs: Collection[tuple[str, str]], which: Q) -> set[tuple[str, str]]:
        """Return those of ``jobs`` that have a letter of which neither age nor state lets it go."""
        kept = Q(settled_at__gte=self.before) | Q(settled_at=None, died_at__gte=self.before)
        if not self.include_open:
            kept |= Q(state=DeadLetter.State.OPEN)
        models, keys = {model for model, _ in jobs}, [key for _, key in jobs]
        letters = self._letters().filter(which, kept, job_model__in=models, job_key__in=keys)
        return set(letters.values_list("job_model", "job_key"))


def _chunks(rows: QuerySet[Any], *columns: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows' columns, the first of which is the key, by `CHUNK_ROWS`; each chunk is asked for by itself."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:CHUNK_ROWS]):
        yield chunk
        last = chunk[-1][0]
