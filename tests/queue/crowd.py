"""One of many workers: launches until nothing is ready, and notes each launch in a file.

    python -m tests.queue.crowd FILE

Says when it is ready to begin, and begins with the next line of its standard input. At its end it says how many jobs it
launched.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import django

LAUNCH_SECONDS = 0.005


def main(file: str) -> None:
    django.setup()
    from job_retry.django.queue import JobQueueManager

    from tests.app.models import ContainerJob

    log = os.open(Path(file), os.O_WRONLY | os.O_APPEND)

    def launch(job: ContainerJob) -> dict[str, bool]:
        time.sleep(LAUNCH_SECONDS)  # the work
        os.write(log, f"{job.pk}\n".encode())
        return {"success": True, "completed": True}

    manager = JobQueueManager(ContainerJob, launch)
    manager.jobs().exists()  # connect
    print("ready", flush=True)
    sys.stdin.readline()
    launched = 0
    # By turns through each of the two ways in which workers get their jobs.
    while batch := manager.launch_next_batch(max_concurrent=5)["launched"]:
        jobs = manager.claim_next_batch(5)
        launched += batch + sum(manager.launch_claimed_job(job)["success"] for job in jobs)
    print(launched, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
