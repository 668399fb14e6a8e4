"""``manage.py run_job_queue``: run the worker of one queue."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from job_retry.django.error_text import clean_error_text, error_text
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt
from job_retry.django.management.arguments import positive_integer, positive_seconds
from job_retry.django.management.queue_command import QueueCommand
from job_retry.django.outages import MISSING_ON_SQLITE, OUTAGE_ERRORS
from job_retry.django.worker import Worker
from job_retry.django.worker.observers import LoggedProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_retry.django.queue import JobQueueManager
    from job_retry.django.worker import WorkerObserver
    from job_retry.django.worker.live import LiveProgress

LOGGER = logging.getLogger("job_retry")
METRICS_APP = "job_retry.integrations.prometheus"
LOG_LEVELS = {0: logging.WARNING, 1: logging.INFO, 2: logging.INFO, 3: logging.DEBUG}


def refuse_missing_table(manager: JobQueueManager) -> None:
    """Raise CommandError where the jobs, or what is kept of them, have no table yet.

    A database that does not answer is the worker's.
    """
    try:
        tables = connections[manager.using].introspection.table_names()
    except (OperationalError, InterfaceError):
        return
    # All beside the jobs, since they are written in the same transactions.
    for model in (manager.model, FailedAttempt, DeadLetter, BulkAction):
        table = model._meta.db_table
        if table not in tables:
            database = "" if manager.using == DEFAULT_DB_ALIAS else f" --database {manager.using}"
            raise CommandError(
                f"The table {table!r} of {model._meta.label} is missing: run `manage.py migrate{database}`."
            )


def refuse_unwritable(liveness_file: Path) -> None:
    """Raise CommandError where the file cannot be touched."""
    try:
        liveness_file.touch()
    except OSError as error:
        raise CommandError(f"--liveness-file {str(liveness_file)!r} cannot be touched: {error.strerror}.") from error


class QueueNotDrainedError(CommandError):
    """A worker that was to drain its queue was stopped before it had."""


class Command(QueueCommand):
    """Run the worker of one queue."""

    help = (
        "Launch the jobs of a queue as they become ready. SIGTERM and SIGINT stop it gracefully: launches under way "
        "end, jobs not started are given back. A second signal ends it at once. Exit status 0: stopped gracefully, or, "
        "with --drain, drained. 1: the database has not answered for OUTAGE_SECONDS, or launches were cut off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument(
            "--drain",
            action="store_true",
            help="end when nothing is ready, claimed or waiting for a retry; jobs scheduled for later stay",
        )
        parser.add_argument(
            "--max-concurrent",
            type=positive_integer,
            metavar="N",
            help="jobs that run at once (default: the queue's MAX_CONCURRENT)",
        )
        parser.add_argument(
            "--poll-interval",
            type=positive_seconds,
            default=1.0,
            metavar="SECONDS",
            help="how often to look for jobs that nobody has told the worker of (default: %(default)s)",
        )
        parser.add_argument(
            "--max-jobs",
            type=positive_integer,
            metavar="N",
            help="end gracefully after so many launches, for a process manager that starts a fresh worker",
        )
        parser.add_argument(
            "--metrics-port",
            type=positive_integer,
            metavar="PORT",
            help="show this worker's counters to Prometheus on this port; needs job_retry.integrations.prometheus",
        )
        parser.add_argument(
            "--liveness-file",
            type=Path,
            metavar="PATH",
            help="touch this file at every turn, at least once a poll interval; one that grows old tells of a worker "
            "that hangs",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the worker to its end."""
        manager = self.queue_manager(options["queue"])
        refuse_missing_table(manager)
        if options["liveness_file"] is not None:
            refuse_unwritable(options["liveness_file"])
        with serving_metrics(options["metrics_port"]), self._shown(options["queue"], options["verbosity"]) as observer:
            worker = Worker(
                manager,
                max_concurrent=options["max_concurrent"],
                poll_interval=options["poll_interval"],
                drain=options["drain"],
                max_jobs=options["max_jobs"],
                liveness_file=options["liveness_file"],
                observer=observer,
            )
            try:
                with stopping_on_signals(worker):
                    summary = worker.run()
            except OUTAGE_ERRORS as error:
                if str(error).startswith(MISSING_ON_SQLITE):
                    raise
                seconds, shown = manager.outage_seconds, clean_error_text(error_text(error)).strip()
                raise CommandError(
                    f"Gave up: the database has not answered for {seconds:g} s (OUTAGE_SECONDS): {shown}"
                ) from error
        if summary.still_launching:
            shown = ", ".join(map(str, summary.still_launching))
            raise CommandError(
                f"Stopped while jobs were being launched: {shown}. They come back when their leases end; when nothing "
                "of them runs any more, put them back at once: "
                f"manage.py release_claim {options['queue']} --worker {worker.name}"
            )
        if options["drain"] and not summary.drained and not summary.reached_max_jobs:
            raise QueueNotDrainedError(f"Stopped before queue {options['queue']!r} was drained.")

    @contextmanager
    def _shown(self, queue: str, verbosity: int) -> Iterator[WorkerObserver]:
        """Show what happens: live on a terminal, in log lines elsewhere."""
        live = live_progress(queue) if verbosity > 0 and self.stdout.isatty() else None
        if live is not None:
            # What the logs would say is on the display; lines between would tear it apart.
            with _handling_logs(logging.NullHandler(), LOGGER.level), live:
                yield live
            return
        handler = logging.StreamHandler(self.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        with _handling_logs(handler, LOG_LEVELS[verbosity]):
            yield LoggedProgress(queue)


@contextmanager
def serving_metrics(port: int | None) -> Iterator[None]:
    """Show the metrics of this process on ``port`` meanwhile, if there is one; CommandError where that cannot be."""
    if port is None:
        yield
        return
    if not apps.is_installed(METRICS_APP):
        raise CommandError(
            f'--metrics-port needs {METRICS_APP!r} in INSTALLED_APPS, and pip install "django-job-retry[prometheus]".'
        )
    exposition = import_module(f"{METRICS_APP}.exposition")  # by its name: it stands above us, and is an extra
    try:
        server = exposition.serve(port)
    except (OSError, OverflowError) as error:
        raise CommandError(f"--metrics-port {port} cannot be had: {error}.") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def live_progress(queue: str) -> LiveProgress | None:
    """Return a display for the terminal; None where rich is not installed."""
    try:
        from job_retry.django.worker.live import LiveProgress
    except ModuleNotFoundError as error:
        if error.name != "rich":
            raise
        return None
    return LiveProgress(queue)


@contextmanager
def _handling_logs(handler: logging.Handler, level: int) -> Iterator[None]:
    """Let our loggers say what ``level`` asks for, by ``handler`` where the project has none that would.

    A level or handlers that the project has given to the logger ``job_retry`` itself are left alone. A handler of the
    root logger, which any library's first warning may have made, gets our lines and does not decide on their level.
    """
    added = not LOGGER.hasHandlers()
    before = LOGGER.level
    if added:
        LOGGER.addHandler(handler)
    if before == logging.NOTSET and not LOGGER.isEnabledFor(level):
        LOGGER.setLevel(level)
    try:
        yield
    finally:
        LOGGER.setLevel(before)
        if added:
            LOGGER.removeHandler(handler)


@contextmanager
def stopping_on_signals(worker: Worker) -> Iterator[None]:
    """Stop ``worker`` on SIGTERM and SIGINT, which only the main thread can arrange."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    orders = (signal.SIGTERM, signal.SIGINT)
    before = {order: signal.signal(order, lambda _number, _frame: worker.stop()) for order in orders}
    try:
        yield
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)
