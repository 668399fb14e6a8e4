"""A selection of dead letters, and what came of an action on them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext, ngettext

from job_retry.django.history.keys import model_of
from job_retry.django.history.models import BulkAction, DeadLetter, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from job_retry.django.dead_letters.selection import Selection

FINGERPRINT_CHARACTERS = 12
"""Of a fingerprint, where it is one condition among others; as many tell groups apart."""


def selection_in_words(selection: Selection) -> str:
    """Return the conditions of a selection: ``open dead letters, group 3f0c…, rule docker/no-image``."""
    state = dict(DeadLetter.State.choices).get(selection.state, selection.state)
    about = gettext("%(state)s dead letters") % {"state": str(state).lower()} if state else gettext("all dead letters")
    return ", ".join([about, *_conditions(selection)])


def _conditions(selection: Selection) -> Iterator[str]:
    if selection.ids is not None:
        yield ngettext("%(count)d chosen one by one", "%(count)d chosen one by one", len(selection.ids)) % {
            "count": len(selection.ids)
        }
    if selection.model:
        model = model_of(selection.model)
        yield str(selection.model if model is None else model._meta.verbose_name_plural)
    if selection.fingerprint is not None:
        short = selection.fingerprint[:FINGERPRINT_CHARACTERS]
        yield gettext("group %(group)s") % {"group": short} if short else gettext("without an error")
    if selection.verdict:
        yield gettext("verdict %(verdict)s") % {"verdict": _label(Verdict, selection.verdict)}
    if selection.rule:
        yield gettext("rule %(rule)s") % {"rule": selection.rule}
    if selection.reason:
        yield gettext("because of: %(reason)s") % {"reason": _label(DeadLetter.Reason, selection.reason)}
    if selection.strategy:
        yield gettext("strategy %(strategy)s") % {"strategy": selection.strategy}
    if selection.exception_class:
        yield selection.exception_class
    if selection.died_from is not None:
        yield gettext("died from %(time)s on") % {"time": _time(selection.died_from)}
    if selection.died_until is not None:
        yield gettext("died before %(time)s") % {"time": _time(selection.died_until)}
    if selection.search:
        yield gettext("found by “%(text)s”") % {"text": selection.search}
    for name, value in selection.fields.items():
        yield f"{name} = {value}"


def result_in_words(action: BulkAction) -> str:
    """Return what came of an action: ``1,990 requeued, 10 skipped (9 not failed any more, 1 gone), 3 put back``."""
    done = (
        ngettext("%(count)d discarded", "%(count)d discarded", action.done)
        if action.kind == BulkAction.Kind.DISCARD
        else ngettext("%(count)d requeued", "%(count)d requeued", action.done)
    )
    parts = [done % {"count": action.done}]
    skipped = sum(action.skipped.values())
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in most_first(action.skipped))
        parts.append(gettext("%(count)d skipped (%(reasons)s)") % {"count": skipped, "reasons": reasons})
    if action.put_back:
        parts.append(gettext("%(count)d put back") % {"count": action.put_back})
    return ", ".join(parts)


def most_first(skipped: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the reasons with their numbers, that of the most letters first."""
    return sorted(skipped.items(), key=lambda row: (-row[1], row[0]))


def _label(choices: Any, value: str) -> str:
    return str(dict(choices.choices).get(value, value))


def _time(moment: datetime) -> str:
    return date_format(localtime(moment) if is_aware(moment) else moment, "Y-m-d H:i")
