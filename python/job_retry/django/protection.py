"""Keeps a save of an old instance from undoing what the queue has decided since it was loaded.

An instance remembers the values it was loaded with. A save of an existing row

* leaves out each engine column that this instance did not change,
* writes a changed status only as a transition from the status loaded, and
* writes changed engine columns only where the row still has the status and the claim that this instance was loaded
  with: both stand in the WHERE clause, so there is no gap between looking and writing.

What does not fit raises `StaleJob`, and nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from job_retry.django.exceptions import InvalidTransition, StaleJob
from job_retry.django.states import check_transition

if TYPE_CHECKING:
    from collections.abc import Sequence

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

_GUARDS = ("status", "claim_token")


class EngineColumnsProtected(models.Model):
    """The part of `RetryableJob` that guards `ENGINE_COLUMNS`."""

    _loaded: dict[str, Any] | None = None
    """The instance's values as last read from or written to the database; None for one that never was."""

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

    def refresh_from_db(self, using: str | None = None, fields: Sequence[str] | None = None, **kwargs: Any) -> None:
        """Reload, and remember the reloaded values."""
        super().refresh_from_db(using=using, fields=fields, **kwargs)
        self.remember_engine_columns(ENGINE_COLUMNS.intersection(fields) if fields is not None else ENGINE_COLUMNS)

    def save_base(self, raw: bool = False, *args: Any, **kwargs: Any) -> None:
        """Save, and remember what was written."""
        self._saving_raw = raw
        adding = self._state.adding
        try:
            super().save_base(raw, *args, **kwargs)
        finally:
            self._saving_raw = False
        if adding or raw:
            self.remember_engine_columns(ENGINE_COLUMNS)

    def remember_engine_columns(self, names: Any) -> None:
        """Take the present values of the columns ``names`` as those that the row has."""
        if self._loaded is None:
            self._loaded = {}
        self._loaded.update({name: self.__dict__[name] for name in names if name in self.__dict__})

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
        """Write an existing row; Django's hook for the UPDATE of one table."""
        if self._saving_raw:
            return super()._do_update(base_qs, using, pk_val, values, *args, **kwargs)  # type: ignore[misc]
        loaded = self._loaded or {}
        written = [row for row in values if row[0].attname not in ENGINE_COLUMNS or self._changed(row[0].attname)]
        changed = [row[0].attname for row in written if row[0].attname in ENGINE_COLUMNS]
        if changed:
            self._check_status_change()
            base_qs = base_qs.filter(**{name: loaded[name] for name in _GUARDS if name in loaded})
        updated = super()._do_update(base_qs, using, pk_val, written, *args, **kwargs)  # type: ignore[misc]
        if not updated and not self._state.adding:
            raise StaleJob(
                f"{self._meta.object_name} {self.pk} has changed since it was loaded as "
                f"{loaded.get('status', 'unknown')!r}, or is gone; nothing was written. "
                f"Call refresh_from_db() and decide again. Not saved: {', '.join(changed) or 'any column'}."
            )
        self.remember_engine_columns(changed)
        return updated

    def _changed(self, name: str) -> bool:
        """Return whether this instance changed the column since it was loaded; a hand-made one never did."""
        return (
            self._loaded is not None
            and name in self.__dict__
            and (name not in self._loaded or self._loaded[name] != self.__dict__[name])
        )

    def _check_status_change(self) -> None:
        loaded_status = (self._loaded or {}).get("status")
        status = self.__dict__.get("status")
        if loaded_status is None or status == loaded_status:
            return
        try:
            check_transition(loaded_status, str(status))
        except InvalidTransition as error:
            raise StaleJob(f"{error} Nothing was written.") from error
