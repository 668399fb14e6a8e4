"""The page of one job: what it shows, what it lets people change, and what it leaves to the queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.messages import get_messages
from django.test import RequestFactory
from job_retry import RetryStrategy
from job_retry.django.admin import RetryableJobAdmin
from job_retry.django.admin.page import SHOWN_BETTER
from job_retry.django.models import RetryableJob
from job_retry.django.protection import ENGINE_COLUMNS

from tests.admin.conftest import LIST, NOON, job_in, minutes, page
from tests.app.models import ContainerJob, ReportJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from job_retry.django.queue import JobQueueManager
    from pytest_django.fixtures import SettingsWrapper


def filled_in(client: Client, path: str) -> dict[str, str]:
    """Return what the form at ``path`` holds, as a browser would send it back."""
    form = client.get(path).context["adminform"].form
    return {name: "" if form[name].value() is None else form[name].value() for name in form.fields}


def text(client: Client, job: ContainerJob) -> str:
    html = client.get(page(job)).content.decode()
    return " ".join(re.sub(r"<.*?>", " ", html).replace("\xa0", " ").split())


def errors(response: Any) -> list[str]:
    assert response.status_code == 200
    return list(response.context["adminform"].form.non_field_errors())


def test_the_error_and_the_schedule_are_on_the_page(manager: JobQueueManager, operator: Client) -> None:
    job = job_in(
        "retrying",
        retry_strategy="aggressive",
        retry_count=2,
        scheduled_for=minutes(3),
        last_error="<b>dial tcp</b>\nconnection refused",
    )
    response = operator.get(page(job))
    assert '<pre class="job-error">&lt;b&gt;dial tcp&lt;/b&gt;\nconnection refused</pre>' in response.content.decode()
    shown = text(operator, job)
    assert "transient" in shown
    assert "2 of 5" in shown
    assert (
        "If each attempt fails at once, with an error that may be retried: "
        "Attempt Waits after the one before Earliest start "
        # Times are in the zone of the settings.
        "3 2026-03-01 13:03:00 CET in 3 minutes "
        "4 2 s 2026-03-01 13:03:02 CET in 3 minutes "
        "5 4 s 2026-03-01 13:03:06 CET in 3 minutes"
    ) in shown


@pytest.mark.parametrize(
    ("status", "sentences"),
    [
        ("pending", ["If the job is queued now:"]),
        ("running", ["1 2026-03-01 13:00:00 CET under way"]),
        ("failed", ["Never by itself. If the job is retried now:", "If it is retried now with a fresh count:"]),
        ("completed", ["Attempts to come: never: completed"]),
    ],
)
def test_the_page_says_on_what_the_schedule_depends(
    manager: JobQueueManager, operator: Client, status: str, sentences: list[str]
) -> None:
    shown = text(operator, job_in(status))
    for sentence in sentences:
        assert sentence in shown


def test_a_strategy_without_end_is_cut_short(
    manager: JobQueueManager, operator: Client, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_strategies", {"default": RetryStrategy(max_attempts=1_000_000)})
    shown = text(operator, job_in("queued"))
    assert "... and more: the strategy allows further attempts." in shown


def test_each_engine_column_is_shown_and_none_can_be_typed_into(manager: JobQueueManager, operator: Client) -> None:
    response = operator.get(page(job_in("running", error_fingerprint="dial-tcp")))
    fields = flatten_fieldsets(response.context["adminform"].fieldsets)
    assert len(fields) == len(set(fields))
    assert {SHOWN_BETTER.get(name, name) for name in ENGINE_COLUMNS} <= set(fields)
    assert not ENGINE_COLUMNS & response.context["adminform"].form.fields.keys()


@pytest.mark.parametrize(("fingerprint", "shown"), [("", False), ("dial-tcp", True)])
def test_a_fingerprint_is_shown_where_there_is_one(
    manager: JobQueueManager, operator: Client, fingerprint: str, shown: bool
) -> None:
    said = text(operator, job_in("failed", error_fingerprint=fingerprint))
    assert ("Error fingerprint" in said) is shown
    assert ("dial-tcp" in said) is shown


def test_a_new_job_is_about_what_it_does(operator: Client) -> None:
    form = operator.get(f"{LIST}add/").context["adminform"]
    assert flatten_fieldsets(form.fieldsets) == [
        "name",
        "image",
        "command",
        "priority",
        "max_retries",
        "retry_strategy",
    ]


def test_what_is_posted_for_engine_columns_counts_for_nothing(manager: JobQueueManager, operator: Client) -> None:
    forged = {
        "status": "completed",
        "retry_count": "7",
        "claim_token": "",
        "last_error": "forged",
        "scheduled_for_0": "2030-01-01",
        "scheduled_for_1": "00:00",
    }
    added = operator.post(f"{LIST}add/", {"name": "new", "image": "x", "command": "y", "priority": "50", **forged})
    assert added.status_code == 302
    job = ContainerJob.objects.get(name="new")
    assert (job.status, job.retry_count, job.last_error, job.scheduled_for) == ("pending", 0, None, None)
    held = job_in("running")
    changed = operator.post(page(held), {**filled_in(operator, page(held)), "command": "run", **forged})
    assert changed.status_code == 302
    before = vars(held).copy()
    held.refresh_from_db()
    assert held.command == "run"
    assert {name: getattr(held, name) for name in ENGINE_COLUMNS} == {name: before[name] for name in ENGINE_COLUMNS}


def test_a_status_among_the_fields_is_read_only_for_adding_too(operator: Client) -> None:
    response = operator.post("/app/reportjob/add/", {"slug": "sales", "priority": "10", "status": "running"})
    assert response.status_code == 302
    assert ReportJob.objects.get().status == "pending"


def test_a_form_left_open_while_the_job_is_claimed_does_not_undo_the_claim(
    manager: JobQueueManager, operator: Client
) -> None:
    job = job_in("queued", image="old")
    form = {**filled_in(operator, page(job)), "image": "new"}
    (claimed,) = manager.claim_next_batch(1, "worker:7")
    refused = operator.post(page(job), form)
    assert errors(refused) == [
        (
            "Not saved: while this form was open, the job moved on from “Queued” to “Launching”, held by worker:7. "
            "What you entered is still here: save again to write it all the same. The state stays the queue's."
        )
    ]
    job.refresh_from_db()
    assert (job.image, job.status, job.claim_token) == ("old", "launching", claimed.claim_token)
    # The form that is shown again knows the present state.
    again = refused.context["adminform"].form
    assert again["image"].value() == "new"
    saved = operator.post(page(job), {name: again[name].value() or "" for name in again.fields})
    assert saved.status_code == 302
    job.refresh_from_db()
    assert (job.image, job.status, job.claim_token) == ("new", "launching", claimed.claim_token)
    assert manager.complete(claimed)


@pytest.mark.parametrize("change", [{"status": "failed"}, {"attempt_serial": 2}, {"retry_count": 1}])
def test_each_step_of_the_queue_counts_as_moving_on(
    manager: JobQueueManager, operator: Client, change: dict[str, Any]
) -> None:
    job = job_in("queued")
    form = filled_in(operator, page(job))
    ContainerJob.objects.update(**change)
    assert "Not saved" in errors(operator.post(page(job), form))[0]


def test_a_form_for_the_state_as_it_is_is_saved(operator: Client) -> None:
    job = job_in("queued")
    response = operator.post(page(job), {**filled_in(operator, page(job)), "priority": "60"})
    assert response.status_code == 302
    job.refresh_from_db()
    assert (job.priority, job.status, job.queued_at) == (60, "queued", NOON)


def test_a_form_that_does_not_say_what_it_saw_is_saved(operator: Client) -> None:
    job = job_in("running")
    form = filled_in(operator, page(job)) | {"priority": "60"}
    del form["seen_job_state"]
    assert operator.post(page(job), form).status_code == 302
    assert LogEntry.objects.get().get_change_message() == "Changed Priority."


def test_a_form_of_the_projects_own_notices_as_well(operator: Client) -> None:
    ReportJob.objects.create(slug="sales", status="queued", queued_at=NOON)
    form = filled_in(operator, "/app/reportjob/sales/change/")
    ReportJob.objects.update(status="cancelled", queued_at=None)
    refused = operator.post("/app/reportjob/sales/change/", form)
    assert "moved on from “Queued” to “Cancelled”." in errors(refused)[0]


def test_a_save_that_the_queue_was_quicker_than_gets_a_message(
    manager: JobQueueManager, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in("queued")

    def save_model(self: Any, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Move the job in the admin, as a project may; a worker claims it in between."""
        manager.claim_next_batch(1, "worker:7")
        obj.transition_to("cancelled", save=False)
        obj.save()

    monkeypatch.setattr(type(admin.site._registry[ContainerJob]), "save_model", save_model)
    response = operator.post(page(job), filled_in(operator, page(job)))
    assert (response.status_code, response["Location"]) == (302, page(job))
    (message,) = get_messages(response.wsgi_request)
    assert str(message) == "Not saved: the job moved on meanwhile. Below is what has become of it."


