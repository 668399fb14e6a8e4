"""The queues are given the work that is written of, and what they report is added up as it is shown."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from job_queue.contest import Standing, median_ratio
from job_queue.program import Calls, Order
from job_queue.stages import STAGES, STATEMENTS, Stage, Stopwatch, resolve
from job_queue.work import WORKS, Work
from job_retry import ErrorClassifier, ErrorType

EVERY_WORK = pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
JOBS = range(1, 201)


@EVERY_WORK
def test_each_failed_attempt_has_an_error_of_its_own_and_success_has_none(work: Work) -> None:
    errors = [work.error(job, attempt) for job in JOBS for attempt in range(1, work.failures + 1)]
    assert None not in errors
    assert len(set(errors)) == len(errors)
    assert (work.error(1, work.failures + 1) is None) is True
    assert work.attempts == work.failures + work.succeeds


@EVERY_WORK
@pytest.mark.parametrize("classifier", [ErrorClassifier, ErrorClassifier.with_packs()], ids=["lists", "packs"])
def test_all_errors_of_a_work_are_of_one_kind_to_lists_and_packs_alike(work: Work, classifier: Any) -> None:
    expected = ErrorType.PERMANENT if work.name == "permanent" else ErrorType.TRANSIENT
    kinds = {classifier.classify_error(work.error(job, attempt)) for job in JOBS for attempt in (1, work.failures)}
    assert kinds == {expected}


def order(jobs: int) -> Order:
    return Order("retried", jobs, "sqlite://")


def test_calls_know_which_attempt_it_is_and_when_all_were_made() -> None:
    calls, work = Calls(order(2)), WORKS["retried"]
    for attempt in (1, 2, 3):
        assert not calls.finished.is_set()
        assert [calls.error(job) for job in (1, 2)] == [work.error(job, attempt) for job in (1, 2)]
    assert calls.finished.is_set()
    calls.check()
    calls.error(1)
    with pytest.raises(AssertionError, match="attempts made"):
        calls.check()


def test_a_ratio_is_that_of_the_rounds() -> None:
    # The machine was slow in the second round, for both.
    assert median_ratio(Standing([4.0, 40.0, 6.0]), Standing([1.0, 10.0, 2.0])) == 4.0


class Worker:
    """What is timed."""

    def claim(self) -> None:
        self.ask()
        self.load()

    def load(self) -> None: ...

    def ask(self) -> None: ...


def test_a_stage_is_charged_without_the_stages_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("claim", "load", "ask"):
        monkeypatch.setattr(Worker, name, vars(Worker)[name])  # put back what is replaced below
    here = f"{__name__}:Worker"
    stages = (
        Stage("claim: all of it", (f"{here}.claim",)),
        Stage("claim: loading", (f"{here}.load",)),
        Stage(STATEMENTS, (f"{here}.ask",), is_of_its_caller=True),
    )
    # Each look at a clock takes a second of it.
    stopwatch = Stopwatch(processor_clock=itertools.count(0.0).__next__, clock=itertools.count(0.0, 10.0).__next__)
    stopwatch.watch(stages)
    worker = Worker()
    worker.claim()
    worker.ask()
    spent = {title: tuple(seconds) for title, seconds in stopwatch.total().items()}
    assert spent == {
        "claim: statements": (1.0, 10.0),
        "claim: loading": (1.0, 10.0),
        "claim: all of it": (3.0, 30.0),
        "other: statements": (1.0, 10.0),
    }


@pytest.mark.parametrize("path", [path for stage in STAGES for path in stage.functions if "job_queue" not in path])
def test_every_stage_is_a_function_of_that_name(path: str) -> None:
    owner, name = resolve(path)
    assert callable(getattr(owner, name))
