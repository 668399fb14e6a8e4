"""The list of jobs: columns, filters, search, and how many queries it takes."""

from __future__ import annotations

import re
from html import unescape
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db import connection, models
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils.text import Truncator
from job_retry import RetryStrategy
from job_retry.django.admin import RetryableJobAdmin
from job_retry.django.admin.actions import RETRY, carry_out
from job_retry.django.admin.display import NO_MANAGER_CHARACTERS
from job_retry.django.admin.filters import strategy_expression
from job_retry.django.models import RetryableJob
from job_retry.django.queue import JobQueueManager
from job_retry.django.settings import QueueSettings
from job_retry.django.states import Status
from job_retry.django.testing import ScriptedLauncher

from tests.admin.conftest import LIST, NOON, job_in, minutes
from tests.app.models import BuildJob, ContainerJob, ReportJob

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.fixtures import SettingsWrapper


def cells(client: Client, job: ContainerJob) -> dict[str, str]:
    """Return the text of each column for ``job``."""
    html = client.get(LIST, {"q": str(job.pk)}).content.decode()
    found = re.findall(r'<t[dh] class="field-(\w+)">(.*?)</t[dh]>', html, re.DOTALL)
    return {name: re.sub(r"<.*?>", "", cell).replace("\xa0", " ") for name, cell in found}


@pytest.mark.parametrize(
    ("status", "columns", "expected"),
    [
        ("pending", {}, ("Pending", "—", "not queued", "0 of 3", "Default", "—", "—")),
        ("queued", {}, ("Queued", "—", "now", "0 of 3", "Default", "0 seconds", "—")),
        (
            "retrying",
            {"scheduled_for": minutes(2.5), "queued_at": minutes(-90)},
            ("Retrying", "transient", "in 2 minutes", "1 of 3", "Default", "1 hour", "connection refused"),
        ),
        (
            "failed",
            {"last_error": "Trace\n  of lines\nno such image\n\n", "priority": 90},
            ("Failed", "permanent", "never: permanent error", "1 of 5", "High priority", "0 seconds", "no such image"),
        ),
        (
            "launching",
            {"last_error": "<script>", "retry_count": 1, "max_retries": 2},
            ("Launching", "unknown", "under way", "1 of 2", "Default", "0 seconds", "&lt;script&gt;"),
        ),
        ("running", {}, ("Running", "—", "under way", "0 of 3", "Default", "0 seconds", "—")),
        ("completed", {}, ("Completed", "—", "never: completed", "0 of 3", "Default", "0 seconds", "—")),
        ("timeout", {}, ("Timed out", "—", "never: timed out", "0 of 3", "Default", "0 seconds", "—")),
        ("cancelled", {}, ("Cancelled", "—", "never: cancelled", "0 of 3", "Default", "—", "—")),
    ],
)
def test_a_row_says_how_the_job_stands(
    manager: JobQueueManager, operator: Client, status: str, columns: dict[str, Any], expected: tuple[str, ...]
) -> None:
    shown = cells(operator, job_in(status, **columns))
    names = ("state", "verdict", "next_attempt", "attempts", "strategy", "age", "error_line")
    assert tuple(shown[f"job_{name}"] for name in names) == expected


def test_a_long_error_line_is_cut(manager: JobQueueManager, operator: Client) -> None:
    shown = cells(operator, job_in("failed", last_error="x" * 65_000))["job_error_line"]
    assert shown == "x" * 79 + "…"


