"""The queues behind dead letters: who manages the jobs of a model, and by which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from job_retry.django.queue import JobQueueManager, get_queue_manager
from job_retry.django.registry import model_queue, why_no_queue_model
from job_retry.django.settings import get_settings
from job_retry.django.times import current_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def manager_of(model: type[Any] | None, using: str) -> JobQueueManager | None:
    """Return the manager of the jobs of ``model`` in the database ``using``; None where no queue has the model."""
    try:
        queue = None if model is None or why_no_queue_model(model) else model_queue(model)
    except ImproperlyConfigured:
        queue = None
    if queue is None:
        return None
    manager = get_queue_manager(queue.name)
    if manager.using == using:
        return manager
    return JobQueueManager(manager.model, queue.launch, classifier=manager.classifier, using=using, options=queue)


def clock_of(using: str) -> Callable[[], datetime]:
    """Return the clock of the queues in the database ``using``, by which their workers go."""
    for name in get_settings().queues:
        manager = get_queue_manager(name)
        if manager.using == using:
            return manager.clock
    return current_moment
