"""How far a bulk action is, in figures and words, and what may be done about it: what its page shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters.selection_words import most_first, result_in_words, selection_in_words
from job_retry.django.admin.words import time_until
from job_retry.django.dead_letters.canaries import tally
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from job_retry.django.dead_letters.chunks import Chunk

SHOWN_PERCENT = 10
"""Progress is read aloud each time it comes past a multiple of this."""


@dataclass(frozen=True)
class Step:
    """Something that a person may do about a bulk action, on its page."""

    name: str
    """Of the URL ``job_retry_bulkaction_<name>`` that it is posted to."""
    label: str | _StrPromise
    offered: Callable[[BulkAction, int], bool]
    """Whether it can be done to an action of which so many letters are still requeued."""
    is_in_chunks: bool = False
    """Whether there may be more of the same to do afterwards."""


def _goes_on_by_requests(action: BulkAction) -> bool:
    return action.state == BulkAction.State.RUNNING and action.kind != BulkAction.Kind.CANARY


STEP = Step("step", _("Go on"), lambda action, _requeued: _goes_on_by_requests(action), is_in_chunks=True)
STOP = Step("stop", _("Stop"), lambda action, _requeued: action.is_live)
GO_ON = Step(
    "go_on",
    _("Go on"),
    lambda action, _requeued: action.state == BulkAction.State.STOPPED and action.kind != BulkAction.Kind.CANARY,
    is_in_chunks=True,
)
PUT_BACK = Step(
    "put_back",
    _("Put back what is not launched yet"),
    lambda action, requeued: not action.is_live and action.kind != BulkAction.Kind.DISCARD and requeued > 0,
    is_in_chunks=True,
)
STEPS = (STEP, STOP, GO_ON, PUT_BACK)


def goes_on(action: BulkAction) -> bool:
    """Return whether more is done, here or elsewhere: workers put back what a canary redrive did in vain."""
    return action.is_live or (action.kind == BulkAction.Kind.CANARY and action.ended_at is None)


class Bar(NamedTuple):
    """A progress bar."""

    value: int
    of: int
    words: str


def bar_of(action: BulkAction) -> Bar:
    """Return how far ``action`` has come; letters that were settled otherwise meanwhile are not seen by it."""
    of = max(action.total, action.handled, 1)
    value = of if action.state == BulkAction.State.DONE else action.handled
    words = gettext("%(handled)d of %(total)d letters") % {"handled": action.handled, "total": action.total}
    return Bar(value, of, words)


def status_of(action: BulkAction) -> str:
    """Return in one sentence where ``action`` stands; while it runs, the same one over `SHOWN_PERCENT` of the way."""
    result = result_in_words(action)
    if action.state == BulkAction.State.DONE:
        return gettext("Done: %(result)s.") % {"result": result}
    if action.state == BulkAction.State.STOPPED:
        why = action.stopped_because.rstrip(".")
        return gettext("Stopped: %(why)s. Until then: %(result)s.") % {"why": why, "result": result}
    if action.state == BulkAction.State.WATCHING:
        return gettext("The canaries are requeued; waiting for what becomes of them.")
    bar = bar_of(action)
    percent = bar.value * 100 // bar.of // SHOWN_PERCENT * SHOWN_PERCENT
    return gettext("Running: %(percent)d %%.") % {"percent": percent}


def pace_of(letters: int, seconds: float, left: int, now: datetime) -> str:
    """Return at which rate a chunk of ``letters`` was handled, and when the rest is done; "" where nothing tells."""
    if letters <= 0 or seconds <= 0 or left <= 0:
        return ""
    rate = max(round(letters / seconds), 1)
    finished = now + timedelta(seconds=math.ceil(left * seconds / letters))
    return ngettext("%(rate)d a second, done %(when)s", "%(rate)d a second, done %(when)s", rate) % {
        "rate": rate,
        "when": time_until(finished, now),
    }


def not_put_back(chunk: Chunk) -> str:
    """Say of a chunk how many letters could not be put back, and why; "" where all could."""
    count = sum(chunk.skipped.values())
    reasons = ", ".join(reason for reason, _count in most_first(chunk.skipped))
    return gettext("%(count)d not put back: %(reasons)s.") % {"count": count, "reasons": reasons} if count else ""


def about(action: BulkAction) -> list[tuple[str, str]]:
    """Return what an action was told when it began, as labels and words."""
    rows = [
        (gettext("Which"), selection_in_words(Selection.from_json(action.selection))),
        (gettext("Begun"), _begun(action)),
        (gettext("Spread over"), _minutes(action.spread_seconds)),
        (gettext("Canaries"), str(action.canary_size or "")),
        (gettext("Jobs a minute"), f"{action.rate_per_minute:g}" if action.rate_per_minute else ""),
        (gettext("Fresh count"), gettext("yes") if action.fresh_count else ""),
        (gettext("Retry strategy"), action.strategy),
        (gettext("Priority"), "" if action.priority is None else str(action.priority)),
        (gettext("Reason") if action.kind == BulkAction.Kind.DISCARD else gettext("Note"), action.note),
    ]
    return [(label, words) for label, words in rows if words]


def _begun(action: BulkAction) -> str:
    moment = localtime(action.started_at) if is_aware(action.started_at) else action.started_at
    words = date_format(moment, "Y-m-d H:i:s")
    return gettext("%(time)s by %(user)s") % {"time": words, "user": action.started_by} if action.started_by else words


def _minutes(seconds: float) -> str:
    return gettext("%(minutes)s minutes") % {"minutes": f"{seconds / 60:g}"} if seconds else ""


def figures_of(action: BulkAction) -> list[tuple[str, int]]:
    """Return what has come of an action so far."""
    is_discard = action.kind == BulkAction.Kind.DISCARD
    rows = [
        (gettext("Discarded") if is_discard else gettext("Requeued"), action.done),
        (gettext("Skipped"), action.handled - action.done),
    ]
    if not is_discard:
        rows.append((gettext("Put back"), action.put_back))
    if action.kind == BulkAction.Kind.CANARY:
        passed, failed, under_way = tally(action)
        rows += [
            (gettext("Canaries passed"), passed),
            (gettext("Canaries failed as before"), failed),
            (gettext("Canaries under way"), under_way),
        ]
    return rows
