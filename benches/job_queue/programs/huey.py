"""Huey on SQLite, in write-ahead logging as it comes, with one worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huey import SqliteHuey

from job_queue.program import LONGEST_SECONDS, Calls, main_of_called, numbered
from job_queue.work import MAX_ATTEMPTS

if TYPE_CHECKING:
    from job_queue.program import Order


class Queue:
    """The queue of one order."""

    def __init__(self, order: Order) -> None:
        self.calls = Calls(order)
        self.huey: Any = SqliteHuey("jobs", filename=order.url.removeprefix("sqlite:///"), **(order.options or {}))

        def attempt(job: int) -> None:
            error = self.calls.error(job)
            if error is not None:
                raise RuntimeError(error)

        task = self.huey.task(retries=MAX_ATTEMPTS - 1, retry_delay=0)(attempt)
        for number in numbered(order.jobs):
            task(number)

    def work(self) -> float:
        consumer = self.huey.create_consumer(workers=1, periodic=False)
        consumer.start()
        self.calls.finished.wait(LONGEST_SECONDS)
        consumer.stop(graceful=True)
        return self.calls.seconds


if __name__ == "__main__":
    main_of_called(Queue)
