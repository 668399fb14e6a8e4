"""``manage.py explain_error``: what the classifier of a queue says of an error text, and why."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from job_retry.django.classifiers import project_classifier
from job_retry.django.registry import queue_classifier
from job_retry.django.settings import get_queue_settings


class Command(BaseCommand):
    """Say what the classifier makes of an error text."""

    help = (
        "Say what kind of failure an error text reports: the verdict, the rule that decided and why, where it stands "
        "in the text, which rules nearly decided, and how long the text asks to wait."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("message", nargs="+", help="the error text; - reads it from standard input")
        parser.add_argument(
            "--queue", metavar="NAME", help="ask the classifier of this queue (default: that of queues which name none)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the explanation."""
        message = sys.stdin.read() if options["message"] == ["-"] else " ".join(options["message"])
        try:
            named = None if options["queue"] is None else queue_classifier(get_queue_settings(options["queue"]))
            classifier = project_classifier() if named is None else named
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        explain = getattr(classifier, "explain", None)
        if explain is None:
            raise CommandError(f"The classifier {classifier!r} has no method explain: derive it from ErrorClassifier.")
        self.stdout.write(str(explain(message)))
        seconds = classifier.retry_after(message)
        if seconds is not None:
            self.stdout.write(f"asks to wait {seconds:g} seconds")
