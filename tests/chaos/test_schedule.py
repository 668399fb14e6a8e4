"""What is done, to whom and when, and which jobs there are, follows from the seed alone."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from tests.chaos.faults import DATABASES, FAULTS, schedule
from tests.chaos.kinds import KINDS, LIMIT, deal

MANY = 2_000


@pytest.mark.parametrize("database", DATABASES)
def test_the_same_seed_plans_the_same_faults(database: str) -> None:
    first, again, other = (list(islice(schedule(seed, database, 8, 2.0), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_kind_of_fault_comes_as_often_as_it_weighs() -> None:
    planned = list(islice(schedule(1, "postgresql", 8, 2.0), MANY))
    counts = Counter(fault.kind.name for fault in planned)
    total = sum(kind.weight for kind in FAULTS)
    assert {kind.name: counts[kind.name] / MANY for kind in FAULTS} == pytest.approx(
        {kind.name: kind.weight / total for kind in FAULTS}, abs=0.03
    )
    assert set(counts) == {kind.name for kind in FAULTS if kind.weight}
    assert {fault.slot for fault in planned} == set(range(8))
    assert sum(fault.after_seconds for fault in planned) == pytest.approx(MANY / 2.0, rel=0.1)
    assert all(fault.kind.leases[0] <= fault.leases <= fault.kind.leases[1] for fault in planned)


def test_a_database_without_a_server_has_faults_of_workers_only() -> None:
    assert not any(fault.kind.to_server for fault in islice(schedule(1, "sqlite", 3, 1.0), MANY))


def test_fewer_jobs_of_a_seed_are_the_first_of_more() -> None:
    assert deal(1, MANY)[:100] == deal(1, 100)
    assert deal(1, MANY) != deal(2, MANY)
    assert set(deal(1, MANY)) == set(KINDS)


def test_the_shares_are_of_a_hundred_and_no_job_fails_more_often_than_it_may() -> None:
    assert sum(kind.share for kind in KINDS) == 100
    assert all(kind.failures < LIMIT for kind in KINDS if kind.status == "completed")
    assert {kind.failures for kind in KINDS if kind.status == "failed"} == {1, LIMIT}
