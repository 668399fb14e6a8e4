"""`JOB_RETRY` as it is read, and the managers of the queues it names. What can be wrong with it: `tests.checks`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from job_retry import RETRY_STRATEGIES, ErrorClassifier, RetryStrategy
from job_retry.django.queue import get_queue_manager
from job_retry.django.settings import JobRetrySettings, QueueSettings, get_settings, read_settings

from tests.app.models import ContainerJob, ReportJob

LAUNCH = "tests.app.services.launch_report"
MINIMAL = {"MODEL": "app.ContainerJob", "LAUNCH": LAUNCH}


class Classifier(ErrorClassifier):
    """A project's own."""


def defaults(of: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(of)}


def test_without_settings_there_are_the_defaults() -> None:
    read, problems = read_settings({})
    assert (read, problems) == (JobRetrySettings(), [])
    assert (read.jitter, read.lease_seconds, read.max_worker_losses, read.mask) == (0.0, 60.0, 3, ())


def test_a_queue_needs_a_model_and_a_launcher_only() -> None:
    read, problems = read_settings({"QUEUES": {"default": MINIMAL}})
    assert problems == []
    assert read.queues == {"default": QueueSettings(name="default", model="app.ContainerJob", launch=LAUNCH)}
    queue = defaults(QueueSettings)
    assert (queue["max_concurrent"], queue["claim_batch"], queue["queue_limit"]) == (5, None, None)
    assert (queue["priority_strategies"], queue["run_lease_seconds"], queue["listen"]) == (True, None, True)


def test_every_option_is_read() -> None:
    nightly = RetryStrategy(max_attempts=9)
    read, problems = read_settings(
        {
            "STRATEGIES": {"nightly": nightly},
            "JITTER": 1,
            "MASK": ["customer-[0-9]+"],
            "LEASE_SECONDS": 5,
            "MAX_WORKER_LOSSES": 2,
            "QUEUES": {
                "default": {
                    **MINIMAL,
                    "MAX_CONCURRENT": 7,
                    "CLAIM_BATCH": 8,
                    "QUEUE_LIMIT": 9,
                    "STRATEGY": "nightly",
                    "PRIORITY_STRATEGIES": False,
                    "RUN_LEASE_SECONDS": 1.5,
                    "CLASSIFIER": "tests.queue.test_settings.Classifier",
                    "LISTEN": False,
                    "ON_RETRY": "tests.queue.test_settings.told",
                    "ON_DEAD_LETTER": print,
                }
            },
        }
    )
    assert problems == []
    assert (read.strategies, read.jitter, read.mask) == ({"nightly": nightly}, 1.0, ("customer-[0-9]+",))
    assert (read.lease_seconds, read.max_worker_losses) == (5.0, 2)
    queue = read.queues["default"]
    given = (queue.max_concurrent, queue.claim_batch, queue.queue_limit, queue.strategy, queue.run_lease_seconds)
    assert given == (7, 8, 9, "nightly", 1.5)
    assert (queue.priority_strategies, queue.listen) == (False, False)
    assert (queue.on_retry, queue.on_dead_letter) == ("tests.queue.test_settings.told", print)
    assert not [name for name, default in defaults(QueueSettings).items() if getattr(queue, name) == default]


def test_overridden_settings_count_at_once_and_only_as_long() -> None:
    before = get_queue_manager()
    with override_settings(JOB_RETRY={"JITTER": 0.5, "QUEUES": {"default": {**MINIMAL, "QUEUE_LIMIT": 2}}}):
        assert get_settings().jitter == 0.5
        assert get_queue_manager().claims.queue_limit == 2
        assert get_queue_manager().launch == LAUNCH
    assert get_settings().jitter == 0.0
    assert get_queue_manager().launch == before.launch
    assert get_queue_manager().claims.queue_limit is None


def test_a_queue_has_one_manager() -> None:
    assert get_queue_manager() is get_queue_manager("default") is get_queue_manager(name="default")
    assert get_queue_manager("reports") is not get_queue_manager()
    assert (get_queue_manager().model, get_queue_manager("reports").model) == (ContainerJob, ReportJob)


def test_the_manager_has_what_its_queue_says() -> None:
    path = "tests.queue.test_settings.Classifier"
    queue = {**MINIMAL, "MODEL": "app.containerjob", "CLASSIFIER": path, "PRIORITY_STRATEGIES": False}
    with override_settings(JOB_RETRY={"QUEUES": {"default": queue}}):
        manager = get_queue_manager()
        assert manager.model is ContainerJob
        assert manager.classifier.__name__ == "Classifier"
        assert manager._get_retry_strategy(ContainerJob(priority=99)) is RETRY_STRATEGIES["default"]


def test_settings_that_are_wrong_are_refused_where_they_are_first_used() -> None:
    with override_settings(JOB_RETRY={"JITTER": 7}), pytest.raises(ImproperlyConfigured, match=r"\['JITTER'\] is 7"):
        get_settings()


# Models that share a table


def codes(**queues: dict[str, Any]) -> list[str | None]:
    with override_settings(JOB_RETRY={"QUEUES": queues}):
        return [problem.id for problem in run_checks(tags=["job_retry"])]


def test_a_proxy_may_have_the_queue_of_its_table_and_not_a_second_one() -> None:
    proxy = {**MINIMAL, "MODEL": "app.UrgentJob"}
    assert codes(default=proxy) == []
    assert codes(default=proxy, other=MINIMAL) == ["job_retry.E005"]


def test_a_child_with_a_table_of_its_own_is_queued_as_its_parent() -> None:
    child = {**MINIMAL, "MODEL": "app.BuildJob"}
    assert codes(default=child) == ["job_retry.E004"]
    with (
        override_settings(JOB_RETRY={"QUEUES": {"default": child}}),
        pytest.raises(ImproperlyConfigured, match=r"keeps its status in the table of app\.ContainerJob"),
    ):
        get_queue_manager()
