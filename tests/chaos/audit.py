"""The audit: what each change did to a job's status and claim, written by a trigger in the same transaction.

A result that is on record here was accepted, whether the worker that wrote it lived to see the answer or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.app.models import ContainerJob
from tests.chaos.launchers import RUN_MARK

JOBS = ContainerJob._meta.db_table

_COLUMNS = (
    "job, old_status, new_status, old_token, new_token, old_count, new_count, old_holder, new_holder, execution, error"
)
_VALUES = """
    NEW.id, OLD.status, NEW.status, OLD.claim_token, NEW.claim_token, OLD.retry_count, NEW.retry_count,
    OLD.claimed_by, NEW.claimed_by,
    CASE WHEN OLD.execution_id = NEW.execution_id THEN '' ELSE NEW.execution_id END,
    CASE WHEN COALESCE(OLD.last_error, '') = COALESCE(NEW.last_error, '') THEN '' ELSE COALESCE(NEW.last_error, '') END
"""
_TABLE = """
    CREATE TABLE chaos_audit (
        id {key}, at double precision NOT NULL, job bigint NOT NULL,
        old_status text, new_status text, old_token {token}, new_token {token}, old_count int, new_count int,
        old_holder text, new_holder text, execution text, error text
    )
"""

STATEMENTS: dict[str, tuple[str, ...]] = {
    "postgresql": (
        _TABLE.format(key="bigserial PRIMARY KEY", token="uuid"),
        f"""
        CREATE FUNCTION chaos_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO chaos_audit (at, {_COLUMNS})
            VALUES (EXTRACT(EPOCH FROM clock_timestamp()), {_VALUES});
            RETURN NULL;
        END $$
        """,
        f"""
        CREATE TRIGGER chaos_audit AFTER UPDATE ON {JOBS} FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.claim_token IS DISTINCT FROM NEW.claim_token)
        EXECUTE FUNCTION chaos_audit()
        """,
    ),
    "sqlite": (
        _TABLE.format(key="INTEGER PRIMARY KEY AUTOINCREMENT", token="text"),
        f"""
        CREATE TRIGGER chaos_audit AFTER UPDATE ON {JOBS} FOR EACH ROW
        WHEN OLD.status IS NOT NEW.status OR OLD.claim_token IS NOT NEW.claim_token
        BEGIN
            INSERT INTO chaos_audit (at, {_COLUMNS})
            VALUES ((julianday('now') - 2440587.5) * 86400.0, {_VALUES});
        END
        """,
    ),
}
"""What sets it up."""


@dataclass(frozen=True)
class Change:
    """One change of a job's status or claim."""

    at: float
    """Monotonic seconds, as in the store."""
    job: int
    old_status: str
    new_status: str
    old_token: str
    """Of the claim that the job stood under; empty: of none."""
    new_token: str
    old_count: int
    """Failed attempts that the job had been charged."""
    new_count: int
    old_holder: str
    new_holder: str
    run: str
    """The launch whose result this is; empty: it is no launch's result."""

    @property
    def is_claim(self) -> bool:
        """Whether somebody got the job."""
        return self.new_status == "launching" and bool(self.new_token) and self.new_token != self.old_token


def create_audit() -> None:
    """Create the table and the trigger."""
    with connection.cursor() as cursor:
        for statement in STATEMENTS[connection.vendor]:
            cursor.execute(statement)


def read_audit(wall_minus_monotonic: float) -> list[Change]:
    """Return all changes; of one job, in the order in which they took place."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at, {_COLUMNS} FROM chaos_audit ORDER BY id")
        return [_change(row, wall_minus_monotonic) for row in cursor.fetchall()]


def _change(row: tuple[Any, ...], wall_minus_monotonic: float) -> Change:
    at, job, old_status, new_status, old_token, new_token, old_count, new_count, old_holder, new_holder, *result = row
    return Change(
        at=at - wall_minus_monotonic,
        job=job,
        old_status=old_status,
        new_status=new_status,
        old_token=_token(old_token),
        new_token=_token(new_token),
        old_count=old_count,
        new_count=new_count,
        old_holder=old_holder,
        new_holder=new_holder,
        run=run_of(*result),
    )


def _token(value: Any) -> str:
    return str(value or "").replace("-", "")


def run_of(execution: str, error: str) -> str:
    """Return the launch that a changed execution id, or a changed error, names."""
    found = re.search(rf"{RUN_MARK}(\w+)", error)
    return execution or (found[1] if found else "")
