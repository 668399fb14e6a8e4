"""The tables of the app itself. They name a job by its model and its key, so that any model's jobs can be in them.

`FailedAttempt` is the ledger, written once and never changed. `DeadLetter` says what became of a job that failed for
good. `GroupMark` is what people know of a cause. `BulkAction` is something that is being done with many dead letters.
"""

from __future__ import annotations

from typing import ClassVar

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from job_retry.django.history.indexes import BulkActionIndex

if not apps.is_installed("job_retry.django"):
    # Django's own words would name a model that nobody has asked for.
    raise ImproperlyConfigured(
        "A RetryableJob needs the app that keeps its history: add 'job_retry.django' to INSTALLED_APPS."
    )

MODEL_CHARACTERS = 100
KEY_CHARACTERS = 255
USER_CHARACTERS = 150
"""As many as a user name of Django's has."""


class Verdict(models.TextChoices):
    """What a classifier says of an error, as `job_retry.ErrorType`."""

    TRANSIENT = "transient", _("Transient")
    PERMANENT = "permanent", _("Permanent")
    UNKNOWN = "unknown", _("Unknown")


class OfJob(models.Model):
    """The part of a row that says of which job it is, and of which of the job's generations."""

    job_model = models.CharField(
        _("job model"), max_length=MODEL_CHARACTERS, help_text=_("As 'app_label.modelname', in lower case.")
    )
    job_key = models.CharField(_("job"), max_length=KEY_CHARACTERS, help_text=_("The job's primary key, as text."))
    generation = models.PositiveIntegerField(
        _("generation"), default=1, help_text=_("1, and one more each time a dead letter is requeued.")
    )
    attempt_serial = models.PositiveIntegerField(
        _("attempt serial"), default=0, help_text=_("The job's, which no two attempts share.")
    )
    fingerprint = models.CharField(
        _("fingerprint"), max_length=64, blank=True, help_text=_("Groups errors of one cause.")
    )
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices, default=Verdict.UNKNOWN)
    rule = models.CharField(_("rule"), max_length=200, blank=True, help_text=_("The rule that decided, as pack/rule."))
    exception_class = models.CharField(
        _("exception class"), max_length=255, blank=True, help_text=_("With its module; empty: nothing was raised.")
    )
    strategy = models.CharField(_("retry strategy"), max_length=50, blank=True)

    class Meta:
        abstract = True


class FailedAttempt(OfJob):
    """One failed attempt of a job: a row of the ledger."""

    attempt = models.PositiveIntegerField(
        _("attempt"), help_text=_("Failed attempts that were counted until then, this one included.")
    )
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed at"))
    error = models.TextField(_("error"), help_text=_("In full, with secrets masked."))
    traceback = models.TextField(_("traceback"), blank=True)
    why = models.TextField(_("why"), blank=True, help_text=_("The rule's reason."))
    reason = models.CharField(
        _("reason"),
        max_length=50,
        help_text=_("Why there is another attempt, such as 'attempts left'; or why there is none."),
    )
    delay_seconds = models.FloatField(
        _("delay in seconds"), null=True, blank=True, help_text=_("Until the next attempt; empty: there is none.")
    )
    worker = models.CharField(_("worker"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("failed attempt")
        verbose_name_plural = _("failed attempts")
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["job_model", "job_key"], name="job_retry_attempt_of_job"),
            models.Index(fields=["failed_at"], name="job_retry_attempt_at"),
        ]

    def __str__(self) -> str:
        return f"{self.job_model} {self.job_key}, attempt {self.attempt}"


