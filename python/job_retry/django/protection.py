"""Keeps a save of an old instance from undoing what the queue has decided since it was loaded.

An instance remembers the values it was loaded with. A save of an existing row

* leaves out each engine column that this instance did not change,
* writes a changed status only as a transition from the status loaded, with the times and the claim that go with it, and
* writes changed engine columns only where the row still has the status, the claim and the attempt that this instance
  was loaded with: they stand in the WHERE clause, so there is no gap between looking and writing.

What does not fit raises `StaleJob`, and nothing is written. A new row, and one that a fixture brings, is written as it
stands; so is a copy of a job in another database, as long as it is not there yet. A copy under another key does not
take a claim along: it begins as a new job.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import models, router, transaction
from django.utils import timezone

from job_retry.django.claims import this_process
from job_retry.django.exceptions import InvalidTransition, StaleJob
from job_retry.django.history.ledger import open_by_hand, settle
from job_retry.django.history.models import DeadLetter
from job_retry.django.querysets import JobQuerySet
from job_retry.django.states import ENTRIES, Entry, Status, check_transition, entry_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

ENGINE_COLUMNS = frozenset(
    {
        "status",
        # times
        "queued_at",
        "scheduled_for",
        "launched_at",
        "completed_at",
        "failed_at",
        # counts
        "retry_count",
        "worker_losses",
        "attempt_serial",
        # the last error
        "last_error",
        "last_error_at",
        "error_fingerprint",
        # the run and the claim
        "execution_id",
        "claimed_by",
        "claim_token",
        "lease_expires_at",
    }
)
"""The columns that belong to the queue."""

_GUARDS = ("status", "claim_token", "attempt_serial")
"""What an instance must have loaded to change an engine column, and what the row must still have."""


class EngineColumnsProtected(models.Model):
    """The part of `RetryableJob` that guards `ENGINE_COLUMNS`."""

    _loaded: dict[str, Any] | None = None
    """The instance's values as last read from or written to the database; None for one that never was."""

    launch_started_at: datetime | None = None
    """When the launch began that this instance is being launched by; None outside of one."""

    _saving_raw = False
    """Whether a fixture is being loaded, which writes every column as it stands."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **kwargs: Any) -> Any:
        """Load an instance and remember what it was loaded with."""
        instance = super().from_db(db, field_names, values, **kwargs)
        # A copy of the whole dictionary: one call, cheaper than picking the engine's columns for each row.
        instance._loaded = instance.__dict__.copy()
        return instance

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """Reload, and remember the reloaded values. What guards a change is only ever loaded together."""
        if fields is not None:
            fields = set(fields)
            if not fields.isdisjoint(_GUARDS):
                fields.update(_GUARDS)
        if from_queryset is None:
            # Whatever a base manager of the model's own leaves out: the job is there, and the queue works on it.
            from_queryset = JobQuerySet(type(self), using=using, hints={"instance": self})
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self.remember_engine_columns(ENGINE_COLUMNS if fields is None else ENGINE_COLUMNS.intersection(fields))

    def load_guards(self) -> None:
        """Load what guards a change where a query has left it out."""
        if any(name not in self.__dict__ for name in _GUARDS):
            self.refresh_from_db(fields=_GUARDS)

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save; where that is refused, leave the caller's transaction usable."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        connection = transaction.get_connection(using)
        rolling_back = connection.in_atomic_block and connection.needs_rollback
        try:
            super().save_base(*args, **kwargs)
        except StaleJob:
            # Django condemns the transaction for any error in a save. Here nothing was written, unless the model has a
            # parent table.
            if connection.in_atomic_block and not self._meta.parents:
                connection.set_rollback(rolling_back)
            raise

    def _save_table(self, raw: bool = False, *args: Any, **kwargs: Any) -> Any:
        """Write to one table; the hook of Django's that knows of fixtures, which go past `save` and `save_base`."""
        saving_raw, self._saving_raw = self._saving_raw, raw
        try:
            updated = super()._save_table(raw, *args, **kwargs)  # type: ignore[misc]
        finally:
            self._saving_raw = saving_raw
        self.remember_engine_columns(ENGINE_COLUMNS if raw else ())
        return updated

    def remember_engine_columns(self, names: Iterable[str]) -> None:
        """Take the present values of the key and the columns ``names`` as those that the row has."""
        # A new dictionary, since a copy of the instance shares the old one.
        names = (self._meta.pk.attname, *names)
        present = {name: self.__dict__[name] for name in names if name in self.__dict__}
        self._loaded = {**(self._loaded or {}), **present}

    def show_engine_columns(self, values: dict[str, Any]) -> None:
        """Show ``values``, which are those of the row."""
        for name, value in values.items():
            setattr(self, name, value)
        self.remember_engine_columns(values)

    def _begin(self) -> None:
        """Get ready for the INSERT of a new row."""
        loaded = self._loaded or {}
        if loaded.get("claim_token") is not None and loaded.get(self._meta.pk.attname) != self.pk:
            for name in ENGINE_COLUMNS:
                if not self._changed(name, loaded):
                    field: Any = self._meta.get_field(name)
                    setattr(self, name, field.get_default())
        self._stamp_new()

    def _stamp_new(self) -> None:
        """Give a row that begins in another status than pending the times and the claim that go with it."""
        entry = ENTRIES.get(self.__dict__.get("status", ""), Entry())
        for name in (*entry.stamped, *entry.stamped_if_null):
            if getattr(self, name) is None:
                setattr(self, name, timezone.now())
        for name, value in self._claim_by_hand().items():
            setattr(self, name, value)

    def _claim_by_hand(self) -> dict[str, Any]:
        """Return the claim of a job set to launching without one: this process holds it, for a new attempt.

        Otherwise nobody could report its result, or put it back.
        """
        job: Any = self
        if self.__dict__.get("status") != Status.LAUNCHING or job.claim_token is not None:
            return {}
        return {
            "claim_token": uuid4(),
            "claimed_by": job.claimed_by or this_process(),
            "attempt_serial": job.attempt_serial + 1,
        }

    def _do_insert(self, *args: Any, **kwargs: Any) -> Any:
        """Write a new row; Django's hook for the INSERT of one table."""
        if not self._saving_raw:
            self._begin()
        returned = super()._do_insert(*args, **kwargs)  # type: ignore[misc]
        self.remember_engine_columns(ENGINE_COLUMNS)
        return returned

    def _prepare_related_fields_for_save(self, operation_name: str, *args: Any, **kwargs: Any) -> None:
        """Get ready to be written; the only hook of Django's that each instance of a `bulk_create` goes through."""
        super()._prepare_related_fields_for_save(operation_name, *args, **kwargs)  # type: ignore[misc]
        if operation_name == "bulk_create":
            self._begin()
            self.remember_engine_columns(ENGINE_COLUMNS)

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, update_fields: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Write an existing row; Django's hook for the UPDATE of one table."""
        if self._saving_raw:
            return super()._do_update(base_qs, using, pk_val, values, update_fields, *args, **kwargs)
        base_qs = JobQuerySet(base_qs.model, using=using)  # as in `refresh_from_db`
        copying = self._state.db != using != router.db_for_write(type(self), instance=self)
        # The row of an instance made by hand, or of a copy in another database, is one that was never loaded.
        loaded = None if self._state.adding or copying else self._loaded
        engine = [(field.attname, value) for field, _, value in values if field.attname in ENGINE_COLUMNS]
        changed = {name: value for name, value in engine if self._changed(name, loaded)}
        if changed and loaded is not None:
            self._check_guards(loaded, list(changed))
            base_qs = base_qs.filter(**{name: loaded[name] for name in _GUARDS})
            if "status" in changed:
                changed = {**self._entry(loaded), **changed}
        written = [row for row in values if row[0].attname not in ENGINE_COLUMNS]
        written += [(self._meta.get_field(name), None, value) for name, value in changed.items()]
        if values and not written:
            update_fields = None  # with fields named, Django would not look whether the row is there
        write = partial(super()._do_update, base_qs, using, pk_val, written, update_fields, *args, **kwargs)
        if "status" in changed and loaded is not None:
            updated = self._move_dead_letter(using, loaded["status"], changed["status"], write)
        else:
            updated = write()
        if not updated and not self._state.adding and not copying:
            raise StaleJob(
                f"{self._meta.object_name} {self.pk} has changed since it was loaded as "
                f"'{(loaded or {}).get('status', 'unknown')}', or is gone; nothing was written. "
                f"Call refresh_from_db() and decide again. Not saved: {', '.join(changed) or 'any column'}."
            )
        if updated:
            for name, value in changed.items():
                setattr(self, name, value)
            self.remember_engine_columns(ENGINE_COLUMNS if loaded is None else changed)
        return updated

    def _move_dead_letter(self, using: str, source: str, target: str, write: Callable[[], Any]) -> Any:
        """Write a change of status, and with it what it means for the job's dead letter; return what ``write`` does."""
        job: Any = self
        if Status.FAILED not in (source, target):
            return write()
        with transaction.atomic(using=using):
            updated = write()
            if updated and target == Status.FAILED:
                open_by_hand(using, job, timezone.now())
            elif updated:
                became = DeadLetter.State.DISCARDED if target == Status.CANCELLED else DeadLetter.State.REQUEUED
                settle(using, type(self), [self.pk], became, timezone.now())
        return updated

    def _entry(self, loaded: dict[str, Any]) -> dict[str, Any]:
        """Return the columns that go with the status, whether the save names them or not."""
        status = self.__dict__["status"]
        kept = {name: getattr(self, name) for name in ENTRIES[status].stamped_if_null}
        entry = {**kept, **entry_values(status, timezone.now(), kept.__getitem__), **self._claim_by_hand()}
        if self.__dict__["claim_token"] is None:
            entry["lease_expires_at"] = None  # that of a suspect, which may have become one since this was loaded
        return {name: self.__dict__[name] if self._changed(name, loaded) else value for name, value in entry.items()}

    def _changed(self, name: str, loaded: dict[str, Any] | None) -> bool:
        """Return whether this instance changed the column since it was loaded; one never loaded did not."""
        return (
            loaded is not None and name in self.__dict__ and (name not in loaded or loaded[name] != self.__dict__[name])
        )

    def _check_guards(self, loaded: dict[str, Any], changed: list[str]) -> None:
        """Raise `StaleJob` unless what this instance was loaded with allows the change of an engine column."""
        missing = [name for name in _GUARDS if name not in loaded]
        if missing:
            raise StaleJob(
                f"{self._meta.object_name} {self.pk} was loaded without {' and '.join(missing)}, so nobody knows "
                f"whether the row still is what it was; nothing was written. Not saved: {', '.join(changed)}. "
                "Call refresh_from_db() and decide again."
            )
        if self.__dict__["status"] == loaded["status"]:
            return
        try:
            check_transition(loaded["status"], self.__dict__["status"])
        except InvalidTransition as error:
            raise StaleJob(f"{error} Nothing was written.") from error
