"""Writing the ledger and the dead letters, in the transaction in which the decision on a failed attempt is written.

`enter` writes what a decision says of many attempts at once, in a handful of statements. `open_by_hand` and `settle`
keep the letters in step with what people do to single jobs.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections

from job_retry.django.classifiers import project_classifier
from job_retry.django.error_text import clean_error_text, error_fingerprint
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import DeadLetter, FailedAttempt, OfJob
from job_retry.django.judgement import judge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.models import RetryableJob

_OF_JOB = tuple(field.name for field in OfJob._meta.local_fields)
"""What a letter has from its last failure."""

KEYS_PER_STATEMENT = 500


class Entry(NamedTuple):
    """A failed attempt that is to be put on the ledger."""

    attempt: FailedAttempt
    """Not saved yet; its generation is known when it is."""
    is_dead: bool
    """Whether the job is a dead letter now."""


class _Past(NamedTuple):
    """The last dead letter of a job."""

    pk: int
    generation: int
    attempt_serial: int
    state: str
    reason: str

    def is_withdrawn_by(self, attempt: FailedAttempt) -> bool:
        """Whether somebody opened the letter during the attempt that ``attempt`` tells of, as a launcher may."""
        by_hand = self.state == DeadLetter.State.OPEN and self.reason == DeadLetter.Reason.BY_HAND
        return by_hand and self.attempt_serial == attempt.attempt_serial


def enter(using: str, entries: Sequence[Entry]) -> None:
    """Put failed attempts, each of another job, on the ledger, and open the letters of those that are dead.

    To be called in the transaction that writes the decisions, after these: whoever has written a job's row is the only
    one who writes of the job.
    """
    if not entries:
        return
    pasts = _pasts(using, [entry.attempt for entry in entries])
    left_open: list[int] = []
    withdrawn: list[int] = []
    for attempt, _ in entries:
        past = pasts.get((attempt.job_model, attempt.job_key))
        if past is None:
            continue
        if past.is_withdrawn_by(attempt):
            attempt.generation = past.generation
            withdrawn.append(past.pk)
            continue
        attempt.generation = past.generation + 1
        if past.state == DeadLetter.State.OPEN:  # the job was requeued in a way that we were not told of
            left_open.append(past.pk)
    letters = DeadLetter.objects.using(using)
    if withdrawn:
        by_hand = FailedAttempt.objects.using(using).filter(reason=DeadLetter.Reason.BY_HAND)
        by_hand.filter(dead_letters__in=withdrawn).delete()
        letters.filter(pk__in=withdrawn).delete()
    if left_open:
        _settle(letters.filter(pk__in=left_open), DeadLetter.State.REQUEUED, entries[0].attempt.failed_at)
    dead = [entry.attempt for entry in entries if entry.is_dead]
    if dead and not connections[using].features.can_return_rows_from_bulk_insert:
        for attempt in dead:
            attempt.save(using=using)  # one by one, where that is the only way to learn the key
    FailedAttempt.objects.using(using).bulk_create(
        [entry.attempt for entry in entries if entry.attempt.pk is None], batch_size=KEYS_PER_STATEMENT
    )
    letters.bulk_create([_letter(attempt) for attempt in dead], batch_size=KEYS_PER_STATEMENT)


def open_by_hand(using: str, job: RetryableJob, now: datetime) -> None:
    """Open the letter of a job that somebody has set to failed."""
    open_found(using, job, now, DeadLetter.Reason.BY_HAND, project_classifier())


def open_found(using: str, job: Any, now: datetime, reason: str, classifier: Any) -> None:
    """Open the letter of a job that is failed, of which no decision was written.

    Its last failure is that of the attempt at which the job stands. Where the ledger does not have it, it gets what the
    job itself says of its last error.
    """
    of_job = {"job_model": model_label(type(job)), "job_key": job_key(using, type(job), job.pk)}
    past = DeadLetter.objects.using(using).filter(**of_job).order_by("generation").last()
    if past is not None and past.state == DeadLetter.State.OPEN:
        _settle(DeadLetter.objects.using(using).filter(pk=past.pk), DeadLetter.State.REQUEUED, now)
    known = FailedAttempt.objects.using(using).filter(**of_job, attempt_serial=job.attempt_serial).order_by("pk")
    attempt = known.last() or FailedAttempt(
        **of_job,
        attempt_serial=job.attempt_serial,
        strategy=job.retry_strategy or "",
        attempt=job.retry_count,
        failed_at=job.last_error_at or now,
        reason=reason,
    )
    attempt.generation = 1 if past is None else past.generation + 1
    if attempt.pk is None and job.last_error:
        judgement = judge(classifier, job.last_error)
        attempt.error = clean_error_text(job.last_error)
        attempt.fingerprint = error_fingerprint(attempt.error)
        attempt.verdict, attempt.rule = judgement.error_type.value, judgement.rule or ""
        attempt.why = judgement.why
        attempt.save(using=using)
    letter = _letter(attempt)
    letter.died_at, letter.reason = job.failed_at or now, reason
    if attempt.pk is None:
        letter.failure = None
    letter.save(using=using)


def settle(
    using: str, model: type[Any], pks: Iterable[Any], state: str, now: datetime, *, by: str = "", note: str = ""
) -> None:
    """Say what became of the open letters of jobs; those of them that have none are passed over.

    ``state`` is a `DeadLetter.State`, ``by`` the name of a user.
    """
    keys = [job_key(using, model, pk) for pk in pks]
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        letters = DeadLetter.objects.using(using).filter(
            job_model=model_label(model), job_key__in=keys[start : start + KEYS_PER_STATEMENT]
        )
        _settle(letters.filter(state=DeadLetter.State.OPEN), state, now, by=by, note=note)


def _settle(letters: QuerySet[DeadLetter], state: str, now: datetime, *, by: str = "", note: str = "") -> None:
    letters.update(state=state, settled_at=now, settled_by=by, note=note)


def _pasts(using: str, attempts: Collection[FailedAttempt]) -> dict[tuple[str, str], _Past]:
    """Return the last letter of each job that has one."""
    keys: dict[str, list[str]] = defaultdict(list)
    for attempt in attempts:
        keys[attempt.job_model].append(attempt.job_key)
    pasts = {}
    for model, of_model in keys.items():
        letters = DeadLetter.objects.using(using).filter(job_model=model, job_key__in=of_model).order_by("generation")
        for letter in letters.only("job_key", *_Past._fields):
            pasts[model, letter.job_key] = _Past(*(getattr(letter, name) for name in _Past._fields))
    return pasts


def _letter(attempt: FailedAttempt) -> DeadLetter:
    return DeadLetter(
        **{name: getattr(attempt, name) for name in _OF_JOB},
        died_at=attempt.failed_at,
        reason=attempt.reason,
        failure=attempt,
        retry_count=attempt.attempt,
    )
