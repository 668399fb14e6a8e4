"""Acts on dead letters: what is shown before, what is asked, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from job_retry.django.admin.dead_letters.acts import ACTS
from job_retry.django.history.models import BulkAction, DeadLetter, GroupMark

from tests.app.models import ContainerJob, ReportJob
from tests.console.acting import ACT, EVERYTHING, JOBS, MARK, ask, begun, confirm, forms_of, states, text_of
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

pytestmark = pytest.mark.django_db

OTHER_ERROR = "no such image: <script>alert(1)</script>"


@pytest.fixture
def operator(person: Callable[..., Client]) -> Client:
    """The browser of somebody who may do everything with dead letters."""
    return person(*EVERYTHING)


def jobs(**conditions: Any) -> int:
    return ContainerJob.objects.filter(**conditions).count()


def test_each_named_act_is_one_click_away(manager: JobQueueManager, operator: Client) -> None:
    (letter,) = dead(manager, 1)
    for page in (JOBS, f"/job_retry/deadletter/{letter.pk}/change/"):
        (form,) = (each for each in forms_of(operator.get(page)) if each.get("id") == "dead-letter-actions")
        assert form["fields"].keys() == {"csrfmiddlewaretoken", "selection"}
        for act, button in zip(ACTS, form["buttons"], strict=True):
            assert (button["name"], button["value"]) == ("act", act.name)
            asked = operator.post(button["formaction"], {"act": act.name, **form["fields"]})
            assert str(act.question) in text_of(asked)
    assert states() == {"open": 1}
    assert not BulkAction.objects.exists()


def test_nothing_is_offered_where_there_is_nothing_to_do_it_to(manager: JobQueueManager, operator: Client) -> None:
    assert "dead-letter-actions" not in text_of(operator.get(JOBS))
    (letter,) = dead(manager, 1, state="discarded")
    assert "dead-letter-actions" not in text_of(operator.get(f"/job_retry/deadletter/{letter.pk}/change/"))
    (form,) = (each for each in forms_of(operator.get(f"{JOBS}?state=")) if each.get("id") == "dead-letter-actions")
    assert len(form["buttons"]) == len(ACTS)
    settled = forms_of(operator.get(f"{JOBS}?state=discarded"))
    (form,) = (each for each in settled if each.get("id") == "dead-letter-actions")
    assert [button["value"] for button in form["buttons"]] == ["mark_known", "mark_resolved", "unmark"]


def test_what_will_be_touched_is_shown_before_anything_is_done(
    manager: JobQueueManager, reports: JobQueueManager, operator: Client
) -> None:
    dead(manager, 3)
    dead(reports, 2, OTHER_ERROR)
    ContainerJob.objects.filter(pk=ContainerJob.objects.latest("pk").pk).delete()
    asked = ask(operator, "requeue")
    raw = asked.content.decode()
    assert "<script>alert" not in raw
    assert "no such image: &lt;script&gt;" in raw
    text = text_of(asked)
    for words in (
        "5 dead letters",
        "Open dead letters.",
        "dial tcp 10.0.0.7:5432: connection refused",
        "Container job (3), Report job (2).",
        "These will be skipped:",
        "1: the job is gone",
    ):
        assert words in text
    assert states() == {"open": 5}
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("act", "filled_in", "expected"),
    [
        ("requeue", {}, {"retry_count": 3}),
        ("requeue_afresh", {}, {"retry_count": 0}),
        (
            "requeue_otherwise",
            {"strategy": "aggressive", "priority": "70"},
            {"retry_strategy": "aggressive", "priority": 70},
        ),
        ("requeue", {"fresh_count": "on", "priority": "0"}, {"retry_count": 0, "priority": 0}),
    ],
)
def test_a_requeue_is_done_at_once_where_few_are_meant(
    manager: JobQueueManager, operator: Client, act: str, filled_in: dict[str, str], expected: dict[str, Any]
) -> None:
    dead(manager, 3)
    action = begun(operator, act, **filled_in)
    assert (action.state, action.done, action.total) == ("done", 3, 3)
    assert jobs(status="queued", scheduled_for=None, **expected) == 3
    assert states() == {"requeued": 3}
    assert set(DeadLetter.objects.values_list("settled_by", flat=True)) == {"user0"}


def test_a_requeue_can_be_spread_over_time(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 4)
    asked = ask(operator, "requeue_spread")
    (form,) = (each for each in forms_of(asked) if each.get("class") == "act-form")
    assert form["fields"]["spread_minutes"] == "30"
    confirm(operator, asked, spread_minutes="8")
    action = BulkAction.objects.get()
    assert action.spread_seconds == 480
    due = sorted(ContainerJob.objects.values_list("scheduled_for", flat=True))
    assert [(each - due[0]).total_seconds() for each in due] == [0, 120, 240, 360]


def test_a_canary_redrive_is_left_to_the_worker(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 4)
    asked = ask(operator, "canary")
    assert "As soon as one fails with the same fingerprint as before" in text_of(asked)
    action = begun(operator, "canary", canary_size="2", rate_per_minute="30")
    assert (action.kind, action.state, action.done) == ("canary", "running", 0)
    assert (action.canary_size, action.rate_per_minute) == (2, 30)
    assert states() == {"open": 4}


def test_a_discard_needs_a_reason(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 2)
    asked = ask(operator, "discard")
    assert "This cannot be undone" in text_of(asked)
    refused = confirm(operator, asked, note="  ")
    assert "This field is required." in text_of(refused)
    assert states() == {"open": 2}
    assert confirm(operator, refused, note="the images are gone").status_code == 302
    assert states() == {"discarded": 2}
    assert jobs(status="cancelled") == 2
    assert set(DeadLetter.objects.values_list("note", "settled_by")) == {("the images are gone", "user0")}


@pytest.mark.parametrize(
    ("act", "filled_in", "said"),
    [
        ("requeue", {"priority": "101"}, "less than or equal to 100"),
        ("requeue", {"strategy": "no such"}, "no such is not one of the available choices"),
        ("requeue_spread", {"spread_minutes": "-1"}, "greater than or equal to 0"),
        ("requeue_spread", {"spread_minutes": "nan"}, "Enter a number"),
        ("canary", {"canary_size": "0"}, "greater than or equal to 1"),
        ("canary", {"rate_per_minute": ""}, "This field is required"),
    ],
)
def test_what_is_filled_in_wrongly_is_said_and_nothing_is_done(
    manager: JobQueueManager, operator: Client, act: str, filled_in: dict[str, str], said: str
) -> None:
    dead(manager, 1)
    response = confirm(operator, ask(operator, act), **filled_in)
    assert said in text_of(response)
    assert states() == {"open": 1}
    assert not BulkAction.objects.exists()


def test_a_canary_redrive_of_two_models_is_refused_in_words(
    manager: JobQueueManager, reports: JobQueueManager, operator: Client
) -> None:
    dead(manager, 1)
    dead(reports, 1)
    response = confirm(operator, ask(operator, "canary"))
    assert "choose one of app.containerjob, app.reportjob" in text_of(response)
    assert begun(operator, "canary", "model=app.reportjob").total == 1


def test_only_the_ticked_ones_are_meant(manager: JobQueueManager, operator: Client) -> None:
    letters = dead(manager, 5)
    ticked = [letters[1].pk, letters[3].pk]
    asked = ask(operator, "requeue", "verdict=transient", letter=ticked)
    assert "2 dead letters" in text_of(asked)
    assert "2 chosen one by one, verdict Transient" in text_of(asked)
    confirm(operator, asked)
    assert set(DeadLetter.objects.filter(state="requeued").values_list("pk", flat=True)) == set(ticked)


def test_all_that_match_are_meant_and_no_others(
    manager: JobQueueManager, reports: JobQueueManager, operator: Client
) -> None:
    dead(manager, 3, job={"image": "alpine"})
    dead(manager, 2)
    dead(reports, 2)
    action = begun(operator, "requeue", "field.image=alpine")
    assert action.total == 3
    assert jobs(status="queued", image="alpine") == 3
    assert states() == {"requeued": 3, "open": 4}


def test_a_group_is_meant(manager: JobQueueManager, operator: Client) -> None:
    (first, *_others) = dead(manager, 3)
    dead(manager, 2, OTHER_ERROR)
    begun(operator, "requeue", f"fingerprint={first.fingerprint}")
    assert jobs(status="queued", pk__lte=3 + ContainerJob.objects.earliest("pk").pk - 1) == 3
    assert states() == {"requeued": 3, "open": 2}


def test_a_letter_that_came_after_the_question_is_left_alone(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 2)
    asked = ask(operator, "discard")
    (late,) = dead(manager, 1)
    confirm(operator, asked, note="seen")
    assert BulkAction.objects.get().total == 2
    late.refresh_from_db()
    assert late.state == "open"


def test_a_job_that_is_not_failed_any_more_is_skipped_and_counted(manager: JobQueueManager, operator: Client) -> None:
    letters = dead(manager, 3)
    ContainerJob.objects.filter(pk=letters[0].job_key).update(status="completed", failed_at=None)
    action = begun(operator, "requeue")
    assert (action.state, action.done, action.skipped) == ("done", 2, {"the job is completed": 1})


def test_nothing_left_to_do_is_said(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 1)
    asked = ask(operator, "requeue")
    assert confirm(operator, asked).status_code == 302
    response = confirm(operator, asked)
    assert "0 dead letters" in text_of(response)
    assert BulkAction.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"act": "requeue", "selection": "field.command=x&model=app.containerjob"}, "does not name command"),
        ({"act": "requeue", "selection": "died_from=yesterday"}, "died_from is 'yesterday'"),
        ({"act": "requeue", "selection": "state=discarded"}, "Only open dead letters"),
        ({"act": "requeue", "selection": "", "letter": "1 or 1=1"}, "no key of a dead letter"),
        ({"act": "requeue", "selection": "database=elsewhere"}, "which no queue is in"),
    ],
)
def test_a_selection_that_cannot_be_is_named(
    manager: JobQueueManager, operator: Client, data: dict[str, str], said: str
) -> None:
    dead(manager, 1)
    response = operator.post(ACT, data)
    assert response.status_code == 400
    assert said in response.content.decode().replace("&#x27;", "'")
    assert states() == {"open": 1}


@pytest.mark.parametrize("name", ["", "explode", "REQUEUE"])
def test_an_act_that_is_none_is_refused(manager: JobQueueManager, operator: Client, name: str) -> None:
    assert operator.post(ACT, {"act": name}).status_code == 400


def test_jobs_with_keys_that_are_texts_are_requeued_too(reports: JobQueueManager, operator: Client) -> None:
    dead(reports, 2)
    begun(operator, "requeue")
    assert ReportJob.objects.filter(status="queued").count() == 2
    job = ReportJob.objects.earliest("pk")
    entries = LogEntry.objects.filter(content_type__model="reportjob", object_id=job.pk)
    assert [entry.get_change_message() for entry in entries] == [
        f"Requeued by bulk action {BulkAction.objects.get().pk}."
    ]


@pytest.mark.parametrize(("act", "state"), [("mark_known", "known"), ("mark_resolved", "resolved")])
def test_a_group_is_marked_and_unmarked(manager: JobQueueManager, operator: Client, act: str, state: str) -> None:
    (letter,) = dead(manager, 1)
    dead(manager, 1, OTHER_ERROR)
    selection = urlencode({"fingerprint": letter.fingerprint})
    asked = ask(operator, act, selection)
    assert "1 dead letter" in text_of(asked)
    response = confirm(operator, asked, note="disk of <b>host 7</b>")
    assert response["Location"] == f"{JOBS}?{selection}"
    assert [str(message) for message in get_messages(response.wsgi_request)] == ["1 group marked."]
    (mark,) = GroupMark.objects.all()
    assert (mark.fingerprint, mark.state, mark.note) == (letter.fingerprint, state, "disk of <b>host 7</b>")
    assert mark.marked_by == "user0"
    assert mark.marked_at >= letter.died_at
    groups = operator.get(f"/job_retry/deadletter/?tab={state}")
    assert "disk of &lt;b&gt;host 7&lt;/b&gt;" in groups.content.decode()
    response = confirm(operator, ask(operator, "unmark", selection))
    assert not GroupMark.objects.exists()
    entries = LogEntry.objects.filter(content_type__model="groupmark", object_id=mark.pk).order_by("pk")
    assert [entry.get_change_message() for entry in entries] == [
        f"Marked as {state}. disk of <b>host 7</b>",
        "Mark removed.",
    ]
    assert states() == {"open": 2}


def test_all_groups_of_a_selection_are_marked_anew(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 3, lambda number: f"error {'abc'[number]} of its own kind")
    groups = set(DeadLetter.objects.values_list("fingerprint", flat=True))
    assert len(groups) == 3
    confirm(operator, ask(operator, "mark_known"), note="before")
    confirm(operator, ask(operator, "mark_resolved"))
    assert set(GroupMark.objects.values_list("fingerprint", "state", "note")) == {
        (group, "resolved", "") for group in groups
    }
    assert LogEntry.objects.filter(content_type__model="groupmark").count() == 6


def test_get_changes_nothing(manager: JobQueueManager, operator: Client) -> None:
    dead(manager, 1)
    for url in (ACT, MARK):
        for act in ACTS:
            query = {"act": act.name, "selection": "", "confirmed": "99999", "note": "x"}
            assert operator.get(url, query).status_code == 405
    assert states() == {"open": 1}
    assert not BulkAction.objects.exists()
