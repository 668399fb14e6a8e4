"""What the commands on a queue have in common: the queue's name, and its manager or a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from job_retry.django.queue import get_queue_manager
from job_retry.django.settings import DEFAULT_QUEUE

if TYPE_CHECKING:
    from job_retry.django.queue import JobQueueManager


class QueueCommand(BaseCommand):
    """A command on one queue, which its first argument names."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the queue's name."""
        parser.add_argument(
            "queue", nargs="?", default=DEFAULT_QUEUE, metavar="NAME", help="the queue (default: %(default)r)"
        )

    def queue_manager(self, name: str) -> JobQueueManager:
        """Return the manager of the queue ``name``; CommandError says what is wrong with it."""
        try:
            return get_queue_manager(name)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
