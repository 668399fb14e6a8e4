"""What holds of every job after every step: of its status, its times and its claim. `check_job_queue` looks for breaks.

Whatever goes through the queue or through `RetryableJob` keeps these. What breaks them is another program's SQL, a
`QuerySet.update` past the queue, or a fault of the queue's.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q

from job_retry.django.states import CLAIMED, WAITING, Status


class Invariant(NamedTuple):
    """One rule, and the rows that break it."""

    rule: str
    broken: Q
    why: str
    """What comes of a break."""


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "the status is one of those that exist",
        ~Q(status__in=Status.values),
        "nobody takes care of the job",
    ),
    Invariant(
        "queued_at is set in the queue",
        Q(status__in=(*WAITING, *CLAIMED), queued_at__isnull=True),
        "the job has no place in the order",
    ),
    Invariant(
        "queued_at is empty outside of the queue",
        Q(status__in=(Status.PENDING, Status.FAILED, Status.CANCELLED), queued_at__isnull=False),
        "the job seems to wait",
    ),
    Invariant(
        "scheduled_for is set in retrying",
        Q(status=Status.RETRYING, scheduled_for__isnull=True),
        "the retry has no date",
    ),
    Invariant(
        "failed_at is set in failed, and only there",
        Q(status=Status.FAILED, failed_at__isnull=True) | (~Q(status=Status.FAILED) & Q(failed_at__isnull=False)),
        "the job is no dead letter, or no other one",
    ),
    Invariant(
        "completed_at is set in completed, and only there",
        Q(status=Status.COMPLETED, completed_at__isnull=True)
        | (~Q(status=Status.COMPLETED) & Q(completed_at__isnull=False)),
        "the job's end has no date, or comes twice",
    ),
    Invariant(
        "a token stands in launching and running only",
        ~Q(status__in=CLAIMED) & Q(claim_token__isnull=False),
        "a result of that claim could still be written",
    ),
    Invariant(
        "a launching job has a token",
        Q(status=Status.LAUNCHING, claim_token__isnull=True),
        "nobody can write its result, and nobody brings it back",
    ),
    Invariant(
        "a holder goes with a token",
        Q(claim_token__isnull=False, claimed_by="") | (Q(claim_token__isnull=True) & ~Q(claimed_by="")),
        "a claim of nobody, or a holder of nothing",
    ),
    Invariant(
        "a lease stands on a claim or on a suspect",
        ~Q(status__in=WAITING) & Q(claim_token__isnull=True, lease_expires_at__isnull=False),
        "nobody would renew it",
    ),
)
"""One row a rule."""
