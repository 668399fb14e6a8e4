"""The example's launcher: real processes, real errors, nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from examples.container_jobs.demonstration.kinds import KINDS, Kind

if TYPE_CHECKING:
    from tests.examples.project import Project

A_JOB = """
import json, threading, time
from django.core.management import call_command
from django.test import override_settings
from jobs.models import ContainerJob
from jobs.services import launch_job, running
call_command("migrate", verbosity=0)
job = ContainerJob.objects.create(name="job", image="reports", command={!r})
"""


@pytest.fixture(scope="module")
def outcomes(project: Project) -> dict[str, dict[str, Any]]:
    result = project.run("-c", Path(__file__).with_name("launch_each_kind.py").read_text())
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_first_attempt_goes_as_the_row_of_the_kind_says(kind: Kind, outcomes: dict[str, dict[str, Any]]) -> None:
    outcome = outcomes[kind.name]
    assert outcome["started"]
    if not kind.failures:
        assert outcome["completed"]
        return
    assert not outcome["completed"]
    # The queue masks the error; the launcher's own text is what has to be hidden.
    error = outcome["error"].replace(kind.hidden, "***") if kind.hidden else outcome["error"]
    assert any((outcome["verdict"], True) == (row.verdict.value, row.text in error) for row in kind.failures), error


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.hidden], ids=lambda kind: kind.name)
def test_what_the_queue_is_to_mask_is_really_in_the_error(kind: Kind, outcomes: dict[str, dict[str, Any]]) -> None:
    assert kind.hidden in outcomes[kind.name]["error"]


def test_a_job_that_takes_too_long_is_ended_with_all_its_processes(project: Project) -> None:
    program = """
with override_settings(JOB_TIMEOUT_SECONDS=0.3):
    launch_job(job)
"""
    result = project.run_program(A_JOB.format("sleep 600 & sleep 600") + program)
    assert "TimeoutExpired" in result.stderr
    assert project.left_behind() == []


def test_a_worker_that_does_not_wait_for_its_launches_leaves_no_process_behind(project: Project) -> None:
    program = """
threading.Thread(target=launch_job, args=(job,), daemon=True).start()
while not running:
    time.sleep(0.01)
"""
    result = project.run_program(A_JOB.format("sleep 600") + program)
    assert result.returncode == 0, result.stderr
    assert project.left_behind() == []


def test_a_job_sees_nothing_of_the_workers_environment(project: Project) -> None:
    program = "print(json.dumps(launch_job(job), default=bytes.decode))"
    result = project.run_program(A_JOB.format("env >&2; exit 1") + program)
    names = {line.partition("=")[0] for line in json.loads(result.stdout)["error"].splitlines()}
    assert {"PATH", "LC_ALL"} <= names <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_"}
