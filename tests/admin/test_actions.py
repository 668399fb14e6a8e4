"""Actions on selected jobs: what they do, what they say, and who may."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from job_retry.django import signals
from job_retry.django.admin import RetryableJobAdmin, actions, listing

from tests.admin.conftest import LIST, NOON, job_in, page
from tests.app.models import ContainerJob
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.test import Client
    from job_retry.django.queue import JobQueueManager

EVERYTHING = {"queue_jobs", "retry_jobs", "retry_jobs_afresh", "cancel_jobs", "release_claims"}


def act(client: Client, action: str, jobs: Sequence[ContainerJob], query: str = "", **data: Any) -> Any:
    data = {"action": action, "_selected_action": [job.pk for job in jobs], **data}
    return client.post(LIST + query, data)


def confirm(client: Client, response: Any, query: str = "") -> Any:
    """Send the form of a confirmation page as the browser would."""
    html = response.content.decode()
    fields = {
        name: value.replace("&quot;", '"')
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', html)
    }
    assert fields.keys() > {"action", "_selected_action"}
    return client.post(LIST + query, fields)


def said(response: Any) -> tuple[str, str]:
    """Return the level and the text of the one message."""
    assert response.status_code == 302
    (message,) = get_messages(response.wsgi_request)
    return message.level_tag, str(message)


def states() -> dict[str, str]:
    return dict(ContainerJob.objects.values_list("name", "status"))


def test_queue_puts_pending_jobs_into_the_queue(manager: JobQueueManager, operator: Client) -> None:
    jobs = [job_in("pending", name=name) for name in ("first", "second")]
    assert said(act(operator, "queue_jobs", jobs)) == ("success", "2 jobs queued.")
    for job in ContainerJob.objects.all():
        assert (job.status, job.queued_at, job.scheduled_for) == ("queued", NOON, None)
    assert {job.pk for job in manager.get_ready_jobs()} == {job.pk for job in jobs}
    assert {entry.get_change_message() for entry in LogEntry.objects.all()} == {"Queued by hand."}


def test_what_cannot_be_queued_is_skipped_and_named(manager: JobQueueManager, operator: Client) -> None:
    pending, queued, failed, completed = (job_in(status) for status in ("pending", "queued", "failed", "completed"))
    level, text = said(act(operator, "queue_jobs", [pending, queued, failed, completed]))
    assert level == "warning"
    assert text.startswith("1 job queued, 3 skipped: ")
    for reason in (
        f"Job {queued.pk} is already queued ({queued.pk})",
        f"Cannot queue failed job {failed.pk}; use retry_failed_job ({failed.pk})",
        f"Cannot queue completed job {completed.pk} ({completed.pk})",
    ):
        assert reason in text
    assert states() == {"pending": "queued", "queued": "queued", "failed": "failed", "completed": "completed"}


def test_a_job_added_here_can_be_queued_here(manager: JobQueueManager, operator: Client) -> None:
    new = {"name": "new", "image": "x", "command": "y", "priority": "50", "_continue": "1"}
    shown = operator.post(f"{LIST}add/", new, follow=True).content.decode()
    assert '<button type="submit" name="action" value="queue_jobs"' in shown
    job = ContainerJob.objects.get(name="new")
    response = act(operator, "queue_jobs", [job], from_page=str(job.pk))
    assert response["Location"] == page(job)
    assert said(response) == ("success", "1 job queued.")
    assert states() == {"new": "queued"}


@pytest.mark.parametrize(("action", "count"), [("retry_jobs", 3), ("retry_jobs_afresh", 0)])
def test_retry_queues_dead_letters_and_waiting_retries(
    manager: JobQueueManager, operator: Client, action: str, count: int
) -> None:
    jobs = [job_in("failed", retry_count=3), job_in("retrying", retry_count=3)]
    level, text = said(act(operator, action, jobs))
    assert level == "success"
    assert text == ("2 jobs requeued." if count else "2 jobs requeued with a fresh count.")
    for job in ContainerJob.objects.all():
        assert (job.status, job.queued_at, job.scheduled_for, job.last_error) == ("queued", NOON, None, None)
        assert job.retry_count == count


def test_what_cannot_be_retried_is_skipped_and_named(manager: JobQueueManager, operator: Client) -> None:
    jobs = [job_in(status) for status in ("failed", "completed", "pending")]
    level, text = said(act(operator, "retry_jobs", jobs))
    assert level == "warning"
    assert text == (
        "1 job requeued, 2 skipped: "
        f"Cannot retry job in status: pending ({jobs[2].pk}); Cannot retry job in status: completed ({jobs[1].pk})."
    )
    assert states() == {"failed": "queued", "completed": "completed", "pending": "pending"}


def test_nothing_done_is_an_error(manager: JobQueueManager, operator: Client) -> None:
    jobs = [job_in("running", name=str(number)) for number in range(7)]
    level, text = said(act(operator, "retry_jobs", jobs))
    assert level == "error"
    shown = ", ".join(str(job.pk) for job in reversed(jobs[2:]))
    assert text == f"0 jobs requeued, 7 skipped: Cannot retry job in status: running ({shown}, ... 2 more)."


def test_a_job_deleted_meanwhile_is_no_success(manager: JobQueueManager, operator: Client) -> None:
    job = job_in("failed")
    ContainerJob.objects.all().delete()
    assert said(act(operator, "retry_jobs", [job])) == ("error", "0 jobs requeued.")


def test_an_unexpected_error_of_one_job_holds_up_no_other(
    manager: JobQueueManager, operator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [job_in("failed", name=name) for name in ("first", "second", "third")]
    original = manager.retry_failed_job

    def stumble(job: ContainerJob, **options: Any) -> bool:
        done = original(job, **options)
        if job.name == "second":
            # The database refuses: without a savepoint of its own, what comes after would fail as well.
            User.objects.create_user("operator")
        return done

    monkeypatch.setattr(manager, "retry_failed_job", stumble)
    level, text = said(act(operator, "retry_jobs", jobs))
    assert level == "warning"
    assert text.startswith("2 jobs requeued, 1 skipped: IntegrityError: ")
    assert f"({jobs[1].pk})" in text
    assert states() == {"first": "queued", "second": "failed", "third": "queued"}
    assert "Traceback" in caplog.text


def test_a_receiver_that_breaks_the_transaction_is_not_taken_for_success(
    manager: JobQueueManager, operator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_in("failed")

    def break_it(**_kwargs: Any) -> None:
        User.objects.create_user("operator")

    signals.job_requeued.connect(break_it)
    try:
        level, text = said(act(operator, "retry_jobs", [job]))
    finally:
        signals.job_requeued.disconnect(break_it)
    assert level == "error"
    assert "a signal receiver broke the transaction, nothing was written" in text
    assert states() == {"failed": "failed"}


def test_secrets_in_errors_are_masked(
    manager: JobQueueManager, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_job: ContainerJob, **options: Any) -> bool:
        raise OSError("no route to https://user:hunter2@example.org/")

    monkeypatch.setattr(manager, "retry_failed_job", fail)
    _level, text = said(act(operator, "retry_jobs", [job_in("failed")]))
    assert "OSError: no route to https://" in text
    assert "hunter2" not in text


def test_all_jobs_of_a_filtered_list_are_retried_in_chunks(
    manager: JobQueueManager, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK_ROWS", 100)
    ContainerJob.objects.bulk_create(
        ContainerJob(status="failed", last_error="no such image", retry_count=1, failed_at=NOON) for _ in range(1050)
    )
    other = job_in("retrying")
    first = ContainerJob.objects.filter(status="failed")[:1]
    response = act(operator, "retry_jobs", first, "?status__exact=failed", select_across="1", index="0")
    assert said(response) == ("success", "1050 jobs requeued.")
    assert ContainerJob.objects.filter(status="queued").count() == 1050
    other.refresh_from_db()
    assert other.status == "retrying"


def test_cancel_asks_before_it_does_anything(manager: JobQueueManager, operator: Client) -> None:
    jobs = [job_in(status) for status in ("failed", "queued", "running", "completed")]
    asked = act(operator, "cancel_jobs", jobs)
    assert asked.status_code == 200
    html = asked.content.decode()
    assert "4 jobs" in html
    assert "dead letters among them are discarded" in html
    assert "held by host:1" in html
    assert set(states().values()) == {"failed", "queued", "running", "completed"}
    level, text = said(confirm(operator, asked))
    assert level == "warning"
    assert text == f"3 jobs cancelled, 1 skipped: Cannot cancel job in status: completed ({jobs[3].pk})."
    assert states() == {"failed": "cancelled", "queued": "cancelled", "running": "cancelled", "completed": "completed"}


def test_cancel_does_what_was_confirmed_and_no_more(manager: JobQueueManager, operator: Client) -> None:
    ContainerJob.objects.bulk_create(ContainerJob(status="queued", queued_at=NOON) for _ in range(1500))
    first = ContainerJob.objects.all()[:1]
    query = "?status__exact=queued"
    asked = act(operator, "cancel_jobs", first, query, select_across="1", index="0")
    html = asked.content.decode()
    assert "1500 jobs" in html
    assert "... and 1400 more" in html
    late = job_in("queued", name="came later")
    assert said(confirm(operator, asked, query)) == ("success", "1500 jobs cancelled.")
    late.refresh_from_db()
    assert late.status == "queued"


def test_too_many_to_be_confirmed(manager: JobQueueManager, operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CONFIRMED_JOBS_LIMIT", 2)
    jobs = [job_in("queued", name=str(number)) for number in range(3)]
    level, text = said(act(operator, "cancel_jobs", jobs))
    assert (level, text) == (
        "error",
        "Nothing was done: more than 2 jobs are selected. Narrow the list with its filters.",
    )


@pytest.mark.parametrize("keys", ["", "no json", "5", "null", '["x"]', "[[]]"])
def test_a_confirmation_that_is_none_is_refused(manager: JobQueueManager, operator: Client, keys: str) -> None:
    job = job_in("queued")
    assert act(operator, "cancel_jobs", [job], confirmed_jobs=keys).status_code == 400
    assert states() == {"queued": "queued"}


def test_release_claim_asks_then_puts_the_jobs_back(manager: JobQueueManager, operator: Client) -> None:
    jobs = [job_in("launching"), job_in("running"), job_in("queued")]
    asked = act(operator, "release_claims", jobs)
    assert "Release claims only of workers that are gone" in asked.content.decode()
    level, text = said(confirm(operator, asked))
    assert level == "warning"
    assert text == f"2 claims released, 1 skipped: not claimed, or the claim has passed on ({jobs[2].pk})."
    assert states() == {"launching": "queued", "running": "retrying", "queued": "queued"}
    assert not ContainerJob.objects.exclude(claim_token=None).exists()


def test_a_job_that_is_gone_is_named(manager: JobQueueManager) -> None:
    (outcome,) = actions.carry_out(actions.RETRY, manager, ContainerJob, [4711])
    assert outcome.summary(actions.RETRY) == "0 jobs requeued, 1 skipped: gone (4711)."


def test_what_was_done_is_in_the_jobs_history(manager: JobQueueManager, operator: Client) -> None:
    done, skipped = job_in("failed"), job_in("completed")
    act(operator, "retry_jobs_afresh", [done, skipped])
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.get_change_message()) == (str(done.pk), "Retried by hand with a fresh count.")
    history = operator.get(f"{LIST}{done.pk}/history/").content.decode()
    assert "Retried by hand with a fresh count." in history


@pytest.mark.parametrize(
    ("action", "state"), [("retry_jobs", "requeued"), ("retry_jobs_afresh", "requeued"), ("cancel_jobs", "discarded")]
)
def test_a_dead_letter_keeps_who_settled_it_here(
    manager: JobQueueManager, operator: Client, action: str, state: str
) -> None:
    (letter,) = dead(manager, 1)
    response = act(operator, action, ContainerJob.objects.all())
    if action == "cancel_jobs":
        response = confirm(operator, response)
    assert said(response)[0] == "success"
    letter.refresh_from_db()
    assert (letter.state, letter.settled_by) == (state, "operator")


def offered(client: Client) -> set[str]:
    form = client.get(LIST).context.get("action_form")
    return {name for name, _label in form.fields["action"].choices if name} if form else set()


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (["view"], set()),
        (["view", "change"], EVERYTHING),
        (["view", "queue"], {"queue_jobs"}),
        (["view", "retry"], {"retry_jobs", "retry_jobs_afresh"}),
        (["view", "cancel"], {"cancel_jobs"}),
        (["view", "release_claim"], {"release_claims"}),
        (["view", "delete"], {"delete_selected"}),
    ],
)
def test_actions_need_a_permission(
    manager: JobQueueManager, person: Callable[..., Client], permissions: list[str], expected: set[str]
) -> None:
    client = person(*permissions)
    jobs = [job_in("pending"), job_in("failed"), job_in("running")]
    assert offered(client) == expected
    for action in EVERYTHING - expected:
        act(client, action, jobs)
        act(client, action, jobs, confirmed_jobs=json.dumps([str(job.pk) for job in jobs]))
        assert states() == {"pending": "pending", "failed": "failed", "running": "running"}


def test_who_may_only_view_cannot_change(manager: JobQueueManager, person: Callable[..., Client]) -> None:
    client = person("view")
    job = job_in("failed")
    shown = client.get(page(job))
    assert shown.status_code == 200
    assert 'name="_save"' not in shown.content.decode()
    assert client.post(page(job), {"priority": 1, "image": "x"}).status_code == 403


def test_each_action_has_a_method_that_needs_a_permission() -> None:
    assert set(RetryableJobAdmin.actions) == EVERYTHING
    for name in EVERYTHING:
        method = getattr(RetryableJobAdmin, name)
        assert method.allowed_permissions
