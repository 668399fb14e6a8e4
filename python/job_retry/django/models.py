"""`RetryableJob`: the abstract model that gives a project's job model its queue, retry and claim columns.

The app's own tables are in `job_retry.django.history.models`; they are imported here, where Django looks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from job_retry.django.exceptions import StaleJob
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt, GroupMark
from job_retry.django.indexes import ClaimedIndex, FailedIndex, WaitingIndex
from job_retry.django.protection import EngineColumnsProtected
from job_retry.django.querysets import JobQuerySet
from job_retry.django.states import TARGETS, WAITING, Status, check_transition, entry_values
from job_retry.django.strategies import retry_strategy_choices
from job_retry.django.times import in_time_zone

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["BulkAction", "DeadLetter", "FailedAttempt", "GroupMark", "RetryableJob"]


class RetryableJob(EngineColumnsProtected, models.Model):
    """Base of a job model. Add what the job is about; let a ``Meta`` of your own inherit ``RetryableJob.Meta``.

    The queue owns its columns (`job_retry.django.protection`): `save` writes them only where this instance changed
    them, and never over what a worker decided meanwhile.
    """

    Status = Status

    default_retry_strategy: ClassVar[str | None] = None
    """Name of the strategy for jobs that name none; None: the queue's ``STRATEGY``, then ``default``."""

    dead_letter_fields: ClassVar[tuple[str, ...]] = ()
    """Fields by which people may choose among dead letters, such as ``("image", "customer__name")``."""

    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=50,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("0 to 100; higher runs first."),
    )
    queued_at = models.DateTimeField(
        _("queued at"),
        null=True,
        blank=True,
        help_text=_("When the job entered the queue; empty outside of it."),
    )
    scheduled_for = models.DateTimeField(
        _("scheduled for"),
        null=True,
        blank=True,
        help_text=_("Not launched before; empty: as soon as possible."),
    )
    launched_at = models.DateTimeField(
        _("launched at"), null=True, blank=True, help_text=_("Start of the last launch that succeeded.")
    )
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    failed_at = models.DateTimeField(
        _("failed at"),
        null=True,
        blank=True,
        help_text=_("When the job became a dead letter; empty otherwise."),
    )
    retry_count = models.PositiveIntegerField(
        _("failed attempts"), default=0, help_text=_("Failed attempts so far, the first one included.")
    )
    max_retries = models.PositiveIntegerField(
        _("maximum attempts"),
        null=True,
        blank=True,
        help_text=_("Attempts this job may have, the first included; lowers the strategy's limit, never raises it."),
    )
    retry_strategy = models.CharField(  # noqa: DJ001 - null is the classic column: no strategy named
        _("retry strategy"), max_length=50, null=True, blank=True, choices=retry_strategy_choices
    )
    last_error = models.TextField(_("last error"), null=True, blank=True)  # noqa: DJ001 - null: no error
    last_error_at = models.DateTimeField(_("last error at"), null=True, blank=True)
    error_fingerprint = models.CharField(
        _("error fingerprint"),
        max_length=64,
        default="",
        blank=True,
        help_text=_("Groups errors of one cause."),
    )
    execution_id = models.CharField(
        _("execution id"),
        max_length=255,
        default="",
        blank=True,
        help_text=_("What the launcher calls this run."),
    )
    claimed_by = models.CharField(
        _("claimed by"), max_length=255, default="", blank=True, help_text=_("The worker that holds the job.")
    )
    claim_token = models.UUIDField(
        _("claim token"),
        null=True,
        blank=True,
        help_text=_("A result counts only with the token of its claim."),
    )
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)
    worker_losses = models.PositiveIntegerField(
        _("worker losses"), default=0, help_text=_("Workers that died while they held nothing but this job.")
    )
    attempt_serial = models.PositiveIntegerField(
        _("attempt serial"), default=0, help_text=_("Rises with each new attempt and is never reset.")
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes: ClassVar[list[models.Index]] = [
            # Without names: Django makes them, of at most 30 characters, for whatever the class is called.
            WaitingIndex(),
            ClaimedIndex(),
            FailedIndex(),
        ]

    @property
    def is_queued(self) -> bool:
        """Whether the job waits in the queue, due or not."""
        return self.status in WAITING

    @property
    def is_ready_to_launch(self) -> bool:
        """Whether the job waits in the queue and its time has come."""
        return self.is_queued and (self.scheduled_for is None or self.scheduled_for <= timezone.now())

    def can_transition_to(self, new_status: str) -> bool:
        """Return whether the transition table allows ``new_status`` next."""
        return new_status in TARGETS.get(self.status, ())

    def transition_to(self, new_status: str, save: bool = True) -> bool:
        """Move to ``new_status`` with the time and claim columns that go with it; returns True.

        A job moved to launching is claimed by this process: report its result, or `JobQueueManager.release_claim` it.
        Raises `InvalidTransition` (a ValueError) that names both states and those allowed, and `StaleJob` where the
        row has moved on since this instance was loaded. With ``save=False`` nothing is written until `save`.
        """
        self._move(new_status, {}, save=save)
        return True

    def mark_as_queued(self, scheduled_for: datetime | None = None) -> None:
        """Put the job into the queue, to be launched at ``scheduled_for`` or as soon as possible."""
        self._move(Status.QUEUED, {"queued_at": timezone.now(), "scheduled_for": in_time_zone(scheduled_for)})

    def mark_as_running(self) -> None:
        """Record that the job has been launched; a claim on it stays."""
        self.transition_to(Status.RUNNING)

    def mark_as_completed(self) -> None:
        """Record that the job has succeeded."""
        self.transition_to(Status.COMPLETED)

    def _move(self, new_status: str, values: dict[str, Any], *, save: bool = True) -> None:
        self.load_guards()
        check_transition(self.status, new_status)
        changes = {**entry_values(new_status, timezone.now(), lambda name: getattr(self, name)), **values}
        before = {name: getattr(self, name) for name in changes}
        for name, value in changes.items():
            setattr(self, name, value)
        if not save:
            return
        try:
            self.save(update_fields=None if self._state.adding else list(changes))
        except StaleJob:
            for name, value in before.items():
                setattr(self, name, value)
            raise
