"""One run on one database: workers, faults and jobs, until all jobs have ended or it is plain that they will not."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count
from job_retry.django.decision import LOSSES
from job_retry.django.history.models import DeadLetter, FailedAttempt

from tests.app.models import ContainerJob
from tests.chaos.application import Application
from tests.chaos.audit import create_audit, read_audit
from tests.chaos.evidence import Evidence, Past, Row
from tests.chaos.faults import schedule
from tests.chaos.inflicting import Inflictor
from tests.chaos.kinds import deal
from tests.chaos.settings import LEASE_SECONDS, RENEW_SECONDS
from tests.chaos.store import Store, read_store
from tests.chaos.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.audit import Change
    from tests.chaos.databases import Database

TURN_SECONDS = 0.01
STALL_SECONDS = 45.0
"""A run in which no job ends for so long hangs."""
LAST_FAULTS_SHARE = 0.6
"""Of a limited time: when faults end and no more jobs are queued, so that what is under way can end."""
GRACE_SECONDS = 60.0
"""What a slow machine gets beyond a limited time, as long as jobs end."""
SAY_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """What is run."""

    database: str
    seed: int
    jobs: int
    """At most so many are queued."""
    workers: int
    faults_a_second: float
    seconds: float | None = None
    """How long it is to take; None: as long as jobs end."""


def run(plan: Plan, database: Database, folder: Path, say: Callable[[str], None]) -> Evidence:
    """Do what ``plan`` says, in ``folder``, and return what there is to judge."""
    call_command("migrate", verbosity=0)
    create_audit()
    store = Store(folder)
    wall_minus_monotonic = time.time() - time.monotonic()
    began = time.monotonic()
    last_faults_at = began + LAST_FAULTS_SHARE * (plan.seconds or float("inf"))
    application = Application(deal(plan.seed, plan.jobs), is_closing=lambda: time.monotonic() > last_faults_at)
    workers = Workers(plan.workers, folder, store)
    inflictor = Inflictor(
        schedule(plan.seed, plan.database, plan.workers, plan.faults_a_second), workers, database, store, LEASE_SECONDS
    )
    try:
        application.start()
        unfinished = _work(plan, application, workers, inflictor, began, say)
        seconds = time.monotonic() - began
        inflictor.finish()
        stuck = workers.end()
    finally:
        workers.kill()
        inflictor.finish()
        application.stop()
    connection.close()  # it may have been cut off long ago
    return Evidence(
        database=plan.database,
        seed=plan.seed,
        lease_seconds=LEASE_SECONDS,
        renew_seconds=RENEW_SECONDS,
        kinds={key: kind.name for key, kind in application.queued.items()},
        rows={
            key: Row(status, retry_count, attempt_serial)
            for key, status, retry_count, attempt_serial in ContainerJob.objects.values_list(
                "pk", "status", "retry_count", "attempt_serial"
            )
        },
        pasts=_pasts(),
        records=read_store(folder),
        changes=_kept(read_audit(wall_minus_monotonic), folder),
        limbo=_limbo(),
        stuck=stuck,
        unfinished=unfinished,
        seconds=seconds,
    )


def _pasts() -> dict[int, Past]:
    """Return what the ledger and the dead letters say."""
    charged = FailedAttempt.objects.exclude(reason__in=LOSSES).values_list("job_key")
    failures = dict(charged.annotate(Count("pk")))
    letters = dict(DeadLetter.objects.filter(state=DeadLetter.State.OPEN).values_list("job_key").annotate(Count("pk")))
    return {int(key): Past(failures.get(key, 0), letters.get(key, 0)) for key in {*failures, *letters}}


def _work(
    plan: Plan,
    application: Application,
    workers: Workers,
    inflictor: Inflictor,
    began: float,
    say: Callable[[str], None],
) -> str:
    """Let it happen; return why it was ended before all jobs had, or nothing."""
    ended, moved_at, said_at = 0, began, began
    while not application.done.is_set():
        now = time.monotonic()
        workers.replace_ended()
        if plan.seconds is None or now - began < LAST_FAULTS_SHARE * plan.seconds:
            inflictor.turn()
        else:
            inflictor.finish()
        if application.ended != ended:
            ended, moved_at = application.ended, now
        if now - said_at >= SAY_SECONDS:
            said_at = now
            say(f"{now - began:4.0f} s: {ended} of {len(application.queued)} queued jobs have ended")
        if now - moved_at > STALL_SECONDS:
            return f"no job has ended for {STALL_SECONDS:.0f} s"
        if plan.seconds is not None and now - began > plan.seconds + GRACE_SECONDS:
            return f"{plan.seconds + GRACE_SECONDS:.0f} s are over"
        time.sleep(TURN_SECONDS)
    return "" if application.error is None else f"the application ended with {application.error!r}"


def _kept(changes: list[Change], folder: Path) -> list[Change]:
    """Put the audit beside the store: its database does not outlive the run."""
    lines = [f"{json.dumps(asdict(change))}\n" for change in changes]
    (folder / "audit").write_text("".join(lines))
    return changes


def _limbo() -> list[str]:
    output = io.StringIO()
    try:
        call_command("check_job_queue", stdout=output)
    except CommandError:
        return output.getvalue().splitlines()
    return []
