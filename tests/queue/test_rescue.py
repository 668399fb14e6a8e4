"""Jobs of workers that were lost come back: as suspects, one at a time, and not for ever."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from job_retry.django import signals
from job_retry.django.rescue import judge_losses
from job_retry.django.settings import QueueSettings
from job_retry.django.states import Status
from job_retry.django.testing import COMPLETED, STARTED, failed

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, assert_shows_its_row, manager_for, queued_job, row

LEASE_SECONDS = 60
MAX_LOSSES = 3


def launching(holder: str, **fields: Any) -> Any:
    defaults = {"status": "launching", "scheduled_for": None, "retry_count": 0, "worker_losses": 0}
    return SimpleNamespace(**{**defaults, "claimed_by": holder, **fields})


# What was lost, how much each holder holds in all, and what becomes of it: status, alone, losses.
JUDGED: list[tuple[str, list[Any], dict[str, int], list[tuple[str, bool, int]]]] = [
    ("nothing", [], {}, []),
    ("one of one", [launching("a")], {"a": 1}, [("queued", True, 1)]),
    ("together", [launching("a"), launching("a")], {"a": 2}, [("queued", False, 0), ("queued", False, 0)]),
    ("of two workers", [launching("a"), launching("b")], {"a": 1, "b": 1}, [("queued", True, 1), ("queued", True, 1)]),
    ("one lease still live", [launching("a")], {"a": 2}, []),
    (
        "a retry",
        [launching("a", scheduled_for="then", retry_count=2, worker_losses=1)],
        {"a": 1},
        [("retrying", True, 2)],
    ),
    ("scheduled by people", [launching("a", scheduled_for="then")], {"a": 1}, [("queued", True, 1)]),
    ("the last straw", [launching("a", worker_losses=MAX_LOSSES - 1)], {"a": 1}, [("failed", True, MAX_LOSSES)]),
    (
        "in company the last straw breaks nothing",
        [launching("a", worker_losses=MAX_LOSSES - 1), launching("a")],
        {"a": 2},
        [("queued", False, MAX_LOSSES - 1), ("queued", False, 0)],
    ),
    ("a detached run", [launching("a", status="running")], {"a": 7}, [("retrying", False, 0)]),
]


@pytest.mark.parametrize(("jobs", "held", "expected"), [case[1:] for case in JUDGED], ids=[case[0] for case in JUDGED])
def test_a_loss_accuses_a_job_only_when_it_was_alone(
    jobs: list[Any], held: dict[str, int], expected: list[tuple[str, bool, int]]
) -> None:
    losses = judge_losses(jobs, Counter(held), MAX_LOSSES)
    assert [(loss.status, loss.alone, loss.worker_losses) for loss in losses] == expected


@pytest.mark.django_db
def test_jobs_of_a_lost_claim_wait_again_and_no_attempt_is_counted() -> None:
    manager = manager_for()
    fresh, retried = queued_job(manager), queued_job(manager)
    ContainerJob.objects.filter(pk=retried.pk).update(status="retrying", retry_count=1, scheduled_for=manager.clock())
    claimed = manager.claim_next_batch(5, "host:1:a")
    assert len(claimed) == 2
    manager.clock.advance(LEASE_SECONDS)
    assert manager.rescue_lost_jobs() == []  # the lease ends now, and has not ended
    manager.clock.advance(1)
    assert [loss.job.pk for loss in manager.rescue_lost_jobs()] == [fresh.pk, retried.pk]
    assert [(row(job).status, row(job).retry_count, row(job).attempt_serial) for job in (fresh, retried)] == [
        ("queued", 0, 0),
        ("retrying", 1, 0),
    ]
    assert row(fresh).last_error == "Worker lost: host:1:a held this job and 1 others when its lease ended"
    assert [job.worker_losses for job in ContainerJob.objects.all()] == [0, 0]
    assert set(manager.jobs().suspects()) == {fresh, retried}
    assert_invariants()
    assert manager.rescue_lost_jobs() == []


@pytest.mark.django_db
def test_what_is_renewed_given_back_or_taken_by_hand_is_not_lost() -> None:
    manager = manager_for()
    queued_job(manager)
    [kept] = manager.claim_next_batch(1, "host:1:a")
    queued_job(manager)
    [returned] = manager.claim_next_batch(1, "host:2:b")
    by_hand = queued_job(manager)
    by_hand.transition_to("launching")
    manager.clock.advance(LEASE_SECONDS - 1)
    assert manager.claims.renew("host:1:a", manager.clock()) == 1
    manager.release_claim(returned)
    manager.clock.advance(LEASE_SECONDS - 1)
    assert manager.rescue_lost_jobs() == []
    assert [row(job).status for job in (kept, returned, by_hand)] == ["launching", "queued", "launching"]


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [COMPLETED, STARTED, failed("connection refused"), failed("permission denied")])
@pytest.mark.parametrize("meanwhile", ["waits again", "is launched again", "has ended"])
def test_a_result_that_comes_after_the_rescue_changes_nothing(outcome: Any, meanwhile: str) -> None:
    ignored: list[Any] = []

    def launch(job: Any) -> Any:
        manager.clock.advance(LEASE_SECONDS + 1)
        manager.rescue_lost_jobs()
        if meanwhile != "waits again":
            [again] = other.claim_suspect("host:2:b")
            if meanwhile == "has ended":
                assert other.complete(again)
        before.append(row(job))
        return outcome

    def receive(job: Any, **_: Any) -> None:
        ignored.append(job.pk)

    before: list[Any] = []
    manager = manager_for(launch)
    other = manager_for(clock=manager.clock)
    job = queued_job(manager)
    signals.job_result_ignored.connect(receive)
    result = manager.launch_job_with_retry(job)
    signals.job_result_ignored.disconnect(receive)
    names = [field.attname for field in job._meta.concrete_fields]
    assert {name: getattr(row(job), name) for name in names} == {name: getattr(before[0], name) for name in names}
    assert ignored == [job.pk]
    assert not result["success"]
    assert "passed on" in result["error"]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["running", "launching"])
@pytest.mark.parametrize("loaded", ["before it was lost", "as a suspect"])
def test_a_suspect_that_is_moved_by_hand_leaves_its_lease_behind(status: str, loaded: str) -> None:
    manager = manager_for()
    job = queued_job(manager)
    manager.claim_next_batch(1, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)
    manager.rescue_lost_jobs()
    if loaded == "as a suspect":
        job = row(job)
    job.transition_to(status)
    assert (job.lease_expires_at, row(job).lease_expires_at) == (None, None)
    assert_invariants()


@pytest.mark.django_db
def test_suspects_are_claimed_one_at_a_time_and_only_as_such() -> None:
    manager = manager_for(lambda job: COMPLETED)
    jobs = [queued_job(manager) for _ in range(3)]
    manager.claim_next_batch(3, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)
    manager.rescue_lost_jobs()
    other = queued_job(manager)
    assert manager.claim_next_batch(9) == [other]
    [suspect] = manager.claim_suspect()
    assert suspect == jobs[0]
    assert manager.launch_claimed_job(suspect)["success"]
    assert row(suspect).lease_expires_at is None
    assert set(manager.jobs().suspects()) == set(jobs[1:])
    assert_invariants()


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [failed("connection refused"), STARTED, COMPLETED])
def test_a_suspect_whose_attempt_has_ended_is_one_no_more(outcome: Any) -> None:
    manager = manager_for(lambda job: outcome)
    job = queued_job(manager)
    manager.claim_next_batch(1, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)
    manager.rescue_lost_jobs()
    manager.launch_next_batch()
    assert row(job).status != "queued"
    assert not manager.jobs().suspects().exists()


@pytest.mark.django_db
def test_a_job_that_costs_too_many_workers_is_poison_until_a_person_retries_it() -> None:
    seen: list[tuple[bool, int]] = []
    reasons: list[str] = []

    def receive(loss: Any, **_: Any) -> None:
        seen.append((loss.is_poison, loss.worker_losses))

    def receive_dead_letter(decision: Any, **_: Any) -> None:
        reasons.append(decision.reason)

    signals.job_worker_lost.connect(receive)
    signals.job_dead_lettered.connect(receive_dead_letter)
    manager = manager_for()
    job = queued_job(manager)
    for number in range(MAX_LOSSES):
        assert (manager.claim_next_batch(5, f"host:{number}:a") or manager.claim_suspect(f"host:{number}:a")) == [job]
        manager.clock.advance(LEASE_SECONDS + 1)
        manager.rescue_lost_jobs()
        assert_invariants()
    signals.job_worker_lost.disconnect(receive)
    signals.job_dead_lettered.disconnect(receive_dead_letter)
    assert reasons == ["too many workers lost"]
    assert seen == [(False, 1), (False, 2), (True, 3)]
    poison = row(job)
    assert (poison.status, poison.retry_count, poison.worker_losses) == (Status.FAILED, 0, 3)
    assert poison.last_error == "Worker lost: host:2:a held this job alone when its lease ended (3 of 3)"
    assert manager.get_failed_jobs().get() == job
    manager.retry_failed_job(poison)
    assert_shows_its_row(poison)
    assert (poison.status, poison.worker_losses, poison.lease_expires_at) == ("queued", 0, None)


@pytest.mark.django_db
def test_a_detached_run_without_a_heartbeat_is_retried_at_once() -> None:
    options = QueueSettings(name="x", model="app.ContainerJob", launch="tests.app", run_lease_seconds=30)
    manager = manager_for(lambda job: STARTED, options=options)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.clock.advance(20)
    assert manager.heartbeat(job)
    manager.clock.advance(20)
    assert manager.rescue_lost_jobs() == []
    manager.clock.advance(11)
    assert len(manager.rescue_lost_jobs()) == 1
    lost = row(job)
    assert (lost.status, lost.retry_count, lost.worker_losses) == ("retrying", 0, 0)
    assert lost.scheduled_for == manager.clock()
    assert lost.last_error.startswith("Run lost: no heartbeat")
    assert not manager.complete(job)
    assert not manager.heartbeat(job)
    assert manager.claim_next_batch(1) == [job]
    assert_invariants()


@pytest.mark.django_db
def test_a_run_without_a_lease_is_believed_in_for_ever() -> None:
    manager = manager_for(lambda job: STARTED)
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    manager.clock.advance(10_000_000)
    assert manager.rescue_lost_jobs() == []
    assert manager.complete(job)


@pytest.mark.django_db
def test_a_lease_that_is_renewed_while_it_is_being_rescued_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = manager_for()
    job = queued_job(manager)
    manager.claim_next_batch(1, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)

    def renewing(*arguments: Any) -> Any:
        manager.claims.renew("host:1:a", manager.clock())
        return judge_losses(*arguments)

    monkeypatch.setattr("job_retry.django.rescue.judge_losses", renewing)
    assert manager.rescue_lost_jobs() == []
    assert row(job).status == "launching"


@pytest.mark.django_db
def test_without_a_worker_a_batch_brings_back_and_launches_the_lost_too() -> None:
    manager = manager_for(lambda job: COMPLETED)
    jobs = [queued_job(manager) for _ in range(2)]
    manager.claim_next_batch(2, "host:1:a")
    manager.clock.advance(LEASE_SECONDS + 1)
    assert [manager.launch_next_batch()["launched"] for _ in range(3)] == [1, 1, 0]
    assert [row(job).status for job in jobs] == ["completed", "completed"]


@pytest.mark.django_db
def test_the_settings_say_how_long_a_lease_is(settings: Any) -> None:
    settings.JOB_RETRY = {**settings.JOB_RETRY, "LEASE_SECONDS": 5, "MAX_WORKER_LOSSES": 1}
    manager = manager_for()
    job = queued_job(manager)
    manager.claim_next_batch(1)
    manager.clock.advance(6)
    assert [replace(loss, job=None).is_poison for loss in manager.rescue_lost_jobs()] == [True]
    assert row(job).status == "failed"
