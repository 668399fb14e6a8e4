"""Queues in several databases: a page shows the dead letters of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.queue import get_queue_manager

from tests.app.models import ReportJob
from tests.console.acting import ACTIONS, ask, confirm
from tests.console.reading import GROUPS, JOB, JOBS, html, letter_page, rows, words
from tests.dead_letters.support import dead

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(databases=["default", "other"])


class ReportsElsewhere:
    """Keeps reports in a database of their own."""

    def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        return "other" if model is ReportJob else None

    db_for_read = db_for_write


@pytest.fixture
def client(settings: SettingsWrapper) -> Client:
    """A superuser's browser; there is a dead letter in each database."""
    settings.DATABASE_ROUTERS = [f"{__name__}.ReportsElsewhere"]
    dead(get_queue_manager("default"), 1, "here it broke")
    dead(get_queue_manager("reports"), 2, "there it broke", job=lambda number: {"slug": f"report-{number}"})
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "here it broke"),
        ("database=default", "here it broke"),
        ("database=other", "there it broke"),
        ("model=app.reportjob", "there it broke"),
        ("model=app.reportjob&database=default", "there it broke"),  # where its queue is
    ],
)
def test_a_list_shows_one_database(client: Client, query: str, found: str) -> None:
    for path in (GROUPS, JOBS):
        listed = rows(client, f"{path}?{query}")
        assert listed
        assert all(found in row for row in listed)


def test_links_and_the_form_stay_in_the_database(client: Client) -> None:
    letter = DeadLetter.objects.using("other").first()
    assert letter is not None
    groups, jobs = html(client, f"{GROUPS}?database=other"), html(client, f"{JOBS}?database=other")
    assert f'href="{JOBS}?fingerprint=' in groups
    assert "&amp;database=other" in groups
    assert '<input type="hidden" name="database" value="other">' in jobs
    assert f'href="{letter_page(letter.pk)}?database=other"' in jobs
    assert '<a href="?database=other">Reset</a>' in jobs
    for path in (f"{letter_page(letter.pk)}?database=other", f"{JOB}?model=app.reportjob&key=report-0"):
        assert "there it broke" in words(client, path)


def test_there_is_a_way_from_one_database_to_the_other(client: Client) -> None:
    page = html(client, GROUPS)
    assert '<option value="app.containerjob">default (app.ContainerJob, default)</option>' in page
    assert '<option value="app.reportjob">reports (app.ReportJob, other)</option>' in page


def test_an_action_is_where_its_letters_are_and_its_log_where_the_users_are(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    letters = DeadLetter.objects.using("other")
    with django_capture_on_commit_callbacks(using="other", execute=True):
        response = confirm(client, ask(client, "requeue", "model=app.reportjob"))
    action = BulkAction.objects.using("other").get()
    page = f"{ACTIONS}{action.pk}/change/?database=other"
    assert response["Location"] == page
    assert list(letters.values_list("state", flat=True)) == ["requeued"] * 2
    assert not BulkAction.objects.using("default").exists()
    listed = [client.get(f"{ACTIONS}{query}").content.decode() for query in ("?database=other", "")]
    assert [f'href="{page}"' in each for each in listed] == [True, False]
    for each in listed:
        assert '<a href="?database=default">default</a>' in each
        assert '<a href="?database=other">other</a>' in each
    put_back = f"{ACTIONS}{action.pk}/put_back/?database=other"
    assert f'action="{put_back}"' in html(client, page)
    with django_capture_on_commit_callbacks(using="other", execute=True):
        assert client.post(put_back)["Location"] == page
    assert list(letters.values_list("state", flat=True)) == ["open"] * 2
    said = [entry.get_change_message() for entry in LogEntry.objects.filter(content_type__model="bulkaction")]
    assert sorted(said) == [
        "Begun: Requeue now, 2 of: open dead letters, report jobs.",
        "Ended: 2 requeued.",
        "Put back: 2 requeued, 2 put back.",
    ]
    assert LogEntry.objects.filter(content_type__model="reportjob", object_id="report-0").count() == 2
    assert client.get(f"{ACTIONS}?database=elsewhere").status_code == 404
