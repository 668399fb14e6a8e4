"""The admin of bulk actions: a list of them, and a page that goes on with one, stops it, and puts it back."""

from __future__ import annotations

from functools import partial
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters import stepping
from job_retry.django.admin.dead_letters.acts import PERMISSION_OF_KIND, VIEW, allowed
from job_retry.django.admin.dead_letters.choice import DATABASE, database_of, database_query, databases
from job_retry.django.admin.dead_letters.console import console_page, console_tabs
from job_retry.django.admin.dead_letters.progress import (
    PUT_BACK,
    STEP,
    STEPS,
    Step,
    about,
    bar_of,
    figures_of,
    goes_on,
    not_put_back,
    pace_of,
    status_of,
)
from job_retry.django.admin.dead_letters.selection_words import most_first, result_in_words, selection_in_words
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.urls import URLPattern

    BulkActionModelAdmin = admin.ModelAdmin[BulkAction]
else:
    BulkActionModelAdmin = admin.ModelAdmin

REFRESH_SECONDS = 5
"""How often a page looks again at what is done elsewhere."""


class DatabaseFilter(admin.SimpleListFilter):
    """Bulk actions by the database that they are in; hidden where all queues are in one."""

    title = _("database")
    parameter_name = DATABASE

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the databases that queues are in."""
        known = databases()
        return [(name, name) for name in known] if len(known) > 1 else []

    def value(self) -> str:
        """Return the database that is shown; there is always one."""
        return super().value() or databases()[0]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the databases, but no row for all of them."""
        return islice(super().choices(changelist), 1, None)

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows as they are: the admin has chosen their database."""
        return queryset


@admin.register(BulkAction)
class BulkActionAdmin(BulkActionModelAdmin):
    """Admin of what is being done, and has been done, with many dead letters."""

    list_display = ("shown_kind", "state", "shown_result", "shown_selection", "started_by", "started_at")
    list_display_links = None
    list_filter = ("kind", "state", DatabaseFilter)
    ordering = ("-pk",)
    actions = None
    change_list_template = "job_retry/admin/dead_letters/bulk_actions.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {
            "all": ("job_retry/admin.css", "job_retry/dead_letters.css", "job_retry/bulk_action.css")
        }

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever may view dead letters may see what is done with them."""
        return allowed(request, VIEW)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Begun from the dead letters alone."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """What is done is a record."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """What is done is a record."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkAction]:
        """Return the actions of the database that the query string names, or of the first queue's."""
        return super().get_queryset(request).using(_database(request))

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of any admin, and those of the steps."""
        steps = [
            path(
                f"<int:action_id>/{step.name}/",
                self.admin_site.admin_view(partial(self.step_view, step)),
                name=f"job_retry_bulkaction_{step.name}",
            )
            for step in STEPS
        ]
        return [*steps, *super().get_urls()]

    @admin.display(description=_("action"), ordering="kind")
    def shown_kind(self, action: BulkAction) -> str:
        """The kind, with the way to the page."""
        return format_html('<a href="{}">{}</a>', self.page_address(action), action)

    @admin.display(description=_("dead letters"))
    def shown_selection(self, action: BulkAction) -> str:
        """The selection in words."""
        return selection_in_words(Selection.from_json(action.selection))

    @admin.display(description=_("result"))
    def shown_result(self, action: BulkAction) -> str:
        """How many letters it has done, skipped and why, and put back."""
        return result_in_words(action)

    def page_address(self, action: BulkAction, name: str = "change") -> str:
        """Return the address of the action's page, or of a step."""
        address = reverse(f"admin:job_retry_bulkaction_{name}", args=(action.pk,), current_app=self.admin_site.name)
        query = database_query(action._state.db or "")
        return f"{address}?{query}" if query else address

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list as a page of the console."""
        context = {
            "title": capfirst(self.opts.verbose_name_plural),
            "console_tabs": console_tabs(self, request, "actions"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, _form_url: str = "", _extra_context: Any = None
    ) -> HttpResponse:
        """Show how far the action is; its script asks for parts of the page alone."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        action = self.get_object(request, object_id)
        if action is None:
            raise Http404(gettext("There is no bulk action %(key)s.") % {"key": object_id})
        if _is_of_script(request):
            return self._parts(request, action)
        # A page that is opened goes on by itself only with what its reader has begun; others are asked by the button.
        step_next = STEP if action.started_by == request.user.get_username() else None
        context = self._context(request, action, step_next)
        return console_page(self, request, "bulk_action.html", str(action), tab="actions", **context)

    def step_view(self, step: Step, request: HttpRequest, action_id: int) -> HttpResponse:
        """Do one step, or one chunk of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        action = self.get_object(request, str(action_id))
        if action is None:
            raise Http404(gettext("There is no bulk action %(key)s.") % {"key": action_id})
        if not allowed(request, PERMISSION_OF_KIND[action.kind]):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        handled, began = action.handled, monotonic()
        trouble, chunk = "", None
        try:
            chunk = stepping.PERFORM[step](request, action)
        except ValueError as error:
            trouble = str(error)
        remark = not_put_back(chunk) if step is PUT_BACK and chunk is not None else ""
        if not _is_of_script(request):
            for text, level in ((trouble, messages.ERROR), (remark, messages.WARNING)):
                if text:
                    self.message_user(request, text, level)
            return HttpResponseRedirect(self.page_address(action))
        left = action.total - action.handled if action.is_live else 0
        pace = pace_of(action.handled - handled, monotonic() - began, left, stepping.now_of(action))
        # What is done in chunks goes on until it has ended: whoever has asked for one of them has asked for all.
        step_next = PUT_BACK if step is PUT_BACK and chunk is not None and not chunk.ended else STEP
        return self._parts(request, action, step_next=step_next, trouble=trouble, remark=remark or pace)

    def _parts(self, request: HttpRequest, action: BulkAction, **context: Any) -> HttpResponse:
        setattr(request, "current_app", self.admin_site.name)  # noqa: B010 - for the URLs of the template
        template = "job_retry/admin/dead_letters/bulk_action_parts.html"
        return TemplateResponse(request, template, self._context(request, action, **context))

    def _context(
        self, request: HttpRequest, action: BulkAction, step_next: Step | None = None, **more: Any
    ) -> dict[str, Any]:
        """Return what the page shows; its script goes on with ``step_next``, where that is offered."""
        may_act = allowed(request, PERMISSION_OF_KIND[action.kind])
        requeued = action.letters.filter(state=DeadLetter.State.REQUEUED).count() if may_act else 0
        offered = [step for step in STEPS if may_act and step.offered(action, requeued)]
        buttons = [self._button(action, step, is_next=step is step_next) for step in offered]
        is_followed = goes_on(action)
        if is_followed and step_next not in offered:
            buttons.append(
                {
                    "method": "get",
                    "url": self.page_address(action),
                    "label": gettext("Refresh"),
                    "after": REFRESH_SECONDS * 1000,
                    "is_in_chunks": False,
                }
            )
        return {
            "action": action,
            "status": status_of(action),
            "bar": bar_of(action),
            "figures": figures_of(action),
            "skipped": most_first(action.skipped),
            "about": about(action),
            "buttons": buttons,
            "buttons_version": " ".join([action.state, *(f"{each['url']} {each['after']}" for each in buttons)]),
            "is_followed": is_followed,
            "refresh_seconds": REFRESH_SECONDS,
            "database": action._state.db if len(databases()) > 1 else "",
            "history_url": self.page_address(action, "history"),
            **more,
        }

    def _button(self, action: BulkAction, step: Step, *, is_next: bool) -> dict[str, Any]:
        return {
            "method": "post",
            "url": self.page_address(action, step.name),
            "label": step.label,
            "after": 0 if is_next else None,
            "is_in_chunks": step.is_in_chunks,
        }


def _is_of_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def _database(request: HttpRequest) -> str:
    try:
        return database_of(request.GET)
    except ValueError as error:
        raise Http404(str(error)) from error
