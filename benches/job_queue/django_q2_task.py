"""The task of django-q2's queue, in the process of its worker."""

from __future__ import annotations

import json
import os

from job_queue.program import Calls, Order

calls = Calls(Order(**json.loads(os.environ["JOB_QUEUE_ORDER"])))


def attempt(job: int) -> None:
    error = calls.error(job)
    if error is not None:
        raise RuntimeError(error)
