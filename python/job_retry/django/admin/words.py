"""Times and prospects in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django.utils.text import Truncator
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext, ngettext

from job_retry.django.dead_letters.letters import telling_line
from job_retry.django.outlook import NextAttempt, Prospect

if TYPE_CHECKING:
    from datetime import datetime

MINUTE_SECONDS = 60
ERROR_LINE_CHARACTERS = 80


def last_line(error: str) -> str:
    """Return the last line of an error, where most programs say what is wrong; "" where there is none."""
    return Truncator(telling_line(error)).chars(ERROR_LINE_CHARACTERS)


def in_words(attempt: NextAttempt, now: datetime) -> str:
    """Say when the next attempt is: ``now``, ``in 2 minutes``, ``under way``, ``never: permanent error``, ..."""
    if attempt.prospect is Prospect.UNDER_WAY:
        return gettext("under way")
    if attempt.prospect is Prospect.NOT_QUEUED:
        return gettext("not queued")
    if attempt.prospect is Prospect.NEVER or attempt.at is None:
        return gettext("never: %(reason)s") % {"reason": attempt.reason}
    return time_until(attempt.at, now)


def time_until(moment: datetime, now: datetime) -> str:
    """Return ``now``, ``in 5 seconds``, ``in 2 minutes``, ...; whole units, seconds rounded up and others down."""
    seconds = math.ceil((moment - now).total_seconds())
    if seconds <= 0:
        return gettext("now")
    if seconds < MINUTE_SECONDS:
        return ngettext("in %(count)d second", "in %(count)d seconds", seconds) % {"count": seconds}
    return gettext("in %(time)s") % {"time": timeuntil(moment, now, depth=1)}


def time_since(moment: datetime, now: datetime) -> str:
    """Return ``5 seconds``, ``2 minutes``, ...; whole units, rounded down."""
    seconds = math.floor((now - moment).total_seconds())
    if seconds < MINUTE_SECONDS:
        return ngettext("%(count)d second", "%(count)d seconds", max(seconds, 0)) % {"count": max(seconds, 0)}
    return timesince(moment, now, depth=1)
