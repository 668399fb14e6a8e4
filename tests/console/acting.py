"""Doing something with dead letters through the pages of the console, as a browser would."""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from job_retry.django.history.models import BulkAction, DeadLetter

if TYPE_CHECKING:
    from django.test import Client

ACT = "/job_retry/deadletter/act/"
MARK = "/job_retry/deadletter/mark/"
JOBS = "/job_retry/deadletter/jobs/"
ACTIONS = "/job_retry/bulkaction/"

EVERYTHING = ("view_deadletter", "requeue_deadletter", "discard_deadletter", "mark_deadletter")
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
"""Headers of what the script of a progress page asks."""


class Forms(HTMLParser):
    """The forms of a page: each with its address, method, fields, and what their buttons would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append({**attributes, "fields": {}, "buttons": []})
        elif tag in ("input", "button", "textarea", "select") and self.forms:
            form = self.forms[-1]
            if tag == "button":
                form["buttons"].append(attributes)
            elif "name" in attributes and (attributes.get("type") != "checkbox" or "checked" in attributes):
                default = "on" if attributes.get("type") == "checkbox" else ""
                form["fields"][attributes["name"]] = attributes.get("value") or default


def forms_of(response: Any) -> list[dict[str, Any]]:
    return Forms(text_of(response)).forms


def text_of(response: Any) -> str:
    assert response.status_code == 200, (response.status_code, response.content[:500])
    return unescape(response.content.decode())


def ask(client: Client, act: str, selection: str = "", **more: Any) -> Any:
    """Press the button of an act; the answer is the page that asks."""
    return client.post(MARK if "mark" in act else ACT, {"act": act, "selection": selection, **more})


def confirm(client: Client, asked: Any, **filled_in: Any) -> Any:
    """Fill in the form of the page that asks, and send it."""
    (form,) = (each for each in forms_of(asked) if "act-form" in each.get("class", ""))
    fields = form["fields"]
    return client.post(MARK if "mark" in fields["act"] else ACT, {**fields, **filled_in})


def begun(client: Client, act: str, selection: str = "", **filled_in: Any) -> BulkAction:
    """Have an act done, and return the bulk action whose page it led to."""
    response = confirm(client, ask(client, act, selection), **filled_in)
    assert response.status_code == 302, text_of(response)
    action = BulkAction.objects.latest("pk")
    assert response["Location"] == f"{ACTIONS}{action.pk}/change/"
    return action


def post(client: Client, action: BulkAction, step: str, **options: Any) -> Any:
    """Press a button of an action's page."""
    return client.post(f"{ACTIONS}{action.pk}/{step}/", **options)


def buttons_of(response: Any) -> list[str]:
    """Return the last parts of the addresses to which the buttons of a progress page lead."""
    addresses = [form.get("action", "") for form in forms_of(response)]
    return [each.rstrip("/").rsplit("/", 1)[-1] for each in addresses if each.startswith(ACTIONS)]


def states() -> dict[str, int]:
    """Return how many letters there are in each state."""
    found: dict[str, int] = {}
    for state in DeadLetter.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
