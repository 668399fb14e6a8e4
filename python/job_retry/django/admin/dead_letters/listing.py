"""What a list of the console shows, as its address says, and the form by which people say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, TextChoices
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters.choice import (
    DATABASE,
    FIELD_PREFIX,
    PERIOD,
    PERIODS,
    database_of,
    database_query,
    databases,
    field_names,
    manager_of,
    query_of,
    queue_managers,
    selection_of,
)
from job_retry.django.dead_letters.facets import facets
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.keys import model_label
from job_retry.django.history.models import DeadLetter, Verdict
from job_retry.django.strategies import strategy_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.http import HttpRequest, QueryDict
    from django.utils.functional import _StrPromise

ChoiceT = TypeVar("ChoiceT", bound=TextChoices)

PAGE = "page"
PAGE_DIGITS = 6
"""What has more is no page of anything."""
INPUT_MOMENT = "%Y-%m-%dT%H:%M"
"""As a browser fills in a field of date and time."""

CONDITIONS = ("model", "verdict", "rule", "reason", "strategy", "exception_class", PERIOD, "died_from", "died_until")
"""Of the form, besides the state, the search and the fields of the job model."""


class Option(NamedTuple):
    """One of the values to choose from."""

    value: str
    label: str | _StrPromise


class Filter(NamedTuple):
    """One condition of the form."""

    name: str
    label: str | _StrPromise
    value: str
    options: tuple[Option, ...] = ()
    """None: text is entered."""
    kind: str = "text"
    """Of the field, where text is entered."""


@dataclass(frozen=True)
class Listing:
    """What is shown: which letters of which database, and which page of them."""

    query: QueryDict
    selection: Selection
    database: str
    page: int

    @property
    def selection_query(self) -> str:
        """The selection, for the address of another page."""
        return query_of(self.selection, self.database)

    @property
    def reset_query(self) -> str:
        """No condition at all, for the address of this page."""
        return database_query(self.database)

    def query_of(self, **conditions: Any) -> str:
        """Return the selection, with other values for some conditions, for the address of another page."""
        return query_of(self.selection.only(**conditions), self.database)

    def query_with(self, **changes: str | int | None) -> str:
        """Return the query string of this page with changes; None takes a name out."""
        query = self.query.copy()
        for name, value in changes.items():
            query.pop(name, None)
            if value is not None:
                query[name] = str(value)
        return query.urlencode()

    def choice(self, name: str, choices: type[ChoiceT], default: ChoiceT) -> ChoiceT:
        """Return the member of ``choices`` that the query string names; ``default`` where it names none."""
        value = self.query.get(name)
        return choices(value) if value in choices.values else default

    @property
    def states(self) -> list[Option]:
        """Return the states of letters to choose from."""
        return [*(Option(*choice) for choice in DeadLetter.State.choices), Option("", _("In any state"))]

    @property
    def filters_in_use(self) -> int:
        """How many conditions hold, besides the state and the search."""
        return sum(bool(self.query.get(name)) for name in CONDITIONS) + len(self.selection.fields)

    def filters(self) -> list[Filter]:
        """Return the form, with what there is to choose from in the state and the time that are shown."""
        chosen = self.selection
        shown = Selection(state=chosen.state, died_from=chosen.died_from, died_until=chosen.died_until)
        found = facets(shown.letters(self.database))
        return [
            *self._queue_filter(),
            *self._column_filters(found),
            *self._field_filters(),
            *self._time_filters(),
        ]

    def hidden(self) -> Iterator[tuple[str, str]]:
        """Yield what the form sends besides its fields."""
        if len(databases()) > 1 and not self.selection.model:
            yield DATABASE, self.database
        if self.selection.fingerprint is not None:
            yield "fingerprint", self.selection.fingerprint
        for name in ("tab", "order"):
            if self.query.get(name):
                yield name, str(self.query[name])

    def _queue_filter(self) -> Iterator[Filter]:
        several = len(databases()) > 1
        queues = [
            Option(
                model_label(manager.model),
                f"{manager.options.name} ({manager.model._meta.label}{', ' + manager.using if several else ''})",
            )
            for manager in queue_managers()
        ]
        if len(queues) > 1 or self.selection.model:
            yield self._select("model", _("Queue"), queues)

    def _column_filters(self, found: dict[str, list[str]]) -> Iterator[Filter]:
        yield self._select("verdict", _("Verdict"), Verdict.choices)
        yield self._select("rule", _("Rule"), ((rule, rule) for rule in found["rule"]))
        classes = ((each, each) for each in found["exception_class"])
        yield self._select("exception_class", _("Exception class"), classes)
        yield self._select("reason", _("Reason"), DeadLetter.Reason.choices)
        yield self._select(
            "strategy", _("Retry strategy"), ((name, strategy_label(name)) for name in found["strategy"])
        )

    def _field_filters(self) -> Iterator[Filter]:
        """Yield the fields that the chosen job model names; where none is chosen, those that only one of them has."""
        chosen = manager_of(self.selection.model)
        managers = [chosen] if chosen else [each for each in queue_managers() if each.using == self.database]
        names = [name for manager in managers for name in field_names(manager)]
        for manager in managers:
            for name in field_names(manager):
                if names.count(name) == 1:
                    yield Filter(
                        FIELD_PREFIX + name, _field_label(manager.model, name), self.selection.fields.get(name, "")
                    )

    def _time_filters(self) -> Iterator[Filter]:
        options = ((period.key, period.label) for period in PERIODS)
        yield self._select(PERIOD, _("Period"), options)
        for name, label in (("died_from", _("Not before")), ("died_until", _("Before"))):
            moment = getattr(self.selection, name) if self.query.get(name) else None
            yield Filter(name, label, "" if moment is None else _for_input(moment), kind="datetime-local")

    def _select(self, name: str, label: str | _StrPromise, options: Iterable[tuple[str, Any]]) -> Filter:
        value = self.query.get(name, "")
        listed = [Option("", _("Any")), *(Option(*option) for option in options)]
        if value not in {option.value for option in listed}:  # chosen, though there is none (any more)
            listed.append(Option(value, value))
        return Filter(name, label, value, tuple(listed))


def _field_label(model: type[Model], name: str) -> str:
    try:
        label = str(getattr(model._meta.get_field(name), "verbose_name", name))
    except FieldDoesNotExist:  # a look-up, such as owner__name
        label = name.replace("__", " ")
    return capfirst(label)


def listing_of(request: HttpRequest, now: datetime) -> Listing:
    """Return what the address of a page asks for; ValueError names what it cannot be asked for."""
    database = database_of(request.GET)
    selection = selection_of(request.GET, now)
    selection.letters(database)  # which says what is wrong with the fields of a job model
    return Listing(request.GET, selection, database, page_number(request.GET))


def page_number(query: QueryDict) -> int:
    """Return which page of several a query string asks for."""
    page = str(query.get(PAGE, ""))
    return max(1, int(page)) if page.isdecimal() and len(page) <= PAGE_DIGITS else 1


def page_query(query: QueryDict, page: int) -> str:
    """Return a query string that asks for another page of the same."""
    other = query.copy()
    other[PAGE] = str(page)
    return other.urlencode()


def _for_input(moment: datetime) -> str:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return local.strftime(INPUT_MOMENT)
