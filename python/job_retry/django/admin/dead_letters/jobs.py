"""The page of the jobs of a selection: of a group, or of whatever the filters leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters.acts import actions_for
from job_retry.django.admin.dead_letters.choice import database_query
from job_retry.django.admin.dead_letters.console import Console
from job_retry.django.admin.dead_letters.groups import group_title
from job_retry.django.admin.dead_letters.listing import PAGE, listing_of
from job_retry.django.admin.dead_letters.names import job_title, jobs_of
from job_retry.django.admin.words import last_line, time_since
from job_retry.django.dead_letters.groups import mark_of, read_sample
from job_retry.django.dead_letters.letters import LetterList, list_letters

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from job_retry.django.admin.dead_letters.listing import Listing


class JobsPage(Console):
    """The part of `DeadLetterAdmin` that is the list of the letters of a selection."""

    def page_urls(self) -> list[URLPattern]:
        """Return the address of the list, besides those of other pages."""
        return [self.page_url("jobs/", self.jobs_view, "jobs"), *super().page_urls()]

    def jobs_view(self, request: HttpRequest) -> HttpResponse:
        """Show a page of the selected letters, the latest first."""
        now = timezone.now()
        try:
            listing = listing_of(request, now)
        except ValueError as error:
            return self.refusal(request, str(error), tab="jobs")
        found = list_letters(listing.selection, listing.database, page=listing.page)
        return self.page(
            request,
            "jobs.html",
            _("Jobs of a group") if listing.selection.fingerprint is not None else _("Dead letters"),
            tab="jobs",
            listing=listing,
            found=found,
            **_group_context(listing, found),
            rows=self._letter_rows(found, listing, now),
            actions=actions_for(request, listing.selection.state) if found.letters else [],
            selection_query=listing.selection_query,
            newer_query=listing.query_with(**{PAGE: listing.page - 1}) if listing.page > 1 else None,
            older_query=listing.query_with(**{PAGE: listing.page + 1}) if found.has_more else None,
        )

    def _letter_rows(self, found: LetterList, listing: Listing, now: datetime) -> list[dict[str, Any]]:
        jobs = jobs_of(found.letters, listing.database)
        return [
            self._letter_row(letter, jobs.get((letter.job_model, letter.job_key)), listing, now)
            for letter in found.letters
        ]

    def _letter_row(self, letter: Any, job: Any, listing: Listing, now: datetime) -> dict[str, Any]:
        return {
            "letter": letter,
            "job": job,
            "title": job_title(letter.job_model, letter.job_key, job),
            "url": self.link("job_retry_deadletter_change", letter.pk, query=database_query(listing.database)),
            "died": time_since(letter.died_at, now),
            "error_line": last_line(letter.error_end or ""),
        }


def _group_context(listing: Listing, found: LetterList) -> dict[str, Any]:
    """Return what the page says of the group that it is about, where it is about one."""
    fingerprint = listing.selection.fingerprint
    if fingerprint is None:
        return {}
    failures = [letter.failure_id for letter in found.letters if letter.failure_id is not None]
    return {
        "group_title": group_title(fingerprint, read_sample(listing.database, failures[:1])),
        "group_mark": mark_of(listing.database, fingerprint),
    }