def test_the_classes_own_fieldsets_are_kept(operator: Client) -> None:
    class Own(RetryableJobAdmin):
        fieldsets = (("About", {"fields": ("name", "job_state")}),)

    request = RequestFactory().get("/")
    request.user = operator.get(LIST).wsgi_request.user
    own = Own(ContainerJob, admin.site)
    assert own.get_fieldsets(request) == Own.fieldsets
    assert own.get_fieldsets(request, job_in("queued")) == [
        ("About", {"fields": ["name", "job_state", "seen_job_state"]})
    ]


def test_every_column_of_the_base_is_the_engines_or_a_persons() -> None:
    columns = {field.name for field in RetryableJob._meta.get_fields()}
    assert columns - ENGINE_COLUMNS == {"priority", "max_retries", "retry_strategy"}


def buttons(client: Client, job: ContainerJob) -> list[str]:
    return re.findall(r'<button type="submit" name="action" value="(\w+)"', client.get(page(job)).content.decode())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", ["queue_jobs", "cancel_jobs"]),
        ("queued", ["cancel_jobs"]),
        ("launching", ["cancel_jobs", "release_claims"]),
        ("running", ["cancel_jobs", "release_claims"]),
        ("retrying", ["retry_jobs", "retry_jobs_afresh", "cancel_jobs"]),
        ("failed", ["retry_jobs", "retry_jobs_afresh", "cancel_jobs"]),
        ("completed", []),
        ("timeout", []),
        ("cancelled", []),
    ],
)
def test_the_page_has_a_button_for_what_can_be_done(
    manager: JobQueueManager, operator: Client, status: str, expected: list[str]
) -> None:
    assert buttons(operator, job_in(status)) == expected


