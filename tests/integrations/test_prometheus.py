"""Metrics, as Prometheus reads them over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone
from job_retry.django.history.models import BulkAction
from job_retry.django.queue import get_queue_manager
from job_retry.django.testing import COMPLETED, failed
from job_retry.integrations.prometheus import counters
from job_retry.integrations.prometheus.collector import GAUGES, DatabaseCollector
from job_retry.integrations.prometheus.exposition import serve
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.app.models import ContainerJob
from tests.app.services import job_service
from tests.dead_letters.support import dead
from tests.docs.pages import ROOT
from tests.queue.support import manager_for, queued_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.live_server_helper import LiveServer

APP = "job_retry.integrations.prometheus"
QUEUE = "app.ContainerJob"
"""Of a manager that no settings name."""


@pytest.fixture(autouse=True)
def counting() -> Iterator[None]:
    """Count meanwhile, and no longer."""
    counters.connect()
    yield
    for signal, receiver in counters._RECEIVERS:
        signal.disconnect(dispatch_uid=f"job_retry.prometheus.{receiver.__name__}")


def samples(url: str) -> dict[tuple[str, ...], float]:
    """Scrape a page: names of samples with the values of their labels, to their values."""
    with urlopen(url) as response:
        text = response.read().decode()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def scraped() -> dict[tuple[str, ...], float]:
    """Scrape this process as a worker is scraped."""
    server = serve(0)
    try:
        return samples(f"http://127.0.0.1:{server.server_port}/metrics")
    finally:
        server.shutdown()
        server.server_close()


def rises(before: dict[tuple[str, ...], float], after: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Return by how much counters have risen."""
    return {
        name: value - before.get(name, 0.0)
        for name, value in after.items()
        if name[0].startswith("job_retry_") and name[0].endswith("_total") and value != before.get(name, 0.0)
    }


@pytest.mark.django_db
def test_counters_tell_what_became_of_attempts() -> None:
    before = scraped()
    for result in (COMPLETED, failed("Connection refused"), failed("Image not found")):
        manager = manager_for(lambda job, result=result: result)
        job = queued_job(manager)
        manager.launch_job_with_retry(job)
    manager.retry_failed_job(job)
    found = rises(before, scraped())
    attempts = {name: found.pop(name) for name in list(found) if name[0] == "job_retry_failed_attempts_total"}
    assert found == {
        ("job_retry_launches_total", QUEUE): 1,
        ("job_retry_retries_total", QUEUE): 1,
        ("job_retry_dead_letters_total", QUEUE, "permanent error"): 1,
        ("job_retry_requeues_total", QUEUE): 1,
    }
    assert sorted(attempts.values()) == [1, 1]
    assert {verdict for name in attempts for verdict in name} >= {"transient", "permanent"}


