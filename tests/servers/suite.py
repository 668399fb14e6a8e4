"""Run the whole test suite and say in the last line what was left out.

    python -m tests.servers.suite [RUN...]

Each row of `RUNS` is one run. Left out are the runs whose server or packages this machine lacks and the tests that
every run skipped.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.integrations.environment import REQUIREMENT, UnavailableError, upstream_interpreter
from tests.servers.run import SERVERS, leaving_on_signals, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[2]
NAMED_TESTS = 5


@dataclass(frozen=True)
class Run:
    """One run: a command, pytest or another, and the server or the interpreter it needs."""

    title: str
    command: tuple[str, ...] = ()
    pytest: tuple[str, ...] | None = None
    server: str | None = None
    interpreter: Callable[[], Path] | None = None
    """Of an environment with further packages, in place of this program's own."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the run alone."""


# Tests that have nothing to do with a database need not run again on each, nor those that look at pages.
WITHOUT_DATABASE = tuple(
    f"--ignore=tests/{name}"
    for name in (
        "accuracy",
        "admin/test_in_browser.py",
        "chaos",
        "docs",
        "examples/test_demo_admin.py",
        "fingerprints",
        "fuzz",
        "integrations",
        "native",
        "packaging",
        "provoked",
        "servers",
    )
)
# Thousands of jobs, a crowd of workers, a worker's life for each of its statements: once on each database is enough.
WITHOUT_CROWDS = (
    "--ignore=tests/worker/test_cut_connections.py",
    "--ignore=tests/worker/test_poison.py",
    "--ignore=tests/worker/test_queue_limit.py",
    "--deselect=tests/queue/test_faults.py::test_fault_6_eight_processes_launch_each_of_2000_jobs_once",
)
END_TO_END = ("tests/queue/test_seed.py", "tests/queue/test_faults.py", "tests/worker", *WITHOUT_CROWDS)
WITHOUT_TIME_ZONES = {"JOB_RETRY_TESTS_USE_TZ": "0"}
# In CI a lock file that no longer fits is an error; at the desk cargo mends it.
CARGO_OPTIONS = ("--locked",) if os.environ.get("CI") else ()

RUNS = {
    "rust": Run("Rust core", command=("cargo", "test", *CARGO_OPTIONS)),
    "sqlite": Run("Python, on SQLite", pytest=()),
    "postgresql": Run("Python, on PostgreSQL", pytest=WITHOUT_DATABASE, server="postgresql"),
    "mariadb": Run("Python, on MariaDB", pytest=(*WITHOUT_DATABASE, "--ignore=tests/examples"), server="mariadb"),
    "naive": Run(
        "Python, without time zones, on SQLite",
        pytest=("tests/queue", "tests/worker", "tests/testing", "tests/checks", *WITHOUT_CROWDS),
        environment=WITHOUT_TIME_ZONES,
    ),
    "naive-postgresql": Run(
        "Python, without time zones, on PostgreSQL",
        pytest=END_TO_END,
        server="postgresql",
        environment=WITHOUT_TIME_ZONES,
    ),
    "naive-mariadb": Run(
        "Python, without time zones, on MariaDB", pytest=END_TO_END, server="mariadb", environment=WITHOUT_TIME_ZONES
    ),
    "container-manager": Run(
        REQUIREMENT,
        pytest=("--ds=tests.integrations.container_manager.settings", "tests/integrations/container_manager"),
        interpreter=upstream_interpreter,
    ),
}


@dataclass
class Report:
    """What has been run so far."""

    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)

    def read(self, results: Path) -> None:
        """Take in the results file of one run of pytest."""
        for case in ET.parse(results).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            skipped = case.find("skipped")
            if skipped is not None and skipped.get("type") == "pytest.skip":
                self.skipped.add(name)
            else:
                self.ran.add(name)

    def summary(self) -> str:
        """Return the last line."""
        left_out = list(self.left_out)
        never_ran = sorted(self.skipped - self.ran)
        if never_ran:
            names = ", ".join(never_ran[:NAMED_TESTS])
            more = len(never_ran) - NAMED_TESTS
            rest = f" and {more} more" if more > 0 else ""
            left_out.append(f"{len(never_ran)} skipped: {names}{rest}")
        return f"left out: {'; '.join(left_out) or 'nothing'}"


def perform(run: Run, report: Report) -> None:
    """Do one run and add it to the report."""
    server: AbstractContextManager[str | None] = nullcontext()
    interpreter = sys.executable
    if run.interpreter is not None:
        try:
            interpreter = str(run.interpreter())
        except UnavailableError as error:
            report.left_out.append(f"{run.title} ({error})")
            return
    if run.server is not None:
        kind = SERVERS[run.server]
        reason = kind.missing()
        if reason is not None:
            report.left_out.append(f"{kind.title} ({reason})")
            return
        server = kind.serve()
    print(f"\n=== {run.title}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, server as url:
        # A database that the caller's shell happens to name is no place for tests.
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment.update(run.environment)
        if url is not None:
            environment["DATABASE_URL"] = url
        command, results = run.command, Path(folder) / "results.xml"
        if run.pytest is not None:
            command = (interpreter, "-m", "pytest", f"--junitxml={results}", *run.pytest)
        status = run_command(command, environment)
        if results.exists():
            report.read(results)
    verdict = "passed" if status == 0 else f"failed with exit status {status}"
    print(f"=== {run.title}: {verdict} after {time.monotonic() - started:.0f} s", flush=True)
    if status != 0:
        report.failed.append(run.title)


def main(arguments: Sequence[str]) -> int:
    """Do the runs that were asked for, each of them even when an earlier one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.suite", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{', '.join(RUNS)}; without any: all")
    chosen = parser.parse_args(arguments).runs
    unknown = [name for name in chosen if name not in RUNS]
    if unknown:
        parser.error(f"unknown run {unknown[0]!r}; there are {', '.join(RUNS)}")
    os.chdir(ROOT)
    report = Report()
    with leaving_on_signals():
        for name in chosen or RUNS:
            perform(RUNS[name], report)
    if report.failed:
        print(f"\nFAILED: {', '.join(report.failed)}")
    # Of a part of the suite, what the other parts would have run is unknown.
    if not chosen or report.left_out:
        print(report.summary(), flush=True)
    return 1 if report.failed or (chosen and report.left_out) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
