"""What the pages of the console share: who may see them, their tabs, and how they are put together."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from job_retry.django.history.models import BulkAction, DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.functional import _StrPromise

    DeadLetterModelAdmin = admin.ModelAdmin[DeadLetter]
else:
    DeadLetterModelAdmin = admin.ModelAdmin


class ConsoleTab(NamedTuple):
    """A page that all others lead to."""

    key: str
    label: str | _StrPromise
    url_name: str
    """Behind ``job_retry_``."""
    model: type[Model]
    """People who may view its rows see the tab."""


TABS = (
    ConsoleTab("overview", _("Overview"), "deadletter_overview", DeadLetter),
    ConsoleTab("groups", _("Groups"), "deadletter_changelist", DeadLetter),
    ConsoleTab("jobs", _("Jobs"), "deadletter_jobs", DeadLetter),
    ConsoleTab("actions", _("Bulk actions"), "bulkaction_changelist", BulkAction),
)


class Console(DeadLetterModelAdmin):
    """The part of `DeadLetterAdmin` that each of its pages is built on; a page adds its URLs to `page_urls`."""

    def page_urls(self) -> list[URLPattern]:
        """Return the URLs of the console's own pages."""
        return []

    def get_urls(self) -> list[URLPattern]:
        """Return the console's pages, and those of any admin."""
        return [*self.page_urls(), *super().get_urls()]

    def page_url(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """Return the URL of a page for people who may view dead letters, named ``job_retry_deadletter_<name>``."""

        @wraps(view)
        def for_viewers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            self.refuse_strangers(request)
            return view(request, *args, **kwargs)

        return path(route, self.admin_site.admin_view(for_viewers), name=f"job_retry_deadletter_{name}")

    def refuse_strangers(self, request: HttpRequest) -> None:
        """Refuse people who may not view dead letters."""
        if not self.has_view_permission(request):
            raise PermissionDenied

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody adds a dead letter: a job dies."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody changes what has happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody deletes it here; ``prune_job_history`` does."""
        return False

    def refusal(self, request: HttpRequest, problem: str, *, tab: str) -> TemplateResponse:
        """Return the page that says why a query string cannot be answered."""
        page = self.page(request, "problem.html", _("Not shown"), tab=tab, problem=problem, path=request.path)
        page.status_code = HTTPStatus.BAD_REQUEST
        return page

    def link(self, url_name: str, *args: Any, query: str = "") -> str:
        """Return the address of a page of this admin site, such as ``job_retry_deadletter_jobs``."""
        address = reverse(f"admin:{url_name}", args=args, current_app=self.admin_site.name)
        return f"{address}?{query}" if query else address

    def page(
        self, request: HttpRequest, template: str, title: str | _StrPromise, *, tab: str = "", **context: Any
    ) -> TemplateResponse:
        """Return the page that ``template`` of ``job_retry/admin/dead_letters`` makes of ``context``."""
        return console_page(self, request, template, title, tab=tab, **context)


def console_page(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    template: str,
    title: str | _StrPromise,
    *,
    tab: str = "",
    **context: Any,
) -> TemplateResponse:
    """Return a page of the console, also of an admin beside that of dead letters; ``tab`` is the one that it is in."""
    site = model_admin.admin_site
    setattr(request, "current_app", site.name)  # noqa: B010 - for the URLs of the template
    return TemplateResponse(
        request,
        f"job_retry/admin/dead_letters/{template}",
        {
            **site.each_context(request),
            "title": title,
            "opts": model_admin.opts,
            "media": model_admin.media,
            "console_tabs": console_tabs(model_admin, request, tab),
            **context,
        },
    )


def console_tabs(model_admin: admin.ModelAdmin[Any], request: HttpRequest, chosen: str) -> list[dict[str, Any]]:
    """Return the tabs that lead to something on this site, for this user."""
    site = model_admin.admin_site
    return [
        {
            "label": tab.label,
            "url": reverse(f"admin:job_retry_{tab.url_name}", current_app=site.name),
            "is_chosen": tab.key == chosen,
        }
        for tab in TABS
        if site.is_registered(tab.model) and site.get_model_admin(tab.model).has_view_permission(request)
    ]
