"""Moments as commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


def shown_moment(moment: datetime | None) -> str:
    """Return a moment in the project's time zone, to the second; "" for None."""
    if moment is None:
        return ""
    return f"{timezone.localtime(moment) if timezone.is_aware(moment) else moment:%Y-%m-%d %H:%M:%S}"
