"""Who may do what with dead letters: each address with each permission missing, and without a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from job_retry.django.admin.dead_letters.acts import ACTS
from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter, GroupMark
from job_retry.django.times import current_moment

from tests.console.acting import ACT, ACTIONS, EVERYTHING, JOBS, MARK, buttons_of, forms_of
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from job_retry.django.queue import JobQueueManager

pytestmark = pytest.mark.django_db


class Forged(NamedTuple):
    """A request that somebody sends without having seen a button for it."""

    url: str
    needed: str
    """The permission, besides that to view."""
    data: dict[str, str]


FILLED_IN = {"selection": "", "confirmed": "999999", "note": "x", "canary_size": "1", "rate_per_minute": "60"}
ON_LETTERS = [
    Forged(ACT if act.kind else MARK, f"{act.permission}_deadletter", {"act": act.name, **FILLED_IN}) for act in ACTS
]
# Also an act of the other address.
ON_LETTERS += [
    Forged(MARK if act.kind else ACT, f"{act.permission}_deadletter", {"act": act.name, **FILLED_IN}) for act in ACTS
]
STEPS = ("step", "stop", "go_on", "put_back")
KINDS = {"requeue": "requeue_deadletter", "canary": "requeue_deadletter", "discard": "discard_deadletter"}
OPTIONS: dict[str, dict[str, Any]] = {
    "requeue": {},
    "canary": {"canary_size": 1, "rate_per_minute": 1.0},
    "discard": {"note": "x"},
}


def everything() -> list[dict[str, Any]]:
    """Return all rows that a request could change."""
    return [row for model in (DeadLetter, BulkAction, GroupMark, LogEntry) for row in model.objects.values()]


def all_but(needed: str) -> list[str]:
    return [name for name in EVERYTHING if name != needed]


@pytest.mark.parametrize("missing", ["needed", "view_deadletter"])
def test_a_forged_act_is_refused(manager: JobQueueManager, person: Callable[..., Client], missing: str) -> None:
    dead(manager, 2)
    before = everything()
    for forged in ON_LETTERS:
        client = person(*all_but(forged.needed if missing == "needed" else missing))
        for data in (forged.data, {**forged.data, "confirmed": ""}):
            assert client.post(forged.url, data).status_code == 403, forged
        assert client.get(forged.url, forged.data).status_code in (403, 405), forged
    assert everything() == before


@pytest.mark.parametrize("missing", ["needed", "view_deadletter"])
def test_a_forged_step_is_refused(manager: JobQueueManager, person: Callable[..., Client], missing: str) -> None:
    dead(manager, 2)
    actions = {
        kind: bulk.begin("default", Selection(), kind, by="ann", now=current_moment(), **OPTIONS[kind])
        for kind in KINDS
    }
    before = everything()
    for kind, needed in KINDS.items():
        client = person(*all_but(needed if missing == "needed" else missing))
        for step in STEPS:
            assert client.post(f"{ACTIONS}{actions[kind].pk}/{step}/").status_code == 403, (kind, step)
    assert everything() == before


@pytest.mark.parametrize(("kind", "needed"), KINDS.items())
def test_a_step_takes_the_permission_of_its_kind_and_a_post(
    manager: JobQueueManager, person: Callable[..., Client], kind: str, needed: str
) -> None:
    dead(manager, 1)
    action = bulk.begin("default", Selection(), kind, by="ann", now=current_moment(), **OPTIONS[kind])
    client = person("view_deadletter", needed)
    before = everything()
    for step in STEPS:
        assert client.get(f"{ACTIONS}{action.pk}/{step}/").status_code == 405
    assert everything() == before
    assert client.post(f"{ACTIONS}{action.pk}/stop/").status_code == 302
    action.refresh_from_db()
    assert (action.state, action.stopped_because) == ("stopped", "by user0")


@pytest.mark.parametrize(
    ("permission", "offered"),
    [
        ("requeue_deadletter", ["requeue", "requeue_spread", "requeue_afresh", "requeue_otherwise", "canary"]),
        ("discard_deadletter", ["discard"]),
        ("mark_deadletter", ["mark_known", "mark_resolved", "unmark"]),
    ],
)
def test_buttons_are_those_of_the_permissions(
    manager: JobQueueManager, person: Callable[..., Client], permission: str, offered: list[str]
) -> None:
    dead(manager, 1)
    shown = forms_of(person("view_deadletter", permission).get(JOBS))
    (form,) = (each for each in shown if each.get("id") == "dead-letter-actions")
    assert [button["value"] for button in form["buttons"]] == offered


def test_a_viewer_sees_no_button(manager: JobQueueManager, viewer: Client) -> None:
    (letter,) = dead(manager, 1)
    action = bulk.begin("default", Selection(), "requeue", by="user0", now=current_moment())
    for page in (JOBS, f"/job_retry/deadletter/{letter.pk}/change/"):
        shown = viewer.get(page)
        assert "dead-letter-actions" not in shown.content.decode()
        assert 'name="letter"' not in shown.content.decode()
    assert buttons_of(viewer.get(f"{ACTIONS}{action.pk}/change/")) == ["change"]  # it looks again


def test_strangers_are_asked_to_log_in_or_refused(manager: JobQueueManager, person: Callable[..., Client]) -> None:
    dead(manager, 1)
    action = bulk.begin("default", Selection(), "requeue", by="ann", now=current_moment())
    urls = [ACT, MARK, *(f"{ACTIONS}{action.pk}/{step}/" for step in STEPS)]
    before = everything()
    for url in urls:
        response = Client().post(url, {"act": "requeue"})
        assert (response.status_code, response["Location"].split("?")[0]) == (302, "/login/")
        assert person().post(url, {"act": "requeue"}).status_code == 403
    for url in (ACTIONS, f"{ACTIONS}{action.pk}/change/", f"{ACTIONS}{action.pk}/history/"):
        assert person().get(url).status_code == 403
    assert everything() == before


def test_each_post_needs_a_token(manager: JobQueueManager, person: Callable[..., Client]) -> None:
    dead(manager, 1)
    action = bulk.begin("default", Selection(), "requeue", by="ann", now=current_moment())
    client = Client(enforce_csrf_checks=True)
    client.cookies = person(*EVERYTHING).cookies
    before = everything()
    for url in (ACT, MARK, *(f"{ACTIONS}{action.pk}/{step}/" for step in STEPS)):
        for act in ACTS:
            assert client.post(url, {"act": act.name, **FILLED_IN}).status_code == 403
    assert everything() == before
    (form,) = (each for each in forms_of(client.get(JOBS)) if each.get("id") == "dead-letter-actions")
    assert client.post(ACT, {"act": "requeue", **form["fields"]}).status_code == 200