def listed(client: Client, **query: str) -> set[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return {job.name for job in response.context["cl"].result_list}


@pytest.mark.parametrize("status", Status.values)
def test_filter_by_state(operator: Client, status: str) -> None:
    for each in Status.values:
        job_in(each)
    assert listed(operator, status__exact=status) == {status}


def test_filter_by_the_strategy_that_decides(operator: Client) -> None:
    for name, columns in {
        "none": {},
        "empty": {"retry_strategy": ""},
        "gone": {"retry_strategy": "no longer registered"},
        "named": {"retry_strategy": "aggressive"},
        "urgent": {"retry_strategy": "aggressive", "priority": 80},
        "idle": {"priority": 20},
    }.items():
        job_in("queued", name=name, **columns)
    assert listed(operator, strategy="default") == {"none", "empty", "gone"}
    assert listed(operator, strategy="aggressive") == {"named"}
    assert listed(operator, strategy="high_priority") == {"urgent"}
    assert listed(operator, strategy="conservative") == {"idle"}
    assert listed(operator, strategy="unheard of") == set()


@pytest.mark.parametrize("model", [ContainerJob, ReportJob])
@pytest.mark.parametrize("by_priority", [True, False])
@pytest.mark.parametrize("queue_strategy", [None, "conservative", "not registered"])
@pytest.mark.parametrize("strategies", [None, {"default": RetryStrategy(), "aggressive": RetryStrategy()}])
def test_the_filter_agrees_with_the_queue(
    db: None, model: Any, by_priority: bool, queue_strategy: str | None, strategies: Any
) -> None:
    options = QueueSettings(
        "any", model._meta.label, ScriptedLauncher(), strategy=queue_strategy, priority_strategies=by_priority
    )
    manager = JobQueueManager(model, ScriptedLauncher(), strategies=strategies, options=options)
    named = (None, "", "default", "aggressive", "high_priority", "not registered")
    for number, (name, priority) in enumerate(product(named, (0, 20, 21, 79, 80, 100)), start=1):
        model.objects.create(pk=number, retry_strategy=name, priority=priority)
    for job in model.objects.annotate(found=strategy_expression(manager)):
        assert job.found == manager.strategy_name(job), (job.retry_strategy, job.priority)
        assert manager.strategies[job.found] == manager.strategy_for(job)


AGES = {
    "hour": minutes(-59),
    "day": minutes(-60),
    "week": minutes(-60 * 24),
    "older": minutes(-60 * 24 * 7),
}


@pytest.mark.parametrize(
    ("status", "column"),
    [("queued", "queued_at"), ("failed", "failed_at"), ("completed", "completed_at"), ("timeout", "last_error_at")],
)
def test_filter_by_age(manager: JobQueueManager, operator: Client, status: str, column: str) -> None:
    for name, moment in AGES.items():
        job_in(status, name=name, **{column: moment})
    job_in("pending")
    job_in("cancelled", last_error_at=minutes(0))
    for name in AGES:
        assert listed(operator, age=name) == {name}
    assert listed(operator, age="none") == {"pending", "cancelled"}
    assert len(listed(operator, age="unheard of")) == 6


def test_filters_count_their_jobs(operator: Client) -> None:
    job_in("queued", retry_strategy="aggressive")
    job_in("pending")
    html = operator.get(LIST, {"_facets": "True"}).content.decode()
    for shown in ("Aggressive (1)", "Default (1)", "High priority (0)", "No date (1)", "Queued (1)"):
        assert shown in html


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("last_error", "connection refused by 10.0.0.7"),
        ("error_fingerprint", "10.0.0.7"),
        ("execution_id", "run-10.0.0.7"),
        ("claimed_by", "10.0.0.7:99"),
    ],
)
def test_search(operator: Client, column: str, value: str) -> None:
    job_in("failed", **{column: value})
    job_in("queued")
    assert listed(operator, q="10.0.0.7") == {"failed"}


def test_search_by_key(operator: Client) -> None:
    first, second = job_in("queued"), job_in("pending")
    assert listed(operator, q=str(first.pk)) == {"queued"}
    assert listed(operator, q=str(second.pk)) == {"pending"}


def test_search_by_a_key_that_is_no_number(transactional_db: None) -> None:
    with isolate_apps("tests.app"):

        class KeyedJob(RetryableJob):
            id = models.UUIDField(primary_key=True)

            class Meta(RetryableJob.Meta):
                app_label = "app"

    with connection.schema_editor() as schema:
        schema.create_model(KeyedJob)
    try:
        wanted, _other = (KeyedJob.objects.create(id=UUID(int=number, version=4)) for number in (1, 2))
        jobs = RetryableJobAdmin(KeyedJob, admin.site)
        for typed in (str(wanted.id), f" {wanted.id.hex.upper()} "):
            found, _ = jobs.get_search_results(RequestFactory().get(LIST), KeyedJob.objects.all(), typed)
            assert list(found) == [wanted]
    finally:
        with connection.schema_editor() as schema:
            schema.delete_model(KeyedJob)


@pytest.mark.parametrize("typed", ["", "  "])
def test_a_search_for_nothing_finds_everything(operator: Client, typed: str) -> None:
    ReportJob.objects.create(slug="sales")
    assert len(operator.get("/app/reportjob/", {"q": typed}).context["cl"].result_list) == 1


