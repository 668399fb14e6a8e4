"""The page on which "Dead letters" opens: groups of letters of one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from job_retry import fingerprint
from job_retry.django.admin.dead_letters.console import Console
from job_retry.django.admin.dead_letters.listing import PAGE, listing_of
from job_retry.django.admin.dead_letters.names import model_name
from job_retry.django.admin.words import time_since
from job_retry.django.dead_letters.charts import sparkline
from job_retry.django.dead_letters.groups import Group, GroupList, Order, Tab, list_groups

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from job_retry.django.admin.dead_letters.listing import Listing

TEMPLATE_CHARACTERS = 300
"""How much of an error's template a row shows."""


class GroupsPage(Console):
    """The part of `DeadLetterAdmin` that is the list of groups."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show a page of the groups of the selected letters."""
        self.refuse_strangers(request)
        now = timezone.now()
        try:
            listing = listing_of(request, now)
        except ValueError as error:
            return self.refusal(request, str(error), tab="groups")
        tab = listing.choice("tab", Tab, Tab.ATTENTION)
        order = listing.choice("order", Order, Order.COUNT)
        found = list_groups(listing.selection, listing.database, now=now, tab=tab, order=order, page=listing.page)
        return self.page(
            request,
            "groups.html",
            _("Dead letters"),
            tab="groups",
            listing=listing,
            found=found,
            rows=[self._group_row(group, found, listing, now) for group in found.groups],
            mark_tabs=[
                {
                    "label": each.label,
                    "count": found.totals.groups[each],
                    "query": listing.query_with(tab=each.value, page=None),
                    "is_chosen": each is tab,
                }
                for each in Tab
            ],
            orders={each.value: listing.query_with(order=each.value, page=None) for each in Order},
            order=order.value,
            newer_query=listing.query_with(**{PAGE: found.page - 1}) if found.page > 1 else None,
            older_query=listing.query_with(**{PAGE: found.page + 1}) if found.page < found.pages else None,
            jobs_url=self.link("job_retry_deadletter_jobs", query=listing.selection_query),
            **(extra_context or {}),
        )

    def _group_row(self, group: Group, found: GroupList, listing: Listing, now: datetime) -> dict[str, Any]:
        query = listing.query_of(fingerprint=group.fingerprint)
        return {
            "group": group,
            "title": Truncator(group_title(group.fingerprint, group.sample)).chars(TEMPLATE_CHARACTERS),
            "url": self.link("job_retry_deadletter_jobs", query=query),
            "share": f"{group.share:.0%}" if group.share >= SMALLEST_SHARE else f"< {SMALLEST_SHARE:.0%}",
            "trend": _trend(group, found),
            "models": [model_name(label) for label in group.models],
            "first": time_since(group.first_died_at, now),
            "last": time_since(group.last_died_at, now),
        }


SMALLEST_SHARE = 0.01
"""What is less is said to be less."""


def group_title(group_fingerprint: str, sample: str) -> str:
    """Return what a group is called: the error with placeholders for what varies."""
    if sample:
        return fingerprint(sample).template
    if group_fingerprint:
        return gettext("%(fingerprint)s (its errors are no longer on record)") % {"fingerprint": group_fingerprint}
    return gettext("No error: set to failed by hand")


def _trend(group: Group, found: GroupList) -> str:
    stretches = found.stretches
    if stretches is None:
        return ""
    label = ngettext(
        "%(count)d job from %(start)s to %(end)s", "%(count)d jobs from %(start)s to %(end)s", group.count
    ) % {
        "count": group.count,
        "start": date_format(stretches.start, "DATETIME_FORMAT"),
        "end": date_format(stretches.end, "DATETIME_FORMAT"),
    }
    return sparkline(group.trend, label=label)
