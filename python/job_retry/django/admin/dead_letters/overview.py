"""The page of figures: how the queues do, how often jobs fail, and whether retrying them helps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters import figures
from job_retry.django.admin.dead_letters.choice import (
    DATABASE,
    PERIOD,
    database_of,
    databases,
    query_of,
    queue_managers,
)
from job_retry.django.admin.dead_letters.console import Console
from job_retry.django.admin.dead_letters.groups import TEMPLATE_CHARACTERS, group_title
from job_retry.django.dead_letters.overview import WASTEFUL_GROUPS, Overview, Period, costliest, overview
from job_retry.django.dead_letters.selection import Selection

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from job_retry.django.dead_letters.aftermath import Retries, Waste

LISTED_RULES = 25
LISTED_ATTEMPTS = 20


class OverviewPage(Console):
    """The part of `DeadLetterAdmin` that is the overview."""

    def page_urls(self) -> list[URLPattern]:
        """Return the address of the overview, besides those of other pages."""
        return [self.page_url("overview/", self.overview_view, "overview"), *super().page_urls()]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show the figures of the queues in one database."""
        named = str(request.GET.get(PERIOD) or Period.DAY.value)
        try:
            database = database_of(request.GET)
            if named not in Period.values:
                raise ValueError(f"{PERIOD} is {named!r}. Periods: {', '.join(Period.values)}.")
        except ValueError as error:
            return self.refusal(request, str(error), tab="overview")
        managers = [manager for manager in queue_managers() if manager.using == database]
        now = managers[0].clock() if managers else timezone.now()
        found = overview(managers, database, Period(named), now)
        known = databases()
        return self.page(
            request,
            "overview.html",
            _("Overview"),
            tab="overview",
            found=found,
            periods=[
                {
                    "label": label,
                    "query": urlencode({PERIOD: value} | ({DATABASE: database} if len(known) > 1 else {})),
                    "is_chosen": value == named,
                }
                for value, label in Period.choices
            ],
            databases=[
                {"label": name, "query": urlencode({PERIOD: named, DATABASE: name}), "is_chosen": name == database}
                for name in known
                if len(known) > 1
            ],
            states=figures.state_names(),
            queues=figures.queue_rows(found.queues),
            charts=[
                (_("By verdict"), figures.over_time(found.failures, *_by_verdict(found))),
                (_("By rule"), figures.over_time(found.failures, *_by_rule(found))),
            ],
            retries=[
                (_("By rule"), _("Rule"), figures.retry_rows(_rules_by_retries(found))),
                (_("By attempt"), _("Failed attempt"), figures.retry_rows(_attempts(found))),
            ],
            wastes=[
                (_("By rule"), _("Rule"), figures.waste_rows(_rules_by_waste(found))),
                (_("By group"), _("Error"), figures.waste_rows(self._groups_by_waste(found, database))),
            ],
        )

    def _groups_by_waste(self, found: Overview, database: str) -> list[tuple[str, str, Waste]]:
        rows = []
        for fingerprint, waste in costliest(found.aftermath.waste_by_group, WASTEFUL_GROUPS):
            title = group_title(fingerprint, found.samples.get(fingerprint, ""))
            query = query_of(Selection(state="", fingerprint=fingerprint), database)
            url = self.link("job_retry_deadletter_jobs", query=query)
            rows.append((Truncator(title).chars(TEMPLATE_CHARACTERS), url, waste))
        return rows


def _by_verdict(found: Overview) -> tuple[list[figures.Kind], str]:
    return figures.verdict_kinds(found.failures), gettext("Failed attempts by verdict")


def _by_rule(found: Overview) -> tuple[list[figures.Kind], str]:
    return figures.rule_kinds(found.failures), gettext("Failed attempts by rule")


def _rules_by_retries(found: Overview) -> list[tuple[str, Retries]]:
    rules = sorted(found.aftermath.retries_by_rule.items(), key=lambda item: (-item[1].granted, item[0]))
    return [(figures.rule_name(rule), retries) for rule, retries in rules[:LISTED_RULES]]


def _attempts(found: Overview) -> list[tuple[str, Retries]]:
    attempts = sorted(found.aftermath.retries_by_attempt.items())
    return [(str(attempt), retries) for attempt, retries in attempts[:LISTED_ATTEMPTS]]


def _rules_by_waste(found: Overview) -> list[tuple[str, str, Waste]]:
    rules = costliest(found.aftermath.waste_by_rule, LISTED_RULES)
    return [(figures.rule_name(rule), "", waste) for rule, waste in rules]
