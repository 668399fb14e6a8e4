"""django-q2 with its broker on the ORM: one worker process, beside its own that fetch, save and watch.

A failed job is fetched again when it has been away for `retry` seconds, which must be more than its results wait to be
saved. Those are not waited for: all jobs have their first attempt, then one UPDATE, which is not timed, lets them be
fetched for the next.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from job_queue.program import LONGEST_SECONDS, analyze, main, numbered

if TYPE_CHECKING:
    from job_queue.program import Order

LOOK_SECONDS = 0.01


def prepare(order: Order) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "job_queue.django_q2_settings",
        "JOB_QUEUE_ORDER": json.dumps(asdict(order)),
    }
    django.setup()
    call_command("migrate", verbosity=0)
    from django_q.brokers import get_broker
    from django_q.models import OrmQ
    from django_q.tasks import async_task

    broker = get_broker()
    with transaction.atomic():
        for number in numbered(order.jobs):
            async_task("job_queue.django_q2_task.attempt", number, broker=broker)
    OrmQ.objects.update(lock=timezone.now() + timedelta(days=1))
    analyze(order.url)


def work(order: Order) -> float:
    """Return the seconds from letting the jobs be fetched until all results are saved, over all attempts."""
    from django.db import connections
    from django_q.cluster import Cluster

    connections.close_all()
    cluster = Cluster()
    cluster.start()
    seconds = sum(attempted(order, attempt) for attempt in range(1, order.work.attempts + 1))
    cluster.stop()
    return seconds


def attempted(order: Order, attempt: int) -> float:
    from django_q.models import OrmQ, Task

    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    started_at = time.perf_counter()
    while Task.objects.filter(attempt_count=attempt).count() < order.jobs:
        time.sleep(LOOK_SECONDS)
        assert time.perf_counter() < started_at + LONGEST_SECONDS
    return time.perf_counter() - started_at


def check(order: Order) -> None:
    from django.db.models import Count
    from django_q.models import Task

    ended = Task.objects.filter(success=order.work.succeeds, attempt_count=order.work.attempts)
    assert ended.count() == order.jobs, dict(Task.objects.values_list("attempt_count").annotate(Count("pk")))


if __name__ == "__main__":
    main(prepare, work, check)
