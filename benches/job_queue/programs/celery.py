"""Celery with Redis: a solo worker, which runs tasks in its own process, and keeps no results.

Without gossip, mingling and heartbeats, which are for several workers, and with a hundred jobs fetched ahead.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import redis
from celery import Celery

from job_queue.program import LONGEST_SECONDS, Calls, main_of_called, numbered
from job_queue.work import MAX_ATTEMPTS

if TYPE_CHECKING:
    from job_queue.program import Order

ARGUMENTS = (
    "worker",
    "--pool=solo",
    "--loglevel=CRITICAL",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)


class Queue:
    """The queue of one order."""

    def __init__(self, order: Order) -> None:
        logging.getLogger().setLevel(logging.CRITICAL)
        redis.Redis.from_url(order.url).flushall()
        self.calls = Calls(order)
        self.app: Any = Celery("jobs", broker=order.url)
        self.app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=100, worker_redirect_stdouts=False)

        def attempt(task: Any, job: int) -> None:
            error = self.calls.error(job)
            if error is not None:
                raise task.retry(exc=RuntimeError(error), countdown=0)

        task = self.app.task(name="attempt", bind=True, max_retries=MAX_ATTEMPTS - 1)(attempt)
        for number in numbered(order.jobs):
            task.delay(number)

    def work(self) -> float:
        threading.Thread(target=self._stop, daemon=True).start()
        with contextlib.suppress(SystemExit):
            self.app.worker_main(ARGUMENTS)
        return self.calls.seconds

    def _stop(self) -> None:
        """End the worker in its own way when the last job was begun."""
        self.calls.finished.wait(LONGEST_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main_of_called(Queue)
