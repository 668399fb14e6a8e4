"""The history of one job, in pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from job_retry.django.classifiers import project_classifier
from job_retry.django.dead_letters.evidence import matched_span
from job_retry.django.dead_letters.timeline import read_timeline
from job_retry.django.history.models import DeadLetter, FailedAttempt

LIVES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4)
"""For each generation, how many attempts failed, and whether the job died."""


def live(lives: list[tuple[int, bool]], key: str = "1") -> None:
    """Write a history."""
    moment = timezone.now()
    of_job: dict[str, Any] = {"job_model": "app.containerjob", "job_key": key}
    attempts, letters = [], []
    for generation, (failures, died) in enumerate(lives, 1):
        for number in range(failures):
            moment += timedelta(seconds=number % 2)  # two in the same moment are told apart by their keys
            attempts.append(
                FailedAttempt(**of_job, generation=generation, attempt=number + 1, failed_at=moment, error="boom")
            )
        if died:
            letters.append(DeadLetter(**of_job, generation=generation, died_at=moment, reason="by hand"))
    FailedAttempt.objects.bulk_create(attempts)
    DeadLetter.objects.bulk_create(letters)


@pytest.mark.django_db
@settings(max_examples=40)
@given(lives=LIVES, page_size=st.integers(1, 5))
def test_pages_tell_of_each_attempt_and_of_each_death_once_and_in_order(
    lives: list[tuple[int, bool]], page_size: int
) -> None:
    FailedAttempt.objects.all().delete()
    DeadLetter.objects.all().delete()
    live(lives)
    live([(2, True)], key="11")
    told = []
    pages = read_timeline("app.containerjob", "1", "default", page_size=page_size).pages
    for page in range(pages, 0, -1):
        found = read_timeline("app.containerjob", "1", "default", page=page, page_size=page_size)
        assert (found.page, found.pages) == (page, pages)
        assert found.failed_attempts == sum(failures for failures, _ in lives)
        assert sum(len(generation.attempts) for generation in found.generations) <= page_size
        for generation in found.generations:
            told += [(generation.number, attempt.attempt) for attempt in generation.attempts]
            if generation.letter is not None:
                told.append((generation.number, "died"))
    expected: list[tuple[int, Any]] = []
    for generation, (failures, died) in enumerate(lives, 1):
        expected += [(generation, number) for number in range(1, failures + 1)]
        expected += [(generation, "died")] * died
    assert told == expected


@pytest.mark.parametrize(
    ("error", "rule", "matched"),
    [
        ("dial tcp: connection refused", "network/connection-refused", "connection refused"),
        # Lower-casing makes this letter longer; the place is that in the error itself.
        ("İİİ connection refused <b>", "network/connection-refused", "connection refused"),
        ("dial tcp: connection refused", "docker/image-absent-here", None),  # which is not what decides now
        ("dial tcp: connection refused", "", None),
        ("nothing that a rule knows", "network/connection-refused", None),
    ],
)
def test_the_text_that_decided_is_found_where_the_rule_still_decides(
    error: str, rule: str, matched: str | None
) -> None:
    span = matched_span(project_classifier(), FailedAttempt(error=error, rule=rule))
    assert (span and error[slice(*span)]) == matched


class Own:
    """A classifier that explains nothing, or something else than it says."""

    def classify_error(self, message: str) -> str:
        return "transient"

    def explain(self, message: str) -> str:
        raise AssertionError("not asked")


def test_a_classifier_of_the_programs_own_is_not_asked() -> None:
    assert matched_span(Own(), FailedAttempt(error="connection refused", rule="network/connection-refused")) is None
