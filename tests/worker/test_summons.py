"""How soon a worker follows a message: at once, unless it came too late just now."""

from __future__ import annotations

import math
from typing import Any

import pytest
from job_retry.django.worker.summons import COURTESY_SECONDS, LATE_SECONDS, MOST_DOUBLINGS, Summons

LONGEST = COURTESY_SECONDS[1]


class Worker:
    """One that follows its summons to the second; others go first for as long as they may."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.summons = Summons(lambda: self.now, lambda _shortest, longest: longest)

    def called(self) -> float:
        """Return after how long it comes."""
        self.summons.heard()
        wait_seconds = self.wait_seconds()
        self.now += wait_seconds
        self.summons.look()
        return wait_seconds

    def wait_seconds(self) -> float:
        return round(self.summons.wait_seconds, 6)

    def claims(self, *, found: bool) -> Any:
        self.summons.claimed(found=found)

    def finds_nothing(self) -> None:
        self.summons.followed()


def test_nobody_waits_for_a_message_that_has_not_come() -> None:
    worker = Worker()
    assert worker.wait_seconds() == math.inf
    assert not worker.summons.is_promising
    worker.summons.look()
    worker.claims(found=False)
    assert worker.called() == 0


def test_a_worker_that_finds_jobs_comes_at_once_and_claims_without_a_look() -> None:
    worker = Worker()
    for _ in range(3):
        assert worker.called() == 0
        assert worker.summons.is_promising
        worker.claims(found=True)
        assert not worker.summons.is_promising
        assert worker.wait_seconds() == math.inf


def test_one_that_came_too_late_lets_others_go_first_until_it_finds_something() -> None:
    worker = Worker()
    worker.called()
    worker.claims(found=False)
    for _ in range(10):
        assert worker.called() == LONGEST
        assert not worker.summons.is_promising
        worker.finds_nothing()
    assert worker.called() == LONGEST
    worker.claims(found=True)
    assert worker.called() == 0


def test_or_until_that_is_a_while_ago() -> None:
    worker = Worker()
    worker.called()
    worker.claims(found=False)
    worker.now += LATE_SECONDS
    assert worker.called() == 0


def test_one_that_claims_in_vain_again_and_again_waits_twice_as_long_each_time() -> None:
    worker = Worker()
    waits = []
    for _ in range(MOST_DOUBLINGS + 4):
        waits.append(worker.called())
        worker.claims(found=False)
    doublings = [LONGEST * 2**number for number in range(MOST_DOUBLINGS + 1)]
    assert waits == pytest.approx([0, *doublings, doublings[-1], doublings[-1]])
    assert waits[-1] < LATE_SECONDS
    worker.now += LATE_SECONDS
    worker.called()
    worker.claims(found=False)
    assert worker.called() == LONGEST


def test_a_burst_of_messages_tells_the_worker_once() -> None:
    worker = Worker()
    assert [worker.summons.heard() for _ in range(3)] == [True, False, False]
    worker.summons.look()
    worker.claims(found=True)
    assert worker.summons.heard()


def test_what_is_heard_while_it_claims_is_followed_afterwards() -> None:
    worker = Worker()
    worker.called()
    worker.summons.heard()
    worker.claims(found=True)
    assert worker.wait_seconds() == 0
    worker.summons.look()
    worker.claims(found=True)
    assert worker.wait_seconds() == math.inf


def test_a_look_that_is_to_be_made_again_is() -> None:
    worker = Worker()
    worker.called()
    worker.summons.followed(again=True)
    assert worker.wait_seconds() == LONGEST
    worker.now += LONGEST
    worker.summons.look()
    worker.finds_nothing()
    assert worker.wait_seconds() == math.inf
