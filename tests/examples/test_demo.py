"""The demo as one runs it: to its end, to a wrong end, and interrupted."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from job_retry import RETRY_STRATEGIES

from examples.container_jobs.demonstration.kinds import KINDS

if TYPE_CHECKING:
    from tests.examples.project import Project

# Two kinds that are over at once, changed by what is formatted into it.
TWO_KINDS = """
from dataclasses import replace
from demonstration.kinds import KINDS
from demonstration.run import main
kinds = {{kind.name: kind for kind in KINDS}}
sys.exit(main([replace(kinds["missing executable"], jobs=2, {change}), replace(kinds["urgent report"], jobs=1)]))
"""


def words(text: str) -> str:
    """Return the text without the lines it is broken into."""
    return " ".join(text.split())


def test_each_job_ends_as_the_row_of_its_kind_says(project: Project) -> None:
    result = project.run("demo.py")
    jobs = sum(kind.jobs for kind in KINDS)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert f"{jobs} of {jobs} jobs went as the row of their kind says" in result.stdout
    for kind in KINDS:
        row = rf"^ *{kind.name} +{kind.strategy} +{kind.state} +{kind.attempts} +{kind.jobs} of {kind.jobs} "
        assert re.search(row, result.stdout, re.MULTILINE), kind.name
    for name, strategy in RETRY_STRATEGIES.items():
        for number, seconds in enumerate(strategy.schedule(), start=1):
            assert re.search(rf"^ *{name} +{number} +{seconds:.1f} ", result.stdout, re.MULTILINE), (name, number)
    assert project.left_behind() == []


def test_there_are_some_sixty_jobs_and_all_presets() -> None:
    assert 55 <= sum(kind.jobs for kind in KINDS) <= 65
    assert {kind.strategy for kind in KINDS} == set(RETRY_STRATEGIES)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("attempts=2", "failed after 1 attempts, not failed after 2"),
        ("failures=()", "attempt 1 failed with permanent error"),
    ],
)
def test_a_row_that_is_not_what_happens_ends_the_demo_with_1_and_names_the_jobs(
    project: Project, change: str, complaint: str
) -> None:
    result = project.run_program(TWO_KINDS.format(change=change))
    assert result.returncode == 1, result.stderr
    for number in (1, 2):
        assert re.search(
            rf"demo: missing executable {number} \(job \d+\): {re.escape(complaint)}", words(result.stdout)
        )
    assert "1 of 3 jobs went as the row of their kind says" in result.stdout


def test_a_further_run_replaces_the_jobs_of_the_last_and_leaves_others_alone(project: Project) -> None:
    by_hand = """
from django.core.management import call_command
from jobs.models import ContainerJob
call_command("migrate", verbosity=0)
ContainerJob.objects.create(name="by hand")
"""
    names = (
        "from jobs.models import ContainerJob; print(*ContainerJob.objects.values_list('name', flat=True), sep=chr(10))"
    )
    assert project.run_program(by_hand).returncode == 0
    for _ in range(2):
        assert project.run_program(TWO_KINDS.format(change="")).returncode == 0
    found = project.run_program(names).stdout.splitlines()
    assert "by hand" in found
    assert sorted(name for name in found if name.startswith("demo")) == [
        "demo: missing executable 1",
        "demo: missing executable 2",
        "demo: urgent report 1",
    ]


def test_ctrl_c_ends_it_when_the_jobs_under_way_have_ended(project: Project) -> None:
    with project.start("demo.py") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "(attempt 1)" in line:  # the worker is at work, and more is under way
                break
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
    assert re.search(r"stopped before \d+ of \d+ jobs had ended", output)
    assert project.left_behind() == []
    claimed = "from jobs.models import ContainerJob; print(ContainerJob.objects.exclude(claim_token=None).count())"
    assert project.run_program(claimed).stdout == "0\n"
