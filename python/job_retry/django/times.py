"""Moments as the database wants them."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import timezone as fixed_offset

from django.conf import settings
from django.utils import timezone

_LAST_MOMENT = datetime(9999, 12, 30)  # noqa: DTZ001 - made aware where it is used
"""The end of the calendar, as far as it can be shown in every time zone."""


def current_moment() -> datetime:
    """Return `django.utils.timezone.now`, looked up at each call, so that what takes its place in a test counts."""
    return timezone.now()


def in_time_zone(moment: datetime | None) -> datetime | None:
    """Return ``moment`` aware or naive as ``USE_TZ`` asks; a naive one is in the current time zone.

    TypeError for what is no datetime.
    """
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise TypeError(f"a datetime is needed, or None, not {moment!r}")
    if settings.USE_TZ and timezone.is_naive(moment):
        return timezone.make_aware(moment)
    if not settings.USE_TZ and timezone.is_aware(moment):
        return timezone.make_naive(moment)
    return moment


def seconds_after(now: datetime, seconds: float) -> datetime:
    """Return the moment ``seconds`` after ``now``, capped at the end of the calendar."""
    last = _LAST_MOMENT if timezone.is_naive(now) else _LAST_MOMENT.replace(tzinfo=fixed_offset.utc)
    try:
        return min(now + timedelta(seconds=seconds), last)
    except OverflowError:
        return last
