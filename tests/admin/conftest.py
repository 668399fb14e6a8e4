"""Jobs in each state, people with each permission, and the pages they see."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.states import WAITING, Status

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
TOKEN = UUID(int=1)

LIST = "/app/containerjob/"


def page(job: ContainerJob) -> str:
    return f"{LIST}{job.pk}/change/"


def job_in(status: str, **columns: Any) -> ContainerJob:
    """Return a saved job as the engine leaves one in ``status``."""
    defaults: dict[str, Any] = {"name": status}
    if status in (*WAITING, Status.LAUNCHING, Status.RUNNING):
        defaults["queued_at"] = NOON
    if status == Status.RETRYING:
        defaults |= {"retry_count": 1, "last_error": "connection refused", "scheduled_for": NOON}
    if status in (Status.LAUNCHING, Status.RUNNING):
        defaults |= {"claim_token": TOKEN, "claimed_by": "host:1", "attempt_serial": 1}
    if status == Status.FAILED:
        defaults |= {"retry_count": 1, "last_error": "no such image", "failed_at": NOON}
    if status == Status.COMPLETED:
        defaults["completed_at"] = NOON
    if status == Status.TIMEOUT:
        defaults["last_error_at"] = NOON
    return ContainerJob.objects.create(status=status, **{**defaults, **columns})


@pytest.fixture
def manager(db: None, monkeypatch: pytest.MonkeyPatch) -> JobQueueManager:
    """The manager of the jobs' queue, for which it is always noon."""
    manager = get_queue_manager()
    monkeypatch.setattr(manager, "clock", lambda: NOON)
    return manager


@pytest.fixture
def person(db: None) -> Callable[..., Client]:
    """Log in a member of the staff who has these permissions on container jobs."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
        content_type = ContentType.objects.get_for_model(ContainerJob)
        for name in permissions:
            # Those of the actions exist where a model's Meta declares them.
            permission, _created = Permission.objects.get_or_create(
                codename=f"{name}_containerjob", content_type=content_type, defaults={"name": name}
            )
            user.user_permissions.add(permission)
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def operator(db: None) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


def minutes(count: float) -> datetime:
    """Return the time ``count`` minutes after noon."""
    return NOON + timedelta(minutes=count)
