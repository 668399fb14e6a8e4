"""All that has happened to one job: its failed attempts and its deaths, generation by generation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from job_retry.django.history.models import DeadLetter, FailedAttempt

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTEMPTS_A_PAGE = 25
"""Each may have an error and a traceback of 64 KiB."""


@dataclass(frozen=True)
class Generation:
    """The life of a job from when it was queued, for the first time or once more, to its death or to the present."""

    number: int
    attempts: tuple[FailedAttempt, ...]
    """Those that failed, in order, as far as they are on this page."""
    letter: DeadLetter | None
    """Its death, and what became of it; None: it has not died, or another page says so."""


@dataclass(frozen=True)
class Timeline:
    """One page of what has happened to a job."""

    generations: tuple[Generation, ...]
    """In order."""
    failed_attempts: int
    """On all pages."""
    page: int
    """1 is that of the latest attempts."""
    pages: int


def read_timeline(
    job_model: str, job_key: str, using: str, *, page: int = 1, page_size: int = ATTEMPTS_A_PAGE
) -> Timeline:
    """Return a page of the history of a job; one beyond the last page, which has the first attempts, is that one.

    A death is on the page of the last attempt before it; one without any attempt, on that of what comes before it.
    """
    attempts = FailedAttempt.objects.using(using).filter(job_model=job_model, job_key=job_key)
    letters = DeadLetter.objects.using(using).filter(job_model=job_model, job_key=job_key)
    number = attempts.count()
    pages = max(1, -(-number // page_size))
    page = min(max(page, 1), pages)
    start = (page - 1) * page_size
    # One more than there is room for: what comes before the page tells which deaths do.
    latest_first = list(
        attempts.order_by("-generation", "-failed_at", "-pk")[max(start - 1, 0) : start + page_size + 1]
    )
    later = latest_first.pop(0) if start else None
    earlier = latest_first.pop() if len(latest_first) > page_size else None
    shown = list(reversed(latest_first))
    if earlier is not None:
        # A death belongs to the page of the last attempt before it.
        letters = letters.filter(generation__gte=shown[0].generation)
    if later is not None:
        letters = letters.filter(generation__lt=later.generation)
    deaths = letters.select_related("bulk_action", "put_back_from").order_by("generation")
    return Timeline(tuple(_generations(shown, deaths)), number, page, pages)


def _generations(attempts: Iterable[FailedAttempt], letters: Iterable[DeadLetter]) -> list[Generation]:
    by_number: dict[int, list[FailedAttempt]] = defaultdict(list)
    for attempt in attempts:
        by_number[attempt.generation].append(attempt)
    deaths = {letter.generation: letter for letter in letters}
    return [
        Generation(number, tuple(by_number.get(number, ())), deaths.get(number))
        for number in sorted({*by_number, *deaths})
    ]