def test_the_page_has_buttons_only_for_what_the_user_may_do(
    manager: JobQueueManager, person: Callable[..., Client]
) -> None:
    job = job_in("failed")
    assert buttons(person("view"), job) == []
    assert buttons(person("view", "cancel"), job) == ["cancel_jobs"]


def test_a_button_leads_back_to_the_page(manager: JobQueueManager, operator: Client) -> None:
    job = job_in("failed")
    sent = {"_selected_action": str(job.pk), "from_page": str(job.pk), "action": "retry_jobs"}
    done = operator.post(LIST, sent)
    assert (done.status_code, done["Location"]) == (302, page(job))
    job.refresh_from_db()
    assert job.status == "queued"
    asked = operator.post(LIST, {**sent, "action": "cancel_jobs"}).content.decode()
    assert f'<a href="{page(job)}"' in asked
    done = operator.post(LIST, {**sent, "action": "cancel_jobs", "confirmed_jobs": f'["{job.pk}"]'})
    assert (done.status_code, done["Location"]) == (302, page(job))
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_each_admin_site_leads_to_its_own_pages(manager: JobQueueManager, operator: Client) -> None:
    job = job_in("failed")
    shown = operator.get(f"/staff{page(job)}").content.decode()
    assert f'<form method="post" action="/staff{LIST}" class="job-buttons">' in shown
    sent = {"_selected_action": str(job.pk), "from_page": str(job.pk), "action": "cancel_jobs"}
    asked = operator.post(f"/staff{LIST}", sent).content.decode()
    assert f'<a href="/staff{LIST}">' in asked
    assert f'<a href="/staff{page(job)}"' in asked


def test_a_status_of_the_projects_own_does_not_break_the_page(manager: JobQueueManager, operator: Client) -> None:
    job = job_in("pending")
    ContainerJob.objects.update(status="archived")
    assert "Next attempt: never: archived" in text(operator, job)
    assert buttons(operator, job) == []


def test_an_engine_column_cannot_be_edited_in_the_list() -> None:
    class Careless(RetryableJobAdmin):
        list_display = ("__str__", "status", "priority")
        list_editable = ("status", "priority")

    (error,) = Careless(ContainerJob, admin.site).check()
    assert error.id == "job_retry.E010"
    assert error.msg == "Careless.list_editable has status, which the queue owns."
    assert RetryableJobAdmin(ContainerJob, admin.site).check() == []


def test_without_time_zones(
    manager: JobQueueManager, operator: Client, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USE_TZ = False
    noon = NOON.replace(tzinfo=None)
    monkeypatch.setattr(manager, "clock", lambda: noon)
    job = job_in("retrying", queued_at=noon, scheduled_for=minutes(3).replace(tzinfo=None))
    # Naive times are in the zone of the settings.
    assert "2 2026-03-01 12:03:00 CET in 3 minutes" in text(operator, job)
    for age in ("hour", "older", "none"):
        listed = operator.get(LIST, {"age": age}).context["cl"].result_list
        assert [row.pk for row in listed] == ([job.pk] if age == "hour" else [])
