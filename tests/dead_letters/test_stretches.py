"""A database counts by stretches of time, in the project's own time zone or in none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from job_retry.django.dead_letters.stretches import Stretches
from job_retry.django.history.models import FailedAttempt


class TestStretches(TestCase):
    @given(st.lists(st.integers(0, 6 * 3600), min_size=1, max_size=10), st.integers(1, 90))
    def test_a_moment_lies_in_the_stretch_of_its_second(self, seconds: list[int], number: int) -> None:
        start = timezone.now().replace(microsecond=0) - timedelta(hours=6)
        stretches = Stretches.over(start, start + timedelta(hours=6), number)
        FailedAttempt.objects.bulk_create(
            FailedAttempt(
                job_model="app.containerjob", job_key="1", attempt=1, failed_at=start + timedelta(seconds=second + 0.25)
            )
            for second in seconds
        )
        found = FailedAttempt.objects.order_by("pk").values_list(stretches.of("failed_at"), flat=True)
        assert list(found) == [second // stretches.seconds for second in seconds]


@pytest.mark.parametrize(
    ("hours", "number", "seconds"), [(1, 60, 60), (1, 7, 515), (0, 30, 1)], ids=["even", "rounded up", "none at all"]
)
def test_the_last_stretch_may_reach_beyond_the_end(hours: int, number: int, seconds: int) -> None:
    start = timezone.now()
    stretches = Stretches.over(start, start + timedelta(hours=hours), number)
    assert (stretches.seconds, stretches.number) == (seconds, number)
    assert stretches.end - start == timedelta(seconds=seconds * number) >= timedelta(hours=hours)
