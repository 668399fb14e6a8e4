"""Bulk actions with several processes at work, some of which die."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import Status

from tests.app.models import ContainerJob
from tests.dead_letters.support import dead
from tests.queue.support import assert_invariants
from tests.worker.processes import PATIENCE_SECONDS, command, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)

Kind, State = BulkAction.Kind, BulkAction.State


def begin(kind: str, **options: Any) -> BulkAction:
    return bulk.begin("default", Selection(), kind, by="", now=timezone.now(), **options)


def test_several_that_step_one_action_do_each_letter_once() -> None:
    dead(get_queue_manager(), 300)
    action = begin(Kind.REQUEUE)
    with ExitStack() as stack:
        steppers = [
            stack.enter_context(
                command(str(action.pk), "7", program=("-m", "tests.dead_letters.stepper"), stdin=subprocess.PIPE)
            )
            for _ in range(2)
        ]
        for stepper in steppers:
            assert stepper.stdout is not None
            assert stepper.stdout.readline() == "ready\n"
        for stepper in steppers:
            assert stepper.stdin is not None
            stepper.stdin.write("go\n")
            stepper.stdin.flush()
        said = [stepper.communicate(timeout=PATIENCE_SECONDS)[0] for stepper in steppers]
    assert sum(map(int, said)) == 300, said
    action.refresh_from_db()
    assert (action.state, action.done, action.skipped) == (State.DONE, 300, {})
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {Status.QUEUED}


def test_a_canary_redrive_outlives_the_worker_that_drives_it(tmp_path: Path) -> None:
    pipe = tmp_path / "canary"
    os.mkfifo(pipe)
    dead(get_queue_manager(), 1, job={"command": str(pipe)})
    dead(get_queue_manager(), 5)
    action = begin(Kind.CANARY, canary_size=1, rate_per_minute=6000.0)
    worker = ("run_job_queue", "--drain", "--poll-interval", "0.1")
    environ = environment("tests.dead_letters.canary_settings")
    with command(*worker, env=environ) as first, pipe.open("w"):  # which waits until the canary is launched
        first.kill()
        first.wait(PATIENCE_SECONDS)
    action.refresh_from_db()
    assert (action.is_live, action.done) == (True, 1)
    with command(*worker, env=environ) as second:
        with pipe.open("w") as line:
            line.write("done\n")
        said, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, said
    action.refresh_from_db()
    assert (action.state, action.done) == (State.DONE, 6)
    assert set(ContainerJob.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    assert not DeadLetter.objects.exclude(state=DeadLetter.State.REQUEUED).exists()
    assert_invariants()
