"""The launcher of all jobs: does what the job's kind says, and tells the store when it begins and ends."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.dispatch import receiver
from job_retry.django.signals import job_result_ignored

from tests.chaos.kinds import BY_NAME, Kind
from tests.chaos.store import FOLDER, End, Ignored, Start, Store

if TYPE_CHECKING:
    from tests.app.models import ContainerJob

RUN_MARK = "run="
"""What stands before the launch's id in its error, so that the job's row tells whose result it holds."""


@cache
def store() -> Store:
    return Store(Path(os.environ[FOLDER]))


def launch(job: ContainerJob) -> dict[str, Any]:
    """Launch ``job``: its name is its kind's."""
    kind, run = BY_NAME[job.name], uuid4().hex
    job.launch_id = run  # type: ignore[attr-defined]  # for `remember_ignored`, which is sent with this instance
    serial = job.attempt_serial
    store().append(
        Start(
            at=time.monotonic(),
            run=run,
            job=job.pk,
            serial=serial,
            token=job.claim_token.hex if job.claim_token else "",
            worker=job.claimed_by,
            pid=os.getpid(),
            wall=time.time(),
        )
    )
    try:
        return result_of(kind, run, job.pk, serial)
    finally:
        store().append(End(time.monotonic(), run))


def result_of(kind: Kind, run: str, pk: int, serial: int) -> dict[str, Any]:
    """Do what ``kind`` says.

    Which attempt it is, the serial says, and what the queue charges is another column: the one does not follow from the
    other.
    """
    if kind.seconds[1]:
        time.sleep(Random(f"{pk} {serial}").uniform(*kind.seconds))
    if serial <= kind.failures:
        return {"success": False, "error": f"{kind.error} ({RUN_MARK}{run})"}
    return {"success": True, "completed": not kind.detached, "execution_id": run}


@receiver(job_result_ignored, dispatch_uid="tests.chaos")
def remember_ignored(job: ContainerJob, **_arguments: object) -> None:
    """Tell the store that a result came too late."""
    run = getattr(job, "launch_id", None)
    if run is not None:
        store().append(Ignored(time.monotonic(), run))