@pytest.mark.parametrize("filters", [{"strategy": "default"}, {"age": "none"}, {"status__exact": "failed"}])
def test_a_search_keeps_to_the_filters(manager: JobQueueManager, operator: Client, filters: dict[str, str]) -> None:
    job = job_in("completed", priority=90)
    assert listed(operator, q=str(job.pk)) == {"completed"}
    assert listed(operator, q=str(job.pk), **filters) == set()


@pytest.mark.parametrize("column", range(1, 9))
def test_each_column_that_sorts_does(operator: Client, column: int) -> None:
    for status in Status.values:
        job_in(status)
    assert listed(operator, o=str(column)) == listed(operator, o=f"-{column}") == set(Status.values)


def test_sorted_by_age_the_youngest_comes_first_and_no_date_last(operator: Client) -> None:
    job_in("queued", name="old", queued_at=minutes(-60))
    job_in("pending", name="no date")
    job_in("failed", name="young", failed_at=minutes(-1))
    names = [job.name for job in operator.get(LIST, {"o": "8"}).context["cl"].result_list]
    assert names == ["young", "old", "no date"]


def test_the_number_of_queries_does_not_depend_on_the_rows(manager: JobQueueManager, operator: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert operator.get(LIST).status_code == 200
        return len(captured)

    job_in("failed")
    few = queries()
    ContainerJob.objects.bulk_create(
        ContainerJob(status="failed", last_error=f"no such image {number}", retry_count=1) for number in range(3000)
    )
    assert queries() == few


REPORTS = {"MODEL": "app.ReportJob", "LAUNCH": "tests.app.services.launch_report"}
JOBS = {"MODEL": "app.ContainerJob", "LAUNCH": "tests.app.services.launch_report"}


@pytest.mark.parametrize(
    ("job_retry", "reason"),
    [
        (
            {"QUEUES": {"reports": REPORTS}},
            "No queue in JOB_RETRY['QUEUES'] has app.ContainerJob as its MODEL. Queues: reports (app.ReportJob).",
        ),
        (
            {"QUEUES": {"default": {**JOBS, "CLASSIFIER": "tests.app.services.launch_report"}}},
            "['CLASSIFIER'] is 'tests.app.services.launch_report', which has no method classify_error.",
        ),
        ({"QUEUES": []}, "JOB_RETRY['QUEUES'] is []."),
        ({"QUEUES": {"default": {**JOBS, "MODEL": "app.Nothing"}}}, "'app.Nothing', but there is no such model."),
    ],
)
def test_without_a_manager_list_and_page_say_why_and_offer_nothing(
    operator: Client, settings: SettingsWrapper, job_retry: dict[str, Any], reason: str
) -> None:
    job = job_in("failed")
    settings.JOB_RETRY = job_retry
    response = operator.get(LIST)
    (message,) = get_messages(response.wsgi_request)
    assert reason in str(message)
    assert dict(response.context["action_form"].fields["action"].choices).keys() == {"", "delete_selected"}
    shown = unescape(cells(operator, job)["job_next_attempt"])
    assert shown == Truncator(f"never: {message}").chars(NO_MANAGER_CHARACTERS)
    on_page = unescape(operator.get(f"{LIST}{job.pk}/change/").content.decode())
    assert f"never: {message}" in on_page
    assert "job-buttons" not in on_page


def test_a_proxy_is_served_by_the_queue_of_its_model(manager: JobQueueManager) -> None:
    class Urgent(ContainerJob):
        class Meta:
            app_label = "app"
            proxy = True

    try:
        assert type(admin.site._registry[ContainerJob])(Urgent, admin.site).queue_manager is manager
    finally:
        from django.apps import apps

        del apps.all_models["app"]["urgent"]
        apps.clear_cache()


def test_a_child_is_served_by_the_queue_of_the_parent_that_keeps_its_status(
    manager: JobQueueManager, operator: Client
) -> None:
    job = BuildJob.objects.create(name="build", status="failed", failed_at=NOON, last_error="no such image")
    jobs = RetryableJobAdmin(BuildJob, admin.site)
    assert jobs.queue_manager is manager
    assert jobs.job_next_attempt(job) == "never: permanent error"
    (outcome,) = carry_out(RETRY, manager, BuildJob, [job.pk])
    assert outcome.summary(RETRY) == "1 job requeued."
    job.refresh_from_db()
    assert job.status == "queued"
    assert manager.get_ready_jobs()[0].pk == job.pk