@pytest.mark.django_db
def test_lost_workers_are_counted_and_are_no_failed_attempts() -> None:
    manager = manager_for()
    manager.max_worker_losses = 1
    queued_job(manager)
    manager.claim_next_batch(1, "gone")
    manager.clock.advance(3600)  # type: ignore[attr-defined]
    before = scraped()
    manager.rescue_lost_jobs()
    found = rises(before, scraped())
    assert {name[0] for name in found} == {"job_retry_worker_losses_total", "job_retry_dead_letters_total"}
    assert set(found.values()) == {1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("job_retry.integrations.prometheus.urls")
def test_gauges_tell_how_the_queues_stand(live_server: LiveServer) -> None:
    manager = get_queue_manager()
    now = timezone.now()
    queued_job(manager)
    ContainerJob.objects.create(status="queued", queued_at=now - timedelta(seconds=90))
    ContainerJob.objects.create(status="retrying", queued_at=now, scheduled_for=now + timedelta(hours=1))
    dead(manager, 3)
    dead(manager, 1, state="discarded")
    for state in ("running", "done"):
        BulkAction.objects.create(
            kind="requeue",
            state=state,
            selection={},
            total=10,
            done=4,
            skipped={"not failed any more": 2},
            started_at=now,
            stepped_at=now,
        )
    found = samples(f"{live_server.url}/metrics")
    expected = {
        ("job_retry_jobs", "default", "queued"): 2,
        ("job_retry_jobs", "default", "retrying"): 1,
        ("job_retry_jobs", "default", "failed"): 4,
        ("job_retry_jobs", "reports", "queued"): 0,
        ("job_retry_ready_jobs", "default"): 2,
        ("job_retry_oldest_ready_job_age_seconds", "reports"): 0,
        ("job_retry_open_dead_letters", "default"): 3,
        ("job_retry_open_dead_letters", "reports"): 0,
        ("job_retry_bulk_actions", "default", "requeue"): 1,
        ("job_retry_bulk_action_letters", "default", "requeue", "total"): 10,
        ("job_retry_bulk_action_letters", "default", "requeue", "done"): 4,
        ("job_retry_bulk_action_letters", "default", "requeue", "skipped"): 2,
        ("job_retry_bulk_actions", "default", "canary"): 0,
        ("job_retry_database_up", "default"): 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["job_retry_oldest_ready_job_age_seconds", "default"] >= 90
    assert "python_info" in {name[0] for name in found}  # the process's own are on the same page


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("job_retry.integrations.prometheus.urls")
def test_the_page_comes_in_the_format_that_is_asked_for(live_server: LiveServer) -> None:
    accepted = "application/openmetrics-text; version=1.0.0"
    with urlopen(Request(f"{live_server.url}/metrics", headers={"Accept": accepted})) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        names = {family.name for family in open_metrics(response.read().decode())}
    assert names >= set(GAUGES)


@pytest.mark.django_db
@pytest.mark.urls("job_retry.integrations.prometheus.urls")
def test_only_reading_is_allowed(client: Any) -> None:
    assert client.post("/metrics").status_code == 405
    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(get_queue_manager(), "clock", down)
    families = {family.name: family.samples for family in DatabaseCollector().collect()}
    assert [sample.value for sample in families.pop("job_retry_database_up")] == [0]
    assert families
    assert not any(families.values())


@pytest.mark.django_db(transaction=True)
def test_a_worker_shows_its_counters_while_it_works(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    seen: list[dict[tuple[str, ...], float]] = []

    def launch(job: Any) -> Any:
        seen.append(samples(f"http://127.0.0.1:{unused_tcp_port}/metrics"))
        return COMPLETED

    monkeypatch.setattr(job_service, "launch_job", launch)
    manager = get_queue_manager()
    for _ in range(2):
        queued_job(manager)
    with override_settings(INSTALLED_APPS=[*(each.name for each in apps.get_app_configs()), APP]):
        call_command("run_job_queue", "--drain", "--max-concurrent=1", "-v0", f"--metrics-port={unused_tcp_port}")
    first, second = seen
    launched = ("job_retry_launches_total", "default")
    assert second[launched] >= first.get(launched, 0.0)
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{unused_tcp_port}/metrics")


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that was free a moment ago."""
    server = serve(0)
    server.shutdown()
    server.server_close()
    return int(server.server_port)


@pytest.mark.django_db
def test_without_the_app_the_worker_says_what_is_missing() -> None:
    with pytest.raises(CommandError, match=r"INSTALLED_APPS, and pip install"):
        call_command("run_job_queue", "--metrics-port=9000")


@pytest.mark.django_db
def test_a_port_that_is_taken_is_named() -> None:
    server = serve(0)
    try:
        with (
            override_settings(INSTALLED_APPS=[*(each.name for each in apps.get_app_configs()), APP]),
            pytest.raises(CommandError, match=f"--metrics-port {server.server_port} cannot be had"),
        ):
            call_command("run_job_queue", f"--metrics-port={server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def test_the_package_can_be_imported_without_the_extra() -> None:
    program = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "import job_retry.integrations.prometheus, job_retry.integrations.prometheus.apps as apps\n"
        "config = apps.PrometheusIntegrationConfig('job_retry.integrations.prometheus', apps)\n"
        "try: config.ready()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("ImproperlyConfigured")
    assert 'pip install "django-job-retry[prometheus]"' in done.stdout


def test_processes_of_one_host_may_be_shown_together(tmp_path: Any) -> None:
    program = (
        "import django; django.setup()\n"
        "from job_retry.integrations.prometheus import counters\n"
        "counters.LAUNCHES.labels('default').inc()\n"
    )
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.app.settings",
    }
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd=ROOT)
    shown = program.replace(
        "counters.LAUNCHES.labels('default').inc()\n",
        "from job_retry.integrations.prometheus.exposition import process_registry\n"
        "from prometheus_client import generate_latest; print(generate_latest(process_registry()).decode())\n",
    )
    done = subprocess.run(
        [sys.executable, "-c", shown], check=True, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    (family,) = [each for each in text_string_to_metric_families(done.stdout) if each.name == "job_retry_launches"]
    assert [sample.value for sample in family.samples if sample.name.endswith("_total")] == [2]
