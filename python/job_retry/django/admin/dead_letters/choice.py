"""Which dead letters a page is about, as its query string says: a selection, and the database that it is made in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models import BigIntegerField
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.keys import model_label
from job_retry.django.history.models import DeadLetter
from job_retry.django.queue import get_queue_manager
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from job_retry.django.queue import JobQueueManager

FIELD_PREFIX = "field."
"""Of a field of the job model: ``field.image=busybox``."""
DATABASE = "database"
PERIOD = "period"

_TEXTS = ("model", "verdict", "rule", "reason", "strategy", "exception_class", "search")
_MAY_BE_EMPTY = ("state", "fingerprint")
_MOMENTS = ("died_from", "died_until")


class Period(NamedTuple):
    """The time up to now that a page shows."""

    key: str
    label: str | _StrPromise
    length: timedelta


PERIODS = (
    Period("hour", _("Last hour"), timedelta(hours=1)),
    Period("day", _("Last 24 hours"), timedelta(days=1)),
    Period("week", _("Last 7 days"), timedelta(days=7)),
    Period("month", _("Last 30 days"), timedelta(days=30)),
)


def selection_of(query: QueryDict, now: datetime | None = None) -> Selection:
    """Return the selection that a query string describes; ValueError names what is wrong with it.

    What is left out, or empty, is no condition; but no ``state`` is the open letters, an empty one those in any state,
    and an empty ``fingerprint`` the group of letters without an error. ``period`` is one of `PERIODS`, up to ``now``.
    """
    texts = {name: str(value).strip() for name, value in query.items()}
    unprintable = [name for name, value in texts.items() if "\x00" in value]
    if unprintable:  # which a database would refuse
        raise ValueError(f"{', '.join(unprintable)}: no text of a dead letter has NUL characters.")
    given: dict[str, Any] = {name: texts[name] for name in _TEXTS if texts.get(name)}
    given |= {name: texts[name] for name in _MAY_BE_EMPTY if name in texts}
    given |= {name: _moment(name, texts[name]) for name in _MOMENTS if texts.get(name)}
    if texts.get(PERIOD) and "died_from" not in given:
        given["died_from"] = (now or timezone.now()) - _period(texts[PERIOD]).length
    if "ids" in query:
        given["ids"] = _ids(query.getlist("ids"))
    given["fields"] = {
        name.removeprefix(FIELD_PREFIX): value
        for name, value in texts.items()
        if name.startswith(FIELD_PREFIX) and value
    }
    if given["fields"] and "model" not in given:
        given["model"] = _model_with(given["fields"])
    return Selection(**given)


def query_of(selection: Selection, database: str = "") -> str:
    """Return the query string that describes ``selection``, with absolute times; `selection_of` reads it.

    ``database`` is named where the project's queues are in several.
    """
    given = selection.as_json()
    fields = given.pop("fields", {})
    given |= {FIELD_PREFIX + name: value for name, value in fields.items()}
    if "ids" in given:
        given["ids"] = ",".join(map(str, given["ids"]))
    return "&".join(filter(None, [urlencode(given), database_query(database)]))


def database_query(database: str) -> str:
    """Return the part of a query string that names the database; "" where there is only one."""
    return urlencode({DATABASE: database}) if database and len(databases()) > 1 else ""


def queue_managers() -> list[JobQueueManager]:
    """Return the managers of the queues that are set up as they should be."""
    return [manager for name in get_settings().queues if (manager := _manager_or_none(name)) is not None]


def manager_of(label: str) -> JobQueueManager | None:
    """Return the manager of the queue whose jobs have this label; None where there is none (any more)."""
    return next((manager for manager in queue_managers() if model_label(manager.model) == label), None)


def databases() -> list[str]:
    """Return the databases in which queues are, and with them their dead letters; that of the first queue first."""
    return list(dict.fromkeys(manager.using for manager in queue_managers())) or [router.db_for_read(DeadLetter)]


def database_of(query: QueryDict) -> str:
    """Return the database that a page shows: that of the chosen job model, or the one named, or the first queue's.

    ValueError where there is no such database.
    """
    manager = manager_of(str(query.get("model", "")))
    if manager is not None:
        return manager.using
    known = databases()
    database = str(query.get(DATABASE) or known[0])
    if database not in known:
        raise ValueError(f"{DATABASE} is {database!r}, which no queue is in. Databases: {', '.join(known)}.")
    return database


def field_names(manager: JobQueueManager) -> tuple[str, ...]:
    """Return the fields of its jobs by which people may choose dead letters."""
    return tuple(getattr(manager.model, "dead_letter_fields", ()))


def _manager_or_none(queue: str) -> JobQueueManager | None:
    try:
        return get_queue_manager(queue)
    except ImproperlyConfigured:  # what is wrong is said by the system checks, and by the job model's own page
        return None


def _model_with(fields: dict[str, str]) -> str:
    """Return the label of the one job model that has all these fields for people to choose by."""
    having = [manager for manager in queue_managers() if set(fields) <= set(field_names(manager))]
    if len(having) == 1:
        return model_label(having[0].model)
    labels = ", ".join(manager.model._meta.label for manager in having) or "no job model"
    raise ValueError(f"{', '.join(fields)}: dead_letter_fields of {labels} name these; choose a job model, too.")


def _moment(name: str, text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(f"{name} is {text!r}, which is no date and time such as 2026-03-01T12:00.")
    if settings.USE_TZ:
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment


def _period(key: str) -> Period:
    for period in PERIODS:
        if period.key == key:
            return period
    raise ValueError(f"{PERIOD} is {key!r}. Periods: {', '.join(period.key for period in PERIODS)}.")


def _ids(values: Iterable[object]) -> tuple[int, ...]:
    texts = [text for value in values for text in str(value).split(",") if text]
    wrong = [text for text in texts if not text.isdecimal() or int(text) > BigIntegerField.MAX_BIGINT]
    if wrong:
        raise ValueError(f"ids has {wrong[0]!r}, which is no key of a dead letter: those are whole numbers.")
    return tuple(dict.fromkeys(map(int, texts)))
