"""Writing the ledger and the dead letters, in the transaction in which the decision on a failed attempt is written.

`enter` writes what a decision says of many attempts at once, in a handful of statements. `open_by_hand` and `settle`
keep the letters in step with what people do to single jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from job_retry.django.classifiers import project_classifier
from job_retry.django.error_text import clean_error_text, error_fingerprint
from job_retry.django.history.insertion import insert_attempts, letter_values
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.judgement import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.history.insertion import LedgerRow
    from job_retry.django.models import RetryableJob


class _Past(NamedTuple):
    """The last dead letter of a job."""

    pk: int
    generation: int
    attempt_serial: int
    state: str
    reason: str

    def is_withdrawn_by(self, row: LedgerRow) -> bool:
        """Whether somebody opened the letter during the attempt that ``row`` tells of, as a launcher may."""
        by_hand = self.state == DeadLetter.State.OPEN and self.reason == DeadLetter.Reason.BY_HAND
        return by_hand and self.attempt_serial == row["attempt_serial"]


def enter(using: str, rows: Sequence[LedgerRow]) -> None:
    """Put failed attempts at jobs of one model on the ledger, and open the letters of those that are dead.

    To be called in the transaction that writes the decisions, after these: whoever has written a job's row is the only
    one who writes of the job. No job has two of ``rows``, whose generation is set here.
    """
    if not rows:
        return
    pasts = _pasts(using, rows[0]["job_model"], [row["job_key"] for row in rows])
    left_open: list[int] = []
    withdrawn: list[int] = []
    for row in rows:
        past = pasts.get(row["job_key"])
        row["generation"] = 1
        if past is None:
            continue
        if past.is_withdrawn_by(row):
            row["generation"] = past.generation
            withdrawn.append(past.pk)
            continue
        row["generation"] = past.generation + 1
        if past.state == DeadLetter.State.OPEN:  # the job was requeued in a way that we were not told of
            left_open.append(past.pk)
    letters = DeadLetter.objects.using(using)
    if withdrawn:
        by_hand = FailedAttempt.objects.using(using).filter(reason=DeadLetter.Reason.BY_HAND)
        by_hand.filter(dead_letters__in=withdrawn).delete()
        letters.filter(pk__in=withdrawn).delete()
    if left_open:
        _settle(letters.filter(pk__in=left_open), DeadLetter.State.REQUEUED, rows[0]["failed_at"])
    insert_attempts(using, rows)


def open_by_hand(using: str, job: RetryableJob, now: datetime) -> None:
    """Open the letter of a job that somebody has set to failed."""
    open_found(using, job, now, DeadLetter.Reason.BY_HAND, project_classifier())


def open_found(using: str, job: Any, now: datetime, reason: str, classifier: Any) -> None:
    """Open the letter of a job that is failed, of which no decision was written.

    Its last failure is that of the attempt at which the job stands. Where the ledger does not have it, it gets what the
    job itself says of its last error.
    """
    of_job = {"job_model": model_label(type(job)), "job_key": job_key(using, type(job), job.pk)}
    past = _pasts(using, of_job["job_model"], [of_job["job_key"]]).get(of_job["job_key"])
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
    of_failure = {field.attname: getattr(attempt, field.attname) for field in FailedAttempt._meta.local_fields}
    letter = {**letter_values(of_failure), "died_at": job.failed_at or now, "reason": reason}
    DeadLetter(**letter).save(using=using)


def settle(
    using: str, model: type[Any], pks: Iterable[Any], state: str, now: datetime, *, by: str = "", note: str = ""
) -> None:
    """Say what became of the open letters of jobs; those of them that have none are passed over.

    ``state`` is a `DeadLetter.State`, ``by`` the name of a user. All keys are in one statement.
    """
    keys = [job_key(using, model, pk) for pk in pks]
    letters = DeadLetter.objects.using(using).filter(job_model=model_label(model), job_key__in=keys)
    _settle(letters.filter(state=DeadLetter.State.OPEN), state, now, by=by, note=note)


def _settle(letters: QuerySet[DeadLetter], state: str, now: datetime, *, by: str = "", note: str = "") -> None:
    letters.update(state=state, settled_at=now, settled_by=by, note=note)


def _pasts(using: str, model: str, keys: list[str]) -> dict[str, _Past]:
    """Return the last letter of each job that has one, by the job's key."""
    letters = DeadLetter.objects.using(using).filter(job_model=model, job_key__in=keys).order_by("generation")
    return {
        letter.job_key: _Past(*(getattr(letter, name) for name in _Past._fields))
        for letter in letters.only("job_key", *_Past._fields)
    }
