"""Try faults on real processes, and report what became of the jobs.

    python -m tests.chaos [--seed N] [--jobs N] [--seconds N] [--every SECONDS] [--json] DATABASE

Exit status 1 where something happened that must not; then the records stay, and the report says where.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from job_retry.django.management.arguments import positive_integer, positive_seconds

from tests.chaos.databases import serve
from tests.chaos.faults import DATABASES
from tests.servers.private import ServerError
from tests.servers.run import leaving_on_signals

if TYPE_CHECKING:
    from collections.abc import Sequence


class Size(NamedTuple):
    """How large a run is where nothing else is asked for."""

    jobs: int
    workers: int
    seconds_a_fault: float


SIZES = {"postgresql": Size(20_000, 8, 0.8), "sqlite": Size(4_000, 3, 2.0)}


def main(arguments: Sequence[str]) -> int:
    """Run, print the report, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Try faults on real processes.")
    parser.add_argument("database", metavar="DATABASE", choices=DATABASES, help=", ".join(DATABASES))
    parser.add_argument("--seed", type=int, help="of all that is random; without it, a new one")
    parser.add_argument("--jobs", type=positive_integer, help="most jobs that are queued")
    parser.add_argument(
        "--seconds",
        type=positive_seconds,
        help="how long it is to take; jobs are queued and faults are done for three fifths of it",
    )
    parser.add_argument("--every", type=positive_seconds, metavar="SECONDS", help="a fault, on average")
    parser.add_argument("--json", action="store_true", help="print the report for a machine")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    size = SIZES[options.database]
    folder = Path(tempfile.mkdtemp(prefix="job-retry-chaos-records-"))
    print(f"{options.database}: seed {seed}", file=sys.stderr, flush=True)
    try:
        with leaving_on_signals(), serve(options.database) as database:
            os.environ |= {"DATABASE_URL": database.url, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
            import django

            django.setup()  # before the models are imported
            from tests.chaos.report import as_json, as_text, judge
            from tests.chaos.run import Plan, run

            plan = Plan(
                database=options.database,
                seed=seed,
                jobs=options.jobs or size.jobs,
                workers=size.workers,
                faults_a_second=1 / (options.every or size.seconds_a_fault),
                seconds=options.seconds,
            )
            report = judge(run(plan, database, folder, lambda line: print(line, file=sys.stderr, flush=True)))
    except (ServerError, FileNotFoundError, PermissionError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(as_json(report), indent=2) if options.json else as_text(report), flush=True)
    if report.is_sound:
        shutil.rmtree(folder)
        return 0
    print(f"what happened is recorded in {folder}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
