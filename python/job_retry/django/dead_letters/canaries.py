"""What has become of the jobs that a canary redrive has requeued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Exists, OuterRef

from job_retry.django.claims import CHUNK_ROWS
from job_retry.django.dead_letters.queues import manager_of
from job_retry.django.history.keys import job_key, job_pk, model_of
from job_retry.django.history.models import DeadLetter, FailedAttempt
from job_retry.django.states import CLAIMED, WAITING

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from job_retry.django.history.models import BulkAction


class Tally(NamedTuple):
    """Canaries by what has become of them."""

    passed: int
    """Completed, or failed of something else."""
    failed: int
    """Failed with the fingerprint of before."""
    under_way: int
    """Waiting or running."""


def requeued_by(action: BulkAction) -> QuerySet[DeadLetter]:
    """Return the letters that an action has requeued and not put back."""
    return DeadLetter.objects.using(action._state.db).filter(bulk_action=action, state=DeadLetter.State.REQUEUED)


def failed_as_before(requeued: QuerySet[DeadLetter], since: datetime) -> QuerySet[FailedAttempt]:
    """Return the attempts since ``since``, at the jobs of these letters, that failed as one of the letters did."""
    # What has happened to a job since it was requeued is of its next generation.
    same_job = requeued.filter(
        job_model=OuterRef("job_model"), job_key=OuterRef("job_key"), generation=OuterRef("generation") - 1
    )
    failures = FailedAttempt.objects.using(requeued.db).filter(failed_at__gte=since)
    return failures.filter(Exists(same_job), Exists(requeued.filter(fingerprint=OuterRef("fingerprint"))))


def tally(action: BulkAction) -> Tally:
    """Return what has become of the jobs that a canary redrive has requeued first, and not put back."""
    using = str(action._state.db)
    requeued = requeued_by(action)
    rows = list(requeued.order_by("pk").values_list("pk", "job_key")[: action.canary_size])
    if not rows:
        return Tally(0, 0, 0)
    canaries = requeued.filter(pk__lte=rows[-1][0])
    keys = {key for _pk, key in rows}
    failures = failed_as_before(canaries, action.started_at)
    failed = set(failures.values_list("job_key", flat=True).distinct())
    under_way = _under_way(action, keys - failed, using)
    return Tally(len(keys) - len(failed) - len(under_way), len(failed), len(under_way))


def _under_way(action: BulkAction, keys: set[str], using: str) -> set[str]:
    model = model_of(action.selection.get("model", ""))
    manager = None if model is None else manager_of(model, using)
    if model is None or manager is None:
        return set()
    pks: list[Any] = [pk for pk in (job_pk(model, key) for key in sorted(keys)) if pk is not None]
    found: set[str] = set()
    for start in range(0, len(pks), CHUNK_ROWS):
        jobs = manager.jobs().filter(pk__in=pks[start : start + CHUNK_ROWS], status__in=(*WAITING, *CLAIMED))
        found.update(job_key(using, model, pk) for pk in jobs.values_list("pk", flat=True))
    return found
