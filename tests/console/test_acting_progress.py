"""The page of a bulk action: chunk after chunk, stop, go on, put back, and what the admin's log says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models.signals import pre_save
from job_retry.django.admin.dead_letters.progress import pace_of, status_of
from job_retry.django.dead_letters import bulk, canary
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction
from job_retry.django.times import current_moment

from tests.app.models import ContainerJob
from tests.console.acting import (
    ACTIONS,
    EVERYTHING,
    SCRIPT,
    ask,
    begun,
    buttons_of,
    confirm,
    forms_of,
    post,
    states,
    text_of,
)
from tests.dead_letters.support import ERROR, dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(person: Callable[..., Client]) -> Client:
    """The browser of somebody who may do everything with dead letters."""
    return person(*EVERYTHING)


@pytest.fixture
def other(operator: Client, person: Callable[..., Client]) -> Client:
    """The browser of somebody else who may."""
    return person(*EVERYTHING)


def page(client: Client, action: BulkAction, **options: Any) -> Any:
    return client.get(f"{ACTIONS}{action.pk}/change/", **options)


def said_of(action: BulkAction) -> list[str]:
    """Return what the history of an action says, the first entry first."""
    entries = LogEntry.objects.filter(content_type__model="bulkaction", object_id=action.pk).order_by("pk")
    return [entry.get_change_message() for entry in entries]


def said_of_jobs() -> dict[str, int]:
    """Return what the histories of jobs say, and of how many."""
    found: dict[str, int] = {}
    for message in LogEntry.objects.filter(content_type__model="containerjob").values_list("change_message", flat=True):
        found[message] = found.get(message, 0) + 1
    return found


def half_done(manager: JobQueueManager) -> BulkAction:
    """Return a requeue that `operator` has begun, in the middle of its letters."""
    dead(manager, 3)
    action = bulk.begin("default", Selection(), "requeue", by="user0", now=current_moment())
    bulk.step(action, current_moment(), chunk=1)
    return action


def test_thousands_of_letters_go_chunk_by_chunk_and_are_stopped_gone_on_with_and_put_back(
    manager: JobQueueManager, operator: Client
) -> None:
    dead(manager, 2500)
    action = begun(operator, "requeue")
    assert states() == {"open": 2500}
    shown = page(operator, action)
    assert buttons_of(shown) == ["step", "stop"]
    (step, _stop) = (form for form in forms_of(shown) if form["action"].startswith(ACTIONS))
    assert (step["method"], step["data-after"]) == ("post", "0")
    assert {"data-next", "data-chunks"} <= step.keys()

    parts = text_of(post(operator, action, "step", headers=SCRIPT))
    done = states()["requeued"]
    assert 0 < done <= bulk.CHUNK_LETTERS  # fewer where a statement takes few parameters
    assert f"Running: {done // 250 * 10} %." in parts
    assert f"{done} of 2500 letters" in parts
    assert "a second, done" in parts
    assert "data-next" in parts
    assert "<html" not in parts

    assert post(operator, action, "stop")["Location"] == f"{ACTIONS}{action.pk}/change/"
    text = text_of(page(operator, action))
    assert f"Stopped: by user0. Until then: {done} requeued." in text
    assert "data-next" not in text
    post(operator, action, "step")
    assert states() == {"open": 2500 - done, "requeued": done}
    assert buttons_of(page(operator, action)) == ["go_on", "put_back"]

    assert "data-next" in text_of(post(operator, action, "go_on", headers=SCRIPT))
    assert states() == {"open": 2500 - done, "requeued": done}
    while buttons_of(page(operator, action))[0] == "step":
        assert post(operator, action, "step").status_code == 302
    assert states() == {"requeued": 2500}
    text = text_of(page(operator, action))
    assert "Done: 2500 requeued." in text
    assert buttons_of(page(operator, action)) == ["put_back"]

    first = list(ContainerJob.objects.order_by("pk").values_list("pk", flat=True)[:3])
    ContainerJob.objects.filter(pk__in=first).update(
        status="launching", claim_token=UUID(int=1), claimed_by="host:1", attempt_serial=4
    )
    parts = text_of(post(operator, action, "put_back", headers=SCRIPT))
    put_back = states()["open"]
    assert 0 < put_back < 1000
    assert "3 not put back: the job is launching." in parts
    while "data-next" in parts:
        parts = text_of(post(operator, action, "put_back", headers=SCRIPT))
    assert states() == {"open": 2497, "requeued": 3}
    assert ContainerJob.objects.filter(status="failed", last_error=ERROR).count() == 2497

    said = said_of(action)
    assert said[:5] == [
        "Begun: Requeue now, 2500 of: open dead letters.",
        f"Stopped: {done} requeued.",
        f"Goes on: {done} requeued.",
        "Ended: 2500 requeued.",
        f"Put back: 2500 requeued, {put_back} put back.",
    ]
    assert said[-1] == "Put back: 2500 requeued, 2497 put back."
    assert said_of_jobs() == {
        f"Requeued by bulk action {action.pk}.": 2500,
        f"Put back by bulk action {action.pk}.": 2497,
    }


def test_a_page_goes_on_by_itself_only_for_whoever_has_begun(
    manager: JobQueueManager, operator: Client, other: Client, viewer: Client
) -> None:
    action = half_done(manager)
    assert 'data-after="0"' in text_of(page(operator, action))
    for client, expected in ((other, ["step", "stop", "change"]), (viewer, ["change"])):
        shown = page(client, action)
        assert buttons_of(shown) == expected
        *_others, refresh = (form for form in forms_of(shown) if form["action"].startswith(ACTIONS))
        assert (refresh["method"], refresh["data-after"]) == ("get", "5000")
        assert [form["action"] for form in forms_of(shown) if "data-next" in form] == [refresh["action"]]
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text_of(shown)
    post(other, action, "stop")
    assert 'data-after="0"' in text_of(post(other, action, "go_on", headers=SCRIPT))


def test_the_script_asks_for_parts_of_the_page(manager: JobQueueManager, operator: Client) -> None:
    action = half_done(manager)
    whole, parts = text_of(page(operator, action)), text_of(page(operator, action, headers=SCRIPT))
    assert "/static/job_retry/bulk_action.js" in whole
    assert "<html" not in parts
    for name in ("status", "trouble", "bar", "figures", "buttons"):
        assert whole.count(f'data-part="{name}"') == parts.count(f'data-part="{name}"') == 1
    assert "<script>" not in whole
    assert "style=" not in parts


def test_a_discard_cannot_be_put_back(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 2)
    action = begun(operator, "discard", note="<b>no use</b>")
    shown = page(operator, action)
    assert buttons_of(shown) == []
    assert "&lt;b&gt;no use&lt;/b&gt;" in shown.content.decode()
    assert "Done: 2 discarded." in text_of(shown)
    assert said_of(action) == ["Begun: Discard, 2 of: open dead letters.", "Ended: 2 discarded."]
    assert said_of_jobs() == {f"Discarded by bulk action {action.pk}.": 2}
    post(operator, action, "put_back")
    assert states() == {"discarded": 2}


def test_why_letters_were_skipped_is_shown(manager: JobQueueManager, operator: Client) -> None:
    letters = dead(manager, 3)
    ContainerJob.objects.filter(pk=letters[0].job_key).delete()
    action = begun(operator, "requeue")
    text = text_of(page(operator, action))
    assert "Done: 2 requeued, 1 skipped (1 the job is gone)." in text
    assert "Skipped: the job is gone" in text


def test_steps_that_cannot_be_are_said(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 2)
    done = begun(operator, "requeue")
    dead(manager, 2)
    redrive = begun(operator, "canary", canary_size="1", rate_per_minute="60")
    for action, step, said in (
        (done, "go_on", "is done and cannot go on"),
        (redrive, "go_on", "is running and cannot go on"),
        (redrive, "step", "the workers of its queue go on with it"),
    ):
        assert said in text_of(post(operator, action, step, headers=SCRIPT))
        response = post(operator, action, step)
        assert response.status_code == 302
        assert said in text_of(operator.get(response["Location"]))
    assert states() == {"requeued": 2, "open": 2}
    post(operator, done, "step")
    post(operator, done, "stop")
    assert said_of(done) == ["Begun: Requeue now, 2 of: open dead letters.", "Ended: 2 requeued."]


def test_an_action_that_is_not_there_is_not_found(manager: JobQueueManager, operator: Client) -> None:
    for step in ("step", "stop", "go_on", "put_back"):
        assert operator.post(f"{ACTIONS}4711/{step}/").status_code == 404
    for key in ("4711", "x"):
        assert operator.get(f"{ACTIONS}{key}/change/").status_code == 404


def test_a_canary_redrive_shows_what_has_become_of_its_canaries(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 6)
    action = begun(operator, "canary", canary_size="3", rate_per_minute="60")
    assert buttons_of(page(operator, action)) == ["stop", "change"]
    canary.step_all(manager, current_moment())
    passed, failed, _waiting = ContainerJob.objects.filter(status="queued").order_by("pk")
    manager.launch_job_with_retry(passed)
    manager.complete(passed)
    manager.launch_job_with_retry(failed)
    manager.fail(failed, ERROR)
    text = " ".join(text_of(page(operator, action)).split())
    for label in ("Canaries passed", "Canaries failed as before", "Canaries under way"):
        assert f'<th scope="row">{label}</th><td>1</td>' in text
    canary.step_all(manager, current_moment())
    text = text_of(page(operator, action))
    assert "Stopped: the error has come back, at job" in text
    assert said_of(action) == ["Begun: Canary redrive, 6 of: open dead letters."]
    assert "change" not in buttons_of(page(operator, action))
    BulkAction.objects.update(ended_at=None)  # as long as the worker puts back
    assert "change" in buttons_of(page(operator, action))


def test_a_canary_redrive_is_stopped_and_put_back_by_hand(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 4)
    action = begun(operator, "canary", canary_size="2", rate_per_minute="60")
    canary.step_all(manager, current_moment())
    canary.step_all(manager, current_moment())
    assert "The canaries are requeued; waiting for what becomes of them." in text_of(page(operator, action))
    assert states() == {"requeued": 2, "open": 2}
    post(operator, action, "stop")
    assert buttons_of(page(operator, action)) == ["put_back"]
    post(operator, action, "put_back")
    assert states() == {"open": 4}
    assert said_of(action)[1:] == ["Stopped: 2 requeued.", "Put back: 2 requeued, 2 put back."]


def test_a_chunk_that_cannot_be_logged_is_not_done(manager: JobQueueManager, operator: Client) -> None:
    def refuse(instance: LogEntry, **_kwargs: object) -> None:
        if instance.change_message.startswith("Ended"):
            raise OSError("the log is full")

    dead(manager, 2)
    asked = ask(operator, "requeue")
    pre_save.connect(refuse, sender=LogEntry)
    try:
        with pytest.raises(OSError, match="the log is full"):
            confirm(operator, asked)
    finally:
        pre_save.disconnect(refuse, sender=LogEntry)
    action = BulkAction.objects.get()
    assert states() == {"open": 2}
    assert not said_of_jobs()
    assert (action.state, action.done) == ("running", 0)
    post(operator, action, "step")
    assert states() == {"requeued": 2}


def test_the_list_says_what_was_done_by_whom(manager: JobQueueManager, operator: Client, viewer: Client) -> None:
    (letter, *_others) = dead(manager, 3)
    action = begun(operator, "requeue", urlencode({"fingerprint": letter.fingerprint, "rule": letter.rule}))
    text = text_of(viewer.get(ACTIONS))
    assert f'<a href="{ACTIONS}{action.pk}/change/">Requeue {action.pk}</a>' in text
    assert f"open dead letters, group {letter.fingerprint[:12]}, rule {letter.rule}" in text
    assert "user0" in text
    assert viewer.get(f"{ACTIONS}{action.pk}/history/").status_code == 200
    for path in ("add/", f"{action.pk}/delete/"):
        assert viewer.get(ACTIONS + path).status_code == 403
        assert operator.post(ACTIONS + path, {"post": "yes"}).status_code == 403
    assert operator.post(f"{ACTIONS}{action.pk}/change/", {"state": "running"}).status_code == 405


@pytest.mark.parametrize(
    ("letters", "seconds", "left", "said"),
    [
        (1000, 0.5, 3000, "2000 a second, done in 2 seconds"),
        (10, 20.0, 600, "1 a second, done in 20 minutes"),
        (1000, 0.5, 0, ""),
        (0, 0.5, 100, ""),
        (100, 0.0, 100, ""),
    ],
)
def test_the_pace_tells_when_the_rest_is_done(letters: int, seconds: float, left: int, said: str) -> None:
    assert pace_of(letters, seconds, left, current_moment()).replace("\xa0", " ") == said


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"state": "running", "done": 0}, "Running: 0 %."),
        ({"state": "running", "done": 59}, "Running: 50 %."),
        ({"state": "running", "done": 40, "skipped": {"gone": 20}}, "Running: 60 %."),
        ({"state": "stopped", "done": 7, "stopped_because": "by ann"}, "Stopped: by ann. Until then: 7 requeued."),
        ({"state": "done", "done": 90, "put_back": 3}, "Done: 90 requeued, 3 put back."),
    ],
)
def test_where_an_action_stands_is_one_sentence(columns: dict[str, Any], said: str) -> None:
    assert status_of(BulkAction(kind="requeue", total=100, **columns)) == said
