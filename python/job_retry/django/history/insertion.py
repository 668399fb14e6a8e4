"""Inserting many rows of the ledger, and the letters of those that are final.

Django's `bulk_create` costs several times the statement itself: it makes an instance of each row, and prepares and
quotes each value. On PostgreSQL all rows are one parameter, and the server makes the letters of the inserted rows.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connections

from job_retry.django.history.models import DeadLetter, FailedAttempt, OfJob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LedgerRow = dict[str, Any]
"""Columns of a `FailedAttempt`, all but its key."""

ROWS_PER_STATEMENT = 500

_OF_JOB = tuple(field.attname for field in OfJob._meta.local_fields)
"""What a letter has from its last failure under the same name."""

_FROM_FAILURE = {"died_at": "failed_at", "reason": "reason", "failure_id": "id", "retry_count": "attempt"}
"""Further columns of a letter, and those of its last failure that they come from."""


def insert_attempts(using: str, rows: Sequence[LedgerRow]) -> None:
    """Insert ``rows``, which all name the same columns, and an open letter for each whose reason is that of one."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        chunk = rows[start : start + ROWS_PER_STATEMENT]
        if connections[using].vendor == "postgresql":
            _insert_by_one_parameter(using, chunk)
        else:
            _insert_by_instances(using, chunk)


def letter_values(failure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the open letter that a row of the ledger, its key included, gives rise to."""
    return {
        **{name: failure[name] for name in _OF_JOB},
        **{name: failure[source] for name, source in _FROM_FAILURE.items()},
    }


def is_final(row: LedgerRow) -> bool:
    """Return whether the job is a dead letter with this failure."""
    return row["reason"] in DeadLetter.Reason.values


def _insert_by_instances(using: str, rows: Sequence[LedgerRow]) -> None:
    attempts = [FailedAttempt(**row) for row in rows]
    ledger = FailedAttempt.objects.using(using)
    if connections[using].features.can_return_rows_from_bulk_insert:
        ledger.bulk_create(attempts)
    else:  # the key of a row that a letter needs is only told of one at a time
        ledger.bulk_create([attempt for attempt, row in zip(attempts, rows, strict=True) if not is_final(row)])
        for attempt, row in zip(attempts, rows, strict=True):
            if is_final(row):
                attempt.save(using=using)
    letters = [
        DeadLetter(**letter_values({**row, "id": attempt.pk}))
        for attempt, row in zip(attempts, rows, strict=True)
        if is_final(row)
    ]
    DeadLetter.objects.using(using).bulk_create(letters)


def _insert_by_one_parameter(using: str, rows: Sequence[LedgerRow]) -> None:
    document = json.dumps(rows, ensure_ascii=False, default=str)
    # A raw query wants the key of a row: whatever that of the only one is.
    list(FailedAttempt.objects.using(using).raw(_statement(using, tuple(rows[0])), [document, *_parameters()]))


@lru_cache(maxsize=8)
def _statement(using: str, columns: tuple[str, ...]) -> str:
    connection = connections[using]
    quote = connection.ops.quote_name
    ledger, letters = FailedAttempt._meta, DeadLetter._meta
    # The types without their limits: what is too long for a column is refused by the column.
    types = {field.attname: field.db_type(connection) for field in ledger.local_fields}
    shown = ", ".join(map(quote, columns))
    typed = ", ".join(f"{quote(name)} {types[name]}" for name in columns)
    from_failure = {name: name for name in _OF_JOB} | _FROM_FAILURE
    made = ", ".join(map(quote, [*from_failure, *_CONSTANT]))
    taken = ", ".join([*(quote(source) for source in from_failure.values()), *(["%s"] * len(_CONSTANT))])
    finals = ", ".join(["%s"] * len(DeadLetter.Reason.values))
    # Of nothing but names of tables and columns.
    return (
        f"WITH entered AS (INSERT INTO {quote(ledger.db_table)} ({shown})"  # noqa: S608
        f" SELECT {shown} FROM json_to_recordset(%s::json) AS given ({typed}) RETURNING *),"
        f" opened AS (INSERT INTO {quote(letters.db_table)} ({made})"
        f" SELECT {taken} FROM entered WHERE reason IN ({finals}))"
        " SELECT count(*) AS id FROM entered"
    )


_CONSTANT = {"state": DeadLetter.State.OPEN.value, "settled_by": "", "note": ""}
"""Columns of an open letter that are neither its failure's nor null."""


def _parameters() -> list[str]:
    return [*_CONSTANT.values(), *DeadLetter.Reason.values]
