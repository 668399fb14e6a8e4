"""The state machine: which status may follow which, who moves a job there, and what a status says of the columns.

Everything here is data and pure functions. `job_retry.django.models` and `job_retry.django.protection` apply it to
instances; `claims`, `membership`, `recording`, `failures` and `results` apply it to rows. Nothing else changes a
status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from job_retry.django.exceptions import InvalidTransition

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Status(models.TextChoices):
    """Where a job stands. `RetryableJob.Status` is this class."""

    PENDING = "pending", _("Pending")
    """Created, or taken out of the queue. No worker looks at it."""

    QUEUED = "queued", _("Queued")
    """Waits for a worker, from `scheduled_for` on where that is set."""

    LAUNCHING = "launching", _("Launching")
    """Claimed by a worker (`claimed_by`, `claim_token`), which calls the launcher or is about to."""

    RUNNING = "running", _("Running")
    """Launched; a detached run keeps its claim until `complete`, `fail`, `time_out` or `cancel`."""

    RETRYING = "retrying", _("Retrying")
    """An attempt failed; the next one is due at `scheduled_for`."""

    COMPLETED = "completed", _("Completed")
    """Succeeded. Final."""

    FAILED = "failed", _("Failed")
    """Dead letter: a permanent error, or no attempt left. A person may retry or discard it."""

    TIMEOUT = "timeout", _("Timed out")
    """Ran longer than it may. Final."""

    CANCELLED = "cancelled", _("Cancelled")
    """Called off, or a discarded dead letter. Final."""


class Transition(NamedTuple):
    """One row of the transition table."""

    source: Status
    target: Status
    by: str
    """Who makes this transition, and when."""


_S = Status

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.PENDING, _S.QUEUED, "queue_job, queue_jobs"),
    Transition(_S.PENDING, _S.RUNNING, "by hand: run outside the queue"),
    Transition(_S.PENDING, _S.CANCELLED, "cancel"),
    Transition(_S.QUEUED, _S.LAUNCHING, "a worker claims the job"),
    Transition(_S.QUEUED, _S.PENDING, "dequeue_job"),
    Transition(_S.QUEUED, _S.RETRYING, "failure decision on an unclaimed job"),
    Transition(_S.QUEUED, _S.FAILED, "failure decision on an unclaimed job"),
    Transition(_S.QUEUED, _S.RUNNING, "by hand: run outside the queue"),
    Transition(_S.QUEUED, _S.CANCELLED, "cancel"),
    Transition(_S.RETRYING, _S.LAUNCHING, "a worker claims the job"),
    Transition(_S.RETRYING, _S.QUEUED, "retry_failed_job: now instead of later"),
    Transition(_S.RETRYING, _S.PENDING, "dequeue_job"),
    Transition(_S.RETRYING, _S.RUNNING, "by hand: run outside the queue"),
    Transition(_S.RETRYING, _S.FAILED, "failure decision on an unclaimed job"),
    Transition(_S.RETRYING, _S.CANCELLED, "cancel"),
    Transition(_S.LAUNCHING, _S.RUNNING, "launch succeeded, the run goes on elsewhere"),
    Transition(_S.LAUNCHING, _S.COMPLETED, "launch was the whole run and succeeded"),
    Transition(_S.LAUNCHING, _S.RETRYING, "launch failed, attempts left; or claim given back or rescued"),
    Transition(_S.LAUNCHING, _S.FAILED, "launch failed for good; or the job costs its workers"),
    Transition(_S.LAUNCHING, _S.TIMEOUT, "time_out"),
    Transition(_S.LAUNCHING, _S.CANCELLED, "cancel"),
    Transition(_S.LAUNCHING, _S.QUEUED, "claim given back or rescued before the launch had a result"),
    Transition(_S.RUNNING, _S.COMPLETED, "complete"),
    Transition(_S.RUNNING, _S.RETRYING, "fail, attempts left; or the run's claim released or rescued"),
    Transition(_S.RUNNING, _S.FAILED, "fail, for good"),
    Transition(_S.RUNNING, _S.TIMEOUT, "time_out"),
    Transition(_S.RUNNING, _S.CANCELLED, "cancel"),
    Transition(_S.FAILED, _S.QUEUED, "retry_failed_job"),
    Transition(_S.FAILED, _S.RETRYING, "a launcher set failed, the decision is to retry; or by hand"),
    Transition(_S.FAILED, _S.CANCELLED, "cancel: discard a dead letter"),
)

TARGETS: dict[str, tuple[Status, ...]] = {
    status.value: tuple(row.target for row in TRANSITIONS if row.source is status) for status in Status
}
"""Status to the statuses that may follow it."""

SOURCES: dict[str, tuple[Status, ...]] = {
    status.value: tuple(row.source for row in TRANSITIONS if row.target is status) for status in Status
}
"""Status to the statuses it may follow; what a guarded update puts into its WHERE clause."""

WAITING: tuple[Status, ...] = (Status.QUEUED, Status.RETRYING)
"""In the queue and held by nobody: what a worker may claim."""

CLAIMED: tuple[Status, ...] = (Status.LAUNCHING, Status.RUNNING)
"""Statuses in which a job may carry a claim token."""

FINAL: tuple[Status, ...] = tuple(status for status in Status if not TARGETS[status])
"""Nothing follows these."""

CLAIM_COLUMNS_CLEARED = {"claimed_by": "", "claim_token": None, "lease_expires_at": None}
"""The columns of a claim, as they stand where nobody holds the job."""


@dataclass(frozen=True)
class Entry:
    """What entering a status does to the time columns, so that the invariants hold whoever makes the transition."""

    stamped: tuple[str, ...] = ()
    """Set to now."""
    stamped_if_null: tuple[str, ...] = ()
    """Set to now where they are null."""
    cleared: tuple[str, ...] = ()
    """Set to null."""
    keeps_claim: bool = False
    """Whether the claim columns stay as they are; else they are cleared."""


ENTRIES: dict[str, Entry] = {
    _S.PENDING: Entry(cleared=("queued_at", "scheduled_for", "launched_at", "failed_at")),
    _S.QUEUED: Entry(stamped_if_null=("queued_at",), cleared=("launched_at", "failed_at")),
    _S.RETRYING: Entry(stamped_if_null=("queued_at", "scheduled_for"), cleared=("launched_at", "failed_at")),
    _S.LAUNCHING: Entry(stamped_if_null=("queued_at",), keeps_claim=True),
    _S.RUNNING: Entry(stamped_if_null=("queued_at", "launched_at"), keeps_claim=True),
    _S.COMPLETED: Entry(stamped=("completed_at",), stamped_if_null=("launched_at",)),
    _S.FAILED: Entry(stamped=("failed_at",), cleared=("queued_at", "scheduled_for")),
    _S.TIMEOUT: Entry(),
    _S.CANCELLED: Entry(cleared=("queued_at", "scheduled_for", "failed_at")),
}
"""One row a status. `launched_at` is the start of a launch that succeeded, so a job that waits again has none."""


def check_transition(source: str, target: str) -> None:
    """Raise `InvalidTransition` unless ``target`` may follow ``source``."""
    if target in TARGETS.get(source, ()):
        return
    if target not in Status.values:
        raise InvalidTransition(f"Unknown status {target!r}. Known: {', '.join(Status.values)}.")
    allowed = ", ".join(TARGETS.get(source, ())) or "none, it is final"
    raise InvalidTransition(f"Invalid transition from {source} to {target}. Allowed from {source}: {allowed}.")


def entry_values(status: str, now: datetime, current: Callable[[str], Any]) -> dict[str, Any]:
    """Return the columns to write on entering ``status``: the status, its times, and no claim unless it keeps it.

    ``current`` gives the present value of a column of one job.
    """
    entry = ENTRIES[status]
    values: dict[str, Any] = {"status": str(status)}
    values.update(dict.fromkeys(entry.stamped, now))
    values.update({name: now for name in entry.stamped_if_null if current(name) is None})
    values.update(dict.fromkeys(entry.cleared))
    if not entry.keeps_claim:
        values.update(CLAIM_COLUMNS_CLEARED)
    return values


def requeue_values(now: datetime, *, reset_count: bool) -> dict[str, Any]:
    """Return the columns, beside those of the entry into queued, of a dead letter that is queued again at ``now``.

    What it failed of, and the workers that it has cost, are forgotten; with ``reset_count`` its attempts too.
    """
    values: dict[str, Any] = {
        "queued_at": now,
        "scheduled_for": None,
        "last_error": None,
        "last_error_at": None,
        "error_fingerprint": "",
        "worker_losses": 0,
    }
    return {**values, "retry_count": 0} if reset_count else values


def entry_update(status: str, now: datetime) -> dict[str, Any]:
    """Return `entry_values` for a set-based update: a time that stays where it is set is an expression."""
    stamp = Value(now, models.DateTimeField())
    values = entry_values(status, now, lambda _name: None)
    return {**values, **{name: Coalesce(F(name), stamp) for name in ENTRIES[status].stamped_if_null}}
