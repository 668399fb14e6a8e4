"""The indexes of a job table: of the jobs that the queue works on, and never of the many that are done.

Whatever the table holds of finished jobs, none of these has them, so that the queue's statements do not get slower as
they pile up. Each index is conditional, on the status, where a database has such indexes; elsewhere it is a plain one
on its ``fields``. Django has no word for that, and takes it for a plain one everywhere: so it makes the name, and no
system check warns of what MariaDB cannot do.

No column that changes while a job stays what it is stands in an index, or in its condition: PostgreSQL writes the
renewal of a lease beside the old row, and no index needs to know (a heap-only tuple).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import F, Index, Q

from job_retry.django.expressions import DueFrom, StatusIn, ready_since
from job_retry.django.states import CLAIMED, WAITING, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models.expressions import Combinable, OrderBy


class StatusIndex(Index):
    """An index of the jobs in some statuses; ``fields`` are what it covers where indexes know no condition."""

    statuses: ClassVar[tuple[Status, ...]]
    plain_fields: ClassVar[tuple[str, ...]]

    def __init__(
        self, *, fields: Sequence[str] = (), name: str | None = None, db_tablespace: str | None = None
    ) -> None:
        super().__init__(fields=fields or self.plain_fields, name=name, db_tablespace=db_tablespace)

    def key(self, vendor: str) -> tuple[Combinable | OrderBy | str, ...]:
        """Return what the conditional index sorts its jobs by, in a database of ``vendor``."""
        raise NotImplementedError

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the statement that makes the index in the schema editor's database."""
        features = schema_editor.connection.features
        if not (features.supports_partial_indexes and features.supports_expression_indexes):
            return super().create_sql(model, schema_editor, using, **kwargs)
        conditional = Index(
            *self.key(schema_editor.connection.vendor),
            name=self.name,
            db_tablespace=self.db_tablespace,
            condition=Q(StatusIn(*self.statuses)),
        )
        return conditional.create_sql(model, schema_editor, using, **kwargs)


class WaitingIndex(StatusIndex):
    """The jobs that wait, in the ready order: a claim reads its first entries, and sorts nothing.

    The last part of the key tells what is not due yet, so that such a job is passed over without a look at its row.
    """

    statuses = WAITING
    # All that a claim asks of a waiting job, so that what has to be sorted is read from the index alone.
    plain_fields = ("status", "-priority", "scheduled_for", "queued_at", "lease_expires_at")

    def key(self, vendor: str) -> tuple[Combinable | OrderBy | str, ...]:  # noqa: ARG002
        """Return the ready order, and from when on a job is due."""
        return F("priority").desc(), ready_since(), "pk", DueFrom()


class ClaimedIndex(StatusIndex):
    """The jobs that somebody holds: leases to renew and leases that have ended."""

    statuses = CLAIMED
    plain_fields = ("claimed_by",)

    def key(self, vendor: str) -> tuple[Combinable | OrderBy | str, ...]:  # noqa: ARG002
        """Return the holder."""
        return ("claimed_by",)


class FailedIndex(StatusIndex):
    """The dead letters, the latest first: what people look at, and few among all that is done."""

    statuses = (Status.FAILED,)
    plain_fields = ("failed_at",)

    def key(self, vendor: str) -> tuple[Combinable | OrderBy | str, ...]:
        """Return when the job failed for good; SQLite puts nulls last by itself, and knows no word for it here."""
        return (F("failed_at").desc(nulls_last=True if vendor == "postgresql" else None),)