class DeadLetter(OfJob):
    """A job that failed for good, and what became of it."""

    class State(models.TextChoices):
        """What became of a dead letter."""

        OPEN = "open", pgettext_lazy("dead letter", "Open")
        """Nothing yet: the job is failed."""

        REQUEUED = "requeued", _("Requeued")
        """The job was queued again. Should it die once more, that is another dead letter, of the next generation."""

        DISCARDED = "discarded", _("Discarded")
        """The job was cancelled, or deleted before anybody looked."""

    class Reason(models.TextChoices):
        """Why a job is a dead letter; the values are those of `FailureDecision.reason`."""

        PERMANENT = "permanent error", _("Permanent error")
        LIMIT = "retry limit exceeded", _("Retry limit exceeded")
        POISON = "too many workers lost", _("Too many workers lost")
        BY_HAND = "by hand", _("By hand")

    died_at = models.DateTimeField(_("died at"))
    reason = models.CharField(_("reason"), max_length=50, choices=Reason.choices)
    failure = models.ForeignKey(
        FailedAttempt,
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,  # the server would look each up, though it has come with the same transaction
        related_name="dead_letters",
        verbose_name=_("last failure"),
        help_text=_("Empty where the job was set to failed by hand."),
    )
    retry_count = models.PositiveIntegerField(_("failed attempts"), default=0, help_text=_("Of the job when it died."))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.CharField(
        _("settled by"), max_length=USER_CHARACTERS, blank=True, help_text=_("Empty: by a program.")
    )
    note = models.TextField(_("note"), blank=True, help_text=_("Why it was discarded."))
    bulk_action = models.ForeignKey(
        "BulkAction",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="letters",
        verbose_name=_("by bulk action"),
    )
    previous = models.JSONField(
        _("previous values"),
        null=True,
        blank=True,
        encoder=DjangoJSONEncoder,
        help_text=_("Columns of the job that a requeue changed, so that it can be put back."),
    )

    put_back_at = models.DateTimeField(
        _("put back at"),
        null=True,
        blank=True,
        help_text=_("When a requeue of it was last taken back, before the job was launched."),
    )
    put_back_from = models.ForeignKey(
        "BulkAction",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("put back from"),
        help_text=_("The action that had requeued it."),
    )

    class Meta:
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")
        default_permissions = ("view",)
        permissions = (
            ("requeue_deadletter", "Can requeue dead letters"),
            ("discard_deadletter", "Can discard dead letters"),
            ("mark_deadletter", "Can mark groups of dead letters as known or resolved"),
        )
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["job_model", "job_key", "generation"], name="job_retry_one_letter"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "fingerprint", "died_at"], name="job_retry_letter_group"),
            BulkActionIndex(fields=["bulk_action"], name="job_retry_letter_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.job_model} {self.job_key}"


class GroupMark(models.Model):
    """What people know of the cause behind a fingerprint. It counts until a job dies of the cause after `marked_at`."""

    class State(models.TextChoices):
        """What is known."""

        KNOWN = "known", _("Known")
        """Somebody knows of it; nothing needs to be done now."""

        RESOLVED = "resolved", _("Resolved")
        """The cause is mended."""

    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    note = models.TextField(_("note"), blank=True)
    marked_at = models.DateTimeField(_("marked at"))
    marked_by = models.CharField(_("marked by"), max_length=USER_CHARACTERS, blank=True)

    class Meta:
        verbose_name = _("mark of a group")
        verbose_name_plural = _("marks of groups")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.fingerprint}: {self.state}"


class BulkAction(models.Model):
    """Something done with many dead letters in chunks; its row is all that there is to know, whoever goes on with it.

    It works its way up by the key of the letters: those above `cursor`, up to `up_to`, are still to come.
    """

    class Kind(models.TextChoices):
        """What is done."""

        REQUEUE = "requeue", _("Requeue")
        DISCARD = "discard", _("Discard")
        CANARY = "canary", _("Canary redrive")
        """Requeue `canary_size` first, and the rest only if those do not fail as before; done by the worker."""

    class State(models.TextChoices):
        """How far it is."""

        RUNNING = "running", _("Running")
        """Chunks are still to come."""

        WATCHING = "watching", _("Watching")
        """A canary redrive waits for what becomes of the jobs that it has requeued."""

        STOPPED = "stopped", _("Stopped")
        """By somebody, or by itself (`stopped_because`); what is left is untouched."""

        DONE = "done", _("Done")

    LIVE = (State.RUNNING, State.WATCHING)

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    stopped_because = models.TextField(_("stopped because"), blank=True)
    selection = models.JSONField(_("selection"), encoder=DjangoJSONEncoder, help_text=_("Which dead letters."))
    fresh_count = models.BooleanField(_("fresh count"), default=False)
    strategy = models.CharField(_("retry strategy"), max_length=50, blank=True, help_text=_("Empty: the job's own."))
    priority = models.PositiveSmallIntegerField(_("priority"), null=True, blank=True)
    spread_seconds = models.FloatField(_("spread over seconds"), default=0.0)
    note = models.TextField(_("note"), blank=True)
    canary_size = models.PositiveIntegerField(_("canary size"), default=0)
    rate_per_minute = models.FloatField(_("rate per minute"), default=0.0)
    total = models.PositiveIntegerField(_("total"), default=0, help_text=_("Letters counted when it began."))
    up_to = models.BigIntegerField(_("up to"), default=0)
    cursor = models.BigIntegerField(_("cursor"), default=0)
    done = models.PositiveIntegerField(_("done"), default=0, help_text=_("Letters requeued or discarded."))
    skipped = models.JSONField(_("skipped"), default=dict, help_text=_("Reason to the number of letters."))
    put_back = models.PositiveIntegerField(_("put back"), default=0)
    started_by = models.CharField(_("started by"), max_length=USER_CHARACTERS, blank=True)
    started_at = models.DateTimeField(_("started at"))
    stepped_at = models.DateTimeField(_("last step at"))
    ramping_since = models.DateTimeField(
        _("at full rate since"), null=True, blank=True, help_text=_("When the canaries of a canary redrive had passed.")
    )
    next_due_at = models.DateTimeField(
        _("next due at"),
        null=True,
        blank=True,
        help_text=_("When the next job that it requeues is due; empty: at once."),
    )
    ended_at = models.DateTimeField(
        _("ended at"), null=True, blank=True, help_text=_("Empty also while what a canary redrive did is put back.")
    )
    put_back_cursor = models.BigIntegerField(
        _("put back up to"), default=0, help_text=_("While letters are put back, those above are still to come.")
    )

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state"], name="job_retry_action_live"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""
        return self.state in self.LIVE

    @property
    def handled(self) -> int:
        """Letters that it has come past."""
        skipped: dict[str, int] = self.skipped
        done: int = self.done
        return done + sum(skipped.values())
