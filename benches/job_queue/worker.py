"""A worker of the measured queue, which begins when it is told to."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command

POLL_SECONDS = 0.05
"""A worker that finds nothing sees soon that the others have done the rest; with a single one nobody waits."""


def main() -> None:
    django.setup()
    from job_retry.django.queue import get_queue_manager

    get_queue_manager()
    print("ready", flush=True)
    sys.stdin.readline()
    call_command("run_job_queue", drain=True, verbosity=0, poll_interval=POLL_SECONDS)
    print("drained", flush=True)


if __name__ == "__main__":
    main()
