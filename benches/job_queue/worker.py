"""A worker of the measured queue, which begins when it is told to."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command, load_command_class
from django.utils import timezone

POLL_SECONDS = 0.05
"""A worker that finds nothing sees soon that the others have done the rest; with a single one nobody waits."""


def warm_up() -> None:
    """Have compiled what a worker compiles at its first failure, some tenths of a second."""
    from job_retry.django.error_text import clean_error_text, error_fingerprint
    from job_retry.django.judgement import judge
    from job_retry.django.queue import get_queue_manager

    judge(get_queue_manager().classifier, "no rule knows this", None, timezone.now())
    error_fingerprint(clean_error_text("nothing to mask"))


def main() -> None:
    django.setup()
    warm_up()
    command = load_command_class("job_retry.django", "run_job_queue")
    print("ready", flush=True)
    sys.stdin.readline()
    call_command(command, drain=True, verbosity=0, poll_interval=POLL_SECONDS)
    print("drained", flush=True)


if __name__ == "__main__":
    main()
