"""Acts on dead letters: each shows what it will touch, asks once, and then begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.utils.translation import ngettext

from job_retry.django.admin.dead_letters.acts import BY_NAME, Act, allowed
from job_retry.django.admin.dead_letters.choice import database_of, database_query, query_of, selection_of
from job_retry.django.admin.dead_letters.console import Console
from job_retry.django.admin.dead_letters.log import log, with_the_rest
from job_retry.django.admin.dead_letters.names import model_name
from job_retry.django.admin.dead_letters.selection_words import most_first, selection_in_words
from job_retry.django.admin.dead_letters.stepping import done_if_small
from job_retry.django.dead_letters.bulk import begin
from job_retry.django.dead_letters.marks import groups_of, mark_groups, preview_of_groups, unmark_groups
from job_retry.django.dead_letters.preview import preview
from job_retry.django.dead_letters.queues import clock_of

if TYPE_CHECKING:
    from datetime import datetime

    from django.urls import URLPattern

    from job_retry.django.admin.dead_letters.forms import ActForm
    from job_retry.django.dead_letters.selection import Selection

ACT = "act"
"""Field of a request: the name of the act."""
SELECTION = "selection"
"""Field of a request: which dead letters, as the query string of a page of theirs."""
TICKED = "letter"
"""Field of a request, any number of times: the keys of letters that were ticked among them; none: all of them."""
CONFIRMED = "confirmed"
"""Field of a request: the key of the newest letter that the user was told of."""


class Acting(Console):
    """The part of `DeadLetterAdmin` by which people do something with dead letters."""

    def page_urls(self) -> list[URLPattern]:
        """Return the URLs that acts are posted to, with those of the other pages."""
        return [
            self.page_url("act/", self.act_view, "act"),
            self.page_url("mark/", self.act_view, "mark"),
            *super().page_urls(),
        ]

    def act_view(self, request: HttpRequest) -> HttpResponse:
        """Show what an act will touch; once that is confirmed, do it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        act = BY_NAME.get(request.POST.get(ACT, ""))
        if act is None:
            raise BadRequest(f"{ACT} is {request.POST.get(ACT)!r}. Acts: {', '.join(BY_NAME)}.")
        if not allowed(request, act.permission):
            raise PermissionDenied
        try:
            query = QueryDict(request.POST.get(SELECTION, ""))
            database, selection = database_of(query), _selected(request, query)
            selection.letters(database)  # which says what is wrong with the fields of a job model
        except ValueError as error:
            return self.refusal(request, str(error), tab="jobs")
        confirmed = request.POST.get(CONFIRMED, "")
        form = act.form(request.POST if confirmed else None, initial=dict(act.initial))
        if confirmed.isdecimal() and form.is_valid():
            try:
                return self._do(request, act, selection, database, form, int(confirmed))
            except ValueError as error:
                form.add_error(None, str(error))
        try:
            return self._ask(request, act, selection, database, form)
        except ValueError as error:
            return self.refusal(request, str(error), tab="jobs")

    def _ask(self, request: HttpRequest, act: Act, selection: Selection, database: str, form: ActForm) -> HttpResponse:
        """Return the page that shows what an act will touch, and asks."""
        if act.first_field:
            form.fields[act.first_field].widget.attrs["autofocus"] = True
        # Asked for first: what dies meanwhile may be shown, and is not touched; never the other way round.
        newest = selection.letters(database).aggregate(newest=Max("pk"))["newest"]
        if act.kind:
            touched = preview(database, selection, act.kind)
        else:
            touched = preview_of_groups(database, selection, clock_of(database)())
        return self.page(
            request,
            "confirm_action.html",
            act.label,
            tab="jobs",
            act=act,
            form=form,
            touched=touched,
            more_groups=touched.group_count - len(touched.groups),
            models=[(model_name(label), number) for label, number in touched.models.items()],
            skipped=most_first(touched.skipped),
            newest=newest,
            selection_words=selection_in_words(selection),
            selection_query=query_of(selection, database),
            back=self._back(selection, database),
        )

    def _do(
        self, request: HttpRequest, act: Act, selection: Selection, database: str, form: ActForm, newest: int
    ) -> HttpResponse:
        """Do a confirmed act; ValueError says why not."""
        now = clock_of(database)()
        if not act.kind:
            with transaction.atomic(using=database):
                said = _mark(request, act, selection, database, form, now)
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(self._back(selection, database))
        with transaction.atomic(using=database):
            by = request.user.get_username()
            action = begin(database, selection, act.kind, by=by, now=now, up_to=newest, **form.options())
            words = f"Begun: {act.label}, {action.total} of: {selection_in_words(selection)}."
            with_the_rest(database, lambda: log(request, [action], ADDITION, words))
        done_if_small(request, action)
        page = self.link("job_retry_bulkaction_change", action.pk, query=database_query(database))
        return HttpResponseRedirect(page)

    def _back(self, selection: Selection, database: str) -> str:
        """Return the address of the list that the letters were chosen in."""
        return self.link("job_retry_deadletter_jobs", query=query_of(selection.only(ids=None), database))


def _selected(request: HttpRequest, query: QueryDict) -> Selection:
    """Return the selection that a request is about; ValueError names what is wrong with it."""
    ticked = request.POST.getlist(TICKED)
    if ticked:
        query = query.copy()
        query.setlist("ids", ticked)
    return selection_of(query)


def _mark(request: HttpRequest, act: Act, selection: Selection, database: str, form: ActForm, now: datetime) -> str:
    """Mark the groups of a selection, or take their marks away, and say so."""
    groups = groups_of(selection, database)
    if act.mark is None:
        marks = unmark_groups(database, groups)
        with_the_rest(database, lambda: log(request, marks, DELETION, "Mark removed."))
        return ngettext("%(count)d mark removed.", "%(count)d marks removed.", len(marks)) % {"count": len(marks)}
    note, by = form.options()["note"], request.user.get_username()
    marks = mark_groups(database, groups, act.mark, note=note, by=by, now=now)
    with_the_rest(database, lambda: log(request, marks, CHANGE, f"Marked as {act.mark}. {note}".strip()))
    return ngettext("%(count)d group marked.", "%(count)d groups marked.", len(marks)) % {"count": len(marks)}
