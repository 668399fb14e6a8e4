"""Procrastinate: a worker that ends when its queue is empty, with the concurrency asked for.

Tasks are coroutines, which it runs without a thread. Its own defaults otherwise.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from procrastinate import App, PsycopgConnector, RetryStrategy

from job_queue.program import Calls, analyze, main, numbered
from job_queue.work import MAX_ATTEMPTS

if TYPE_CHECKING:
    from job_queue.program import Order


class Queue:
    """The queue of one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.calls = Calls(order)
        self.app: Any = App(connector=PsycopgConnector(conninfo=order.url))

        async def attempt(job: int) -> None:
            error = self.calls.error(job)
            if error is not None:
                raise RuntimeError(error)

        at_once = RetryStrategy(max_attempts=MAX_ATTEMPTS - 1, wait=0)
        self.task = self.app.task(name="attempt", retry=at_once)(attempt)

    async def prepare(self) -> None:
        async with self.app.open_async():
            await self.app.schema_manager.apply_schema_async()
            await self.task.batch_defer_async(*({"job": number} for number in numbered(self.order.jobs)))

    async def work(self) -> float:
        concurrency = int(str((self.order.options or {})["concurrency"]))
        async with self.app.open_async():
            started_at = time.perf_counter()
            while not self.calls.finished.is_set():  # it may end while the last jobs are on their way to a retry
                await self.app.run_worker_async(wait=False, concurrency=concurrency)
            return time.perf_counter() - started_at


queues: list[Queue] = []


def prepare(order: Order) -> None:
    queues.append(Queue(order))
    asyncio.run(queues[0].prepare())
    analyze(order.url)


def work(_order: Order) -> float:
    return asyncio.run(queues[0].work())


def check(_order: Order) -> None:
    queues[0].calls.check()


if __name__ == "__main__":
    main(prepare, work, check)
