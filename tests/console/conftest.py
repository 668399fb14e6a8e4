"""The queues whose dead letters the console shows, and people who look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from job_retry.django.queue import JobQueueManager, get_queue_manager

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def manager(db: None) -> JobQueueManager:
    """The manager of container jobs."""
    return get_queue_manager("default")


@pytest.fixture
def reports(db: None) -> JobQueueManager:
    """The manager of jobs whose keys are texts."""
    return get_queue_manager("reports")


@pytest.fixture
def person(db: None) -> Callable[..., Client]:
    """Log in a member of the staff who has these permissions on the app's own models."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
        names = Permission.objects.filter(content_type__app_label="job_retry", codename__in=permissions)
        assert names.count() == len(permissions)
        user.user_permissions.set(names)
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def viewer(person: Callable[..., Client]) -> Client:
    """The browser of somebody who may view dead letters, and no more."""
    return person("view_deadletter")


@pytest.fixture
def operator(db: None) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client
