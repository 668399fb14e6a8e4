"""What a worker process runs. Imported once, by the server that forks them all: hundreds are started in a run."""

from __future__ import annotations

import os

import django
from django.core.management import execute_from_command_line

django.setup()

# Whatever a worker needs is imported before the fork; a connection is opened by nobody until then.
import django.db.backends.postgresql.base  # noqa: E402
import django.db.backends.sqlite3.base  # noqa: E402
import job_retry.django.management.commands.run_job_queue  # noqa: E402, F401

from tests.chaos import launchers  # noqa: E402
from tests.chaos.stalls import watch_for_stalls  # noqa: E402
from tests.chaos.store import FOLDER  # noqa: E402


def work(folder: str, log: str, arguments: list[str]) -> None:
    """Run ``manage.py run_job_queue``, whose output goes to the file ``log``."""
    # A session of its own, so that Ctrl-C on a terminal reaches the program alone that ends them all.
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ[FOLDER] = folder
    watch_for_stalls(launchers.store())
    execute_from_command_line(["manage.py", "run_job_queue", *arguments])
