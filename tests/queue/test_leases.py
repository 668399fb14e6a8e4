"""Leases live as long as their holder shows life."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from job_retry import RetryStrategy
from job_retry.django import outages
from job_retry.django.leases import LeaseKeeper
from job_retry.django.testing import COMPLETED

from tests.queue.support import manager_for, queued_job, row

LEASE_SECONDS = 60
PATIENCE_SECONDS = 30


class Seconds:
    """A monotonic clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.django_db
def test_a_holder_believes_in_its_lease_no_longer_than_others_do() -> None:
    manager, monotonic = manager_for(), Seconds()
    keeper = LeaseKeeper(manager, "host:1:a", monotonic=monotonic)
    claim = (monotonic(), monotonic())
    assert keeper.holds(*claim)
    monotonic.now += LEASE_SECONDS - 1
    assert keeper.holds(*claim)
    keeper.renew()
    monotonic.now += LEASE_SECONDS - 1
    assert keeper.holds(*claim)
    monotonic.now += 1
    assert not keeper.holds(*claim)


@pytest.mark.django_db
def test_a_renewal_while_a_claim_is_being_written_is_not_for_that_claim() -> None:
    manager, monotonic = manager_for(), Seconds()
    keeper = LeaseKeeper(manager, "host:1:a", monotonic=monotonic)
    claimed_at = monotonic()
    monotonic.now += LEASE_SECONDS - 1
    keeper.renew()
    monotonic.now += 2
    assert not keeper.holds(claimed_at, written_at=monotonic())


@pytest.mark.django_db
def test_a_renewal_that_waited_to_be_written_takes_no_time_from_what_was_claimed_meanwhile() -> None:
    manager = manager_for()
    earlier = queued_job(manager)
    manager.claim_next_batch(1, "host:1:a")
    began_at = manager.clock() + timedelta(seconds=1)
    manager.clock.advance(100)  # type: ignore[attr-defined]
    later = queued_job(manager)
    [claimed] = manager.claim_next_batch(1, "host:1:a")
    assert manager.claims.renew("host:1:a", began_at) == 1
    assert row(earlier).lease_expires_at == began_at + manager.claims.lease
    assert row(later).lease_expires_at == claimed.lease_expires_at == manager.clock() + manager.claims.lease


@pytest.mark.django_db
def test_renewing_begins_the_lease_anew_for_what_is_launched_and_nothing_else() -> None:
    manager = manager_for(lambda job: {"success": True})
    running = queued_job(manager)
    manager.launch_job_with_retry(running)
    holder = row(running).claimed_by
    queued_job(manager)
    [launching] = manager.claim_next_batch(1)
    queued_job(manager)
    [of_another] = manager.claim_next_batch(1, "host:2:b")
    before = row(of_another).lease_expires_at
    manager.clock.advance(10)
    LeaseKeeper(manager, holder).renew()
    assert row(launching).lease_expires_at == manager.clock() + manager.claims.lease
    assert row(of_another).lease_expires_at == before
    assert row(running).lease_expires_at is None


class Watched:
    """Stands in for a manager whose claims are renewed in a thread: says when it has been, and fails if told to."""

    def __init__(self, manager: Any, errors: int = 0) -> None:
        self.renewals: threading.Semaphore = threading.Semaphore(0)
        self.errors = errors
        manager.renew_seconds = 0.001
        manager.claims.renew = self.renew

    def renew(self, holder: str, now: Any) -> int:
        if self.errors:
            self.errors -= 1
            raise OperationalError("server closed the connection")
        self.renewals.release()
        return 1

    def wait(self) -> bool:
        return self.renewals.acquire(timeout=PATIENCE_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_the_thread_renews_until_it_is_stopped() -> None:
    manager = manager_for()
    watched = Watched(manager)
    keeper = LeaseKeeper(manager, "host:1:a")
    keeper.start()
    assert watched.wait()
    assert watched.wait()
    keeper.stop()
    assert not keeper._thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_the_thread_goes_on_after_an_outage(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(outages, "BACKOFF", RetryStrategy(base_delay=0.001, max_delay=0.001))
    manager = manager_for()
    watched = Watched(manager, errors=3)
    keeper = LeaseKeeper(manager, "host:1:a")
    keeper.start()
    assert watched.wait()
    keeper.stop()
    assert caplog.text.count("could not be renewed") == 3


@pytest.mark.django_db(transaction=True)
def test_the_leases_of_a_holder_that_hangs_are_not_renewed(caplog: pytest.LogCaptureFixture) -> None:
    manager = manager_for()
    watched = Watched(manager)
    looked = threading.Semaphore(0)

    def is_alive() -> bool:
        looked.release()
        return False

    keeper = LeaseKeeper(manager, "host:1:a", is_alive=is_alive)
    keeper.start()
    assert looked.acquire(timeout=PATIENCE_SECONDS)
    assert looked.acquire(timeout=PATIENCE_SECONDS)
    keeper.stop()
    assert not watched.renewals.acquire(blocking=False)
    assert "host:1:a hangs" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("batch", [False, True])
def test_a_launch_without_a_worker_renews_its_lease_as_long_as_it_lasts(batch: bool) -> None:
    def launch(job: Any) -> Any:
        assert watched.wait()
        return COMPLETED

    manager = manager_for(launch)
    watched = Watched(manager)
    job = queued_job(manager)
    if batch:
        assert manager.launch_next_batch()["launched"] == 1
    else:
        assert manager.launch_job_with_retry(job)["success"]
    assert row(job).status == "completed"
