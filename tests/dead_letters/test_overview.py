"""The figures of the overview are those that a look at each job's history gives, for whatever has happened to jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from job_retry.django.dead_letters.aftermath import Retries, Waste
from job_retry.django.dead_letters.overview import Failures, Overview, Period, costliest, overview
from job_retry.django.dead_letters.stretches import Stretches
from job_retry.django.decision import ATTEMPTS_LEFT, LIMIT_EXCEEDED, TIMED_OUT, WORKER_LOST
from job_retry.django.history.keys import job_key, model_label
from job_retry.django.history.models import FailedAttempt
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import Status

from tests.app.models import ContainerJob, ReportJob

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NOW = timezone.now().replace(microsecond=0)
STATEMENTS_AT_MOST = 12
WAITING = (Status.QUEUED, Status.RETRYING)
QUEUES = {"default": ContainerJob, "reports": ReportJob}


@dataclass
class Life:
    """What has happened to one job, told as the engine writes it."""

    status: Status = Status.QUEUED
    serial: int = 0
    count: int = 0
    generation: int = 1
    is_gone: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    def fails(self, error: dict[str, Any], status: Status, reason: str, delay: float | None) -> None:
        self.count += 1
        self.status = status
        self._note(error, reason, delay)

    def is_lost(self, error: dict[str, Any]) -> None:
        """Lose the worker; the next attempt has the serial of the one that was lost."""
        self.serial += 1
        self._note({**error, "rule": "", "verdict": "unknown"}, WORKER_LOST, 0.0)
        self.serial -= 1

    def _note(self, error: dict[str, Any], reason: str, delay: float | None) -> None:
        numbers = {"attempt": self.count, "attempt_serial": self.serial, "generation": self.generation}
        self.rows.append({**error, **numbers, "reason": reason, "delay_seconds": delay})


def happens(life: Life, event: str, error: dict[str, Any]) -> None:
    """Let something happen to a job, where it can."""
    if life.is_gone:
        return
    waits = life.status in WAITING
    if event in ("retry", "last", "run", "complete", "time out") and waits:
        life.serial += 1
    if event == "retry" and waits:
        life.fails(error, Status.RETRYING, ATTEMPTS_LEFT, 1.5 * life.count)
    elif event == "fail before a launch" and waits:
        life.fails(error, Status.RETRYING, ATTEMPTS_LEFT, 2.0)
    elif event == "last" and waits:
        life.fails(error, Status.FAILED, LIMIT_EXCEEDED, None)
    elif event == "time out" and waits:
        life.fails(error, Status.TIMEOUT, TIMED_OUT, None)
    elif event == "lose" and waits:
        life.is_lost(error)
    elif event == "run" and waits:
        life.status = Status.RUNNING
    elif event == "complete" and life.status in (*WAITING, Status.RUNNING):
        life.status = Status.COMPLETED
    elif event == "cancel" and life.status in (*WAITING, Status.RUNNING, Status.FAILED):
        life.status = Status.CANCELLED
    elif event.startswith("requeue") and life.status is Status.FAILED:
        life.status, life.generation = Status.QUEUED, life.generation + 1
        life.count = 0 if event == "requeue afresh" else life.count
    elif event == "hurry afresh" and life.status is Status.RETRYING:
        life.status, life.count = Status.QUEUED, 0
    elif event == "delete":
        life.is_gone = True


EVENTS = (
    *("retry", "retry", "retry", "last", "complete", "requeue"),
    *("fail before a launch", "time out", "lose", "run", "cancel", "requeue afresh", "hurry afresh", "delete"),
)
ERRORS = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["", "docker/daemon", "network/refused"]),
        "verdict": st.sampled_from(["transient", "permanent", "unknown"]),
        "fingerprint": st.sampled_from(["v1:a", "v1:b", ""]),
        "seconds_ago": st.integers(0, 2 * 24 * 3600),
        "ran": st.one_of(st.none(), st.integers(0, 90)),
    }
)
LIVES = st.lists(
    st.tuples(st.sampled_from(sorted(QUEUES)), st.lists(st.tuples(st.sampled_from(EVENTS), ERRORS), max_size=6)),
    max_size=4,
)


def told(events: Iterable[tuple[str, dict[str, Any]]]) -> Life:
    life = Life()
    # In a job's own history time goes on; how long ago things are is drawn, so it is put in order.
    moments = sorted((error["seconds_ago"] for _, error in events), reverse=True)
    for (event, error), seconds_ago in zip(events, moments, strict=True):
        happens(life, event, {**error, "seconds_ago": seconds_ago})
    return life


def written(lives: Iterable[tuple[str, Life]]) -> None:
    """Put jobs and their ledger into the database."""
    for number, (queue, life) in enumerate(lives):
        model: Any = QUEUES[queue]
        key = {"slug": f"report-{number}"} if model is ReportJob else {}
        columns = {"status": life.status, "attempt_serial": life.serial, "retry_count": life.count}
        job = model.objects.create(**key, **columns)
        FailedAttempt.objects.bulk_create(
            FailedAttempt(
                job_model=model_label(model),
                job_key=job_key("default", model, job.pk),
                failed_at=failed_at(row),
                started_at=None if row["ran"] is None else failed_at(row) - timedelta(seconds=row["ran"]),
                error=f"error of {row['fingerprint']}",
                **{name: value for name, value in row.items() if name not in ("seconds_ago", "ran")},
            )
            for row in life.rows
        )
        if life.is_gone:
            job.delete()


def failed_at(row: dict[str, Any]) -> datetime:
    return NOW - timedelta(seconds=row["seconds_ago"])


def figures(period: Period, **limits: int) -> Overview:
    return overview([get_queue_manager(name) for name in QUEUES], "default", period, NOW, **limits)


# The oracle


def retries_of(lives: Iterable[Life], by: str) -> dict[Any, Retries]:
    """Count retries by looking at what stands behind each failed attempt in the history of its job."""
    counts: dict[Any, Counter[str]] = {}
    for life in lives:
        for position, row in enumerate(life.rows):
            if row["reason"] == ATTEMPTS_LEFT:
                later = [each for each in life.rows[position + 1 :] if each["reason"] != WORKER_LOST]
                counts.setdefault(row[by], Counter()).update(became(life, later))
    return {key: Retries(**dict(count)) for key, count in counts.items()}


def became(life: Life, later: list[dict[str, Any]]) -> list[str]:
    if life.is_gone:
        return ["unknown"]
    if later:
        return ["failed_again"] + ["succeeded_later"] * (life.status is Status.COMPLETED)
    if life.status is Status.COMPLETED:
        return ["helped"]
    return ["unknown" if life.status is Status.CANCELLED else "open"]


def waste_of(lives: Iterable[Life], by: str) -> dict[str, tuple[int, timedelta]]:
    found: dict[str, tuple[int, timedelta]] = {}
    for life in lives:
        if life.is_gone or life.status not in (Status.FAILED, Status.TIMEOUT, Status.CANCELLED):
            continue
        for row in life.rows:
            attempts, total = found.get(row[by], (0, timedelta()))
            cost = timedelta(seconds=(row["ran"] or 0) + (row["delay_seconds"] or 0))
            found[row[by]] = (attempts + 1, total + cost)
    return found


def shown(waste: dict[str, Waste]) -> dict[str, tuple[int, timedelta]]:
    return {key: (each.attempts, each.total) for key, each in waste.items()}


class TestFigures(TestCase):
    @settings(max_examples=40)
    @given(LIVES, st.sampled_from(Period))
    def test_they_are_those_of_the_jobs_histories(self, drawn: list[Any], period: Period) -> None:
        queues_and_lives = [(queue, told(events)) for queue, events in drawn]
        written(queues_and_lives)
        lives = [life for _, life in queues_and_lives]
        found = figures(period)
        if period in (Period.WEEK, Period.ALL):
            assert found.aftermath.retries_by_rule == retries_of(lives, "rule")
            assert found.aftermath.retries_by_attempt == retries_of(lives, "attempt")
            assert shown(found.aftermath.waste_by_rule) == waste_of(lives, "rule")
            assert shown(found.aftermath.waste_by_group) == waste_of(lives, "fingerprint")
        assert_failures(found.failures, period, [row for life in lives for row in life.rows])
        for standing in found.queues:
            there = [life.status for queue, life in queues_and_lives if queue == standing.name and not life.is_gone]
            assert standing.jobs == {status: there.count(status) for status in Status}
            assert (standing.model, standing.is_exact) == (QUEUES[standing.name]._meta.label, True)


def assert_failures(found: Failures, period: Period, rows: list[dict[str, Any]]) -> None:
    """Hold the failures over time to a count of the rows."""
    always = max((row["seconds_ago"] for row in rows), default=0)
    length = {"hour": 3600, "day": 24 * 3600, "week": 7 * 24 * 3600, "all": always}[period.value]
    rows = [row for row in rows if row["seconds_ago"] <= length]
    stretches = found.stretches
    assert found.total == len(rows)
    assert stretches.number * stretches.seconds >= length
    for by, counts in (("verdict", found.by_verdict), ("rule", found.by_rule)):
        expected: dict[str, list[int]] = {}
        for row in rows:
            position = min((length - row["seconds_ago"]) // stretches.seconds, stretches.number - 1)
            expected.setdefault(row[by], [0] * stretches.number)[position] += 1
        assert counts == expected
        totals = [sum(counts[key]) for key in counts]
        assert totals == sorted(totals, reverse=True)


HISTORIES: dict[str, tuple[str, Retries]] = {
    "the next attempt succeeded": ("retry, complete", Retries(helped=1)),
    "the second next succeeded": ("retry, retry, complete", Retries(helped=1, failed_again=1, succeeded_later=1)),
    "it waits": ("retry", Retries(open=1)),
    "it runs": ("retry, run", Retries(open=1)),
    "it waits for its second retry": ("retry, retry", Retries(open=1, failed_again=1)),
    "it failed for good": ("retry, last", Retries(failed_again=1)),
    "it timed out": ("retry, time out", Retries(failed_again=1)),
    "it failed for good and was discarded": ("retry, last, cancel", Retries(failed_again=1)),
    "it was requeued": ("retry, last, requeue", Retries(failed_again=1)),
    "it succeeded once requeued": ("retry, last, requeue, complete", Retries(failed_again=1, succeeded_later=1)),
    "with a fresh count": ("retry, last, requeue afresh, complete", Retries(failed_again=1, succeeded_later=1)),
    "it was hurried": ("retry, hurry afresh, complete", Retries(helped=1)),
    "its worker was lost": ("retry, lose, complete", Retries(helped=1)),
    "its worker was lost at first": ("lose, complete", Retries()),
    "it failed twice before a launch": (
        "fail before a launch, fail before a launch, complete",
        Retries(helped=1, failed_again=1, succeeded_later=1),
    ),
    "it was called off": ("retry, cancel", Retries(unknown=1)),
    "it is gone": ("retry, complete, delete", Retries(unknown=1)),
}
"""What has happened to a job, and what became of its retries."""


@pytest.mark.django_db
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("queue", QUEUES)
def test_what_became_of_a_retry(history: str, queue: str) -> None:
    events, expected = HISTORIES[history]
    error = {"rule": "docker/daemon", "verdict": "transient", "fingerprint": "v1:a", "seconds_ago": 9, "ran": 1}
    written([(queue, told([(event, error) for event in events.split(", ")]))])
    found = figures(Period.HOUR).aftermath
    assert found.retries_by_rule.get("docker/daemon", Retries()) == expected


# What is not counted to the end


def failing(count: int, **row: Any) -> list[tuple[str, Life]]:
    """Return jobs that fail, each a second after the one before it."""
    error = {"rule": "", "verdict": "unknown", "fingerprint": "v1:a", "ran": 1, **row}
    return [("default", told([("last", {**error, "seconds_ago": ago})])) for ago in range(count)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("counted", "followed", "expected"),
    [(9, 9, (9, None, 9, None)), (9, 4, (9, None, 4, 4)), (4, 9, (4, 4, 4, 4)), (6, 4, (6, 6, 4, 4))],
)
def test_only_the_latest_attempts_are_looked_at(counted: int, followed: int, expected: tuple[Any, ...]) -> None:
    written(failing(9))
    found = figures(Period.HOUR, counted=counted, followed=followed)
    since = [None if moment is None else (NOW - moment).seconds for moment in (found.counted_from, found.followed_from)]
    attempts = found.aftermath.waste_by_rule[""].attempts
    assert (found.failures.total, since[0], attempts, since[1]) == expected
    if found.counted_from is not None:
        assert found.failures.stretches.start == found.counted_from


@pytest.mark.django_db
@pytest.mark.parametrize(("counted", "is_exact"), [(3, False), (4, True)])
def test_jobs_that_no_index_knows_are_counted_up_to_a_limit(counted: int, is_exact: bool) -> None:
    statuses = [Status.COMPLETED, Status.COMPLETED, Status.CANCELLED, *[Status.FAILED] * 5]
    written([("default", Life(status=status)) for status in statuses])
    (standing, _) = figures(Period.HOUR, counted_jobs=counted).queues
    assert standing.is_exact is is_exact
    assert standing.jobs[Status.FAILED] == 5
    assert standing.jobs[Status.COMPLETED] + standing.jobs[Status.CANCELLED] == 3


@pytest.mark.django_db
def test_the_costliest_groups_have_a_sample() -> None:
    lives = failing(2, ran=60) + failing(3, ran=1, fingerprint="v1:b") + failing(1, ran=3, fingerprint="v1:c")
    written(lives)
    found = figures(Period.HOUR)
    order = [key for key, _ in costliest(found.aftermath.waste_by_group, 3)]
    assert order == ["v1:a", "v1:b", "v1:c"]
    assert found.samples == {key: f"error of {key}" for key in order}


@pytest.mark.django_db
@pytest.mark.parametrize("period", Period)
def test_the_number_of_statements_does_not_depend_on_what_there_is(period: Period) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            figures(period)
        return len(captured)

    figures(period)
    written(failing(1))
    few = statements()
    written(failing(20) + [(queue, replace(life)) for queue, life in failing(5, fingerprint="v1:b")])
    assert statements() == few <= STATEMENTS_AT_MOST


def test_the_rate_of_success_is_of_what_is_known() -> None:
    assert Retries(helped=1, failed_again=3, open=5, unknown=7).success_rate == 0.25
    assert Retries(open=5, unknown=7).success_rate is None


@pytest.mark.parametrize(
    ("retries", "never"),
    [
        (Retries(failed_again=3, open=1), True),
        (Retries(failed_again=3, succeeded_later=1), False),
        (Retries(failed_again=3, helped=1), False),
        (Retries(open=3), False),
    ],
    ids=["only failed", "succeeded later", "helped", "not known"],
)
def test_a_retry_has_never_helped_where_it_has_only_failed(retries: Retries, never: bool) -> None:
    assert retries.never_helped is never


@pytest.mark.parametrize(("seconds", "rate"), [(60, 30.0), (1800, 1.0), (15, 120.0)])
def test_rates_are_by_the_minute(seconds: int, rate: float) -> None:
    assert Failures(Stretches(NOW, seconds, 2), {}, {}).per_minute([0, 30]) == [0.0, rate]
