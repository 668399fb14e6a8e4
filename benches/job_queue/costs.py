"""A worker whose stages are timed: `python -m job_queue.costs ORDER`."""

from __future__ import annotations

import json
import sys
import time

from django.core.management import call_command

from job_queue.program import Order
from job_queue.programs import ours
from job_queue.stages import Stopwatch
from job_queue.worker import warm_up


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    ours.prepare(order)
    warm_up()
    stopwatch = Stopwatch()
    stopwatch.watch()
    processor, passed = time.process_time(), time.perf_counter()
    call_command("run_job_queue", drain=True, verbosity=0)
    processor, passed = time.process_time() - processor, time.perf_counter() - passed
    stages = stopwatch.total()
    ours.check(order)
    print(json.dumps({"stages": stages, "processor": processor, "passed": passed}))


if __name__ == "__main__":
    main()
