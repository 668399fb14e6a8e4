"""Run the whole test suite and say in the last line what was left out.

    python -m tests.servers.suite [RUN...]

Each row of `RUNS` is one run, and each row of `LANES` is done beside the others. Left out are the runs whose server or
packages this machine lacks and the tests that every run skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from xml.etree import ElementTree as ET

from tests.integrations.environment import REQUIREMENT, UnavailableError, upstream_interpreter
from tests.servers.run import SERVERS, leaving_on_signals, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
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
        "console/test_acting_in_browser.py",
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


LANES = (
    ("rust", "sqlite", "container-manager", "naive"),
    ("postgresql", "mariadb", "naive-postgresql", "naive-mariadb"),
)
"""Runs of about the same length, one after the other; a run keeps hardly more than one processor busy."""


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

    def add(self, lane: Mapping[str, Sequence[str]]) -> None:
        """Take in what another lane has reported, as it stands in its file."""
        self.failed += lane["failed"]
        self.left_out += lane["left_out"]
        self.ran.update(lane["ran"])
        self.skipped.update(lane["skipped"])

    def as_json(self) -> str:
        """Return what `add` reads."""
        return json.dumps({name: list(value) for name, value in vars(self).items()})

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


def perform_side_by_side(report: Report) -> None:
    """Do all lanes at once, and show what the first says as it says it, and the others' when they have ended."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as lanes:
        folder = Path(name)
        begun = []
        for number, runs in enumerate(LANES):
            said = None if number == 0 else lanes.enter_context((folder / f"{number}.txt").open("w+"))
            command = [sys.executable, "-m", "tests.servers.suite", "--report", str(folder / f"{number}.json"), *runs]
            begun.append((lanes.enter_context(started(command, said)), said))
        for number, (process, said) in enumerate(begun):
            process.wait()
            if said is not None:
                said.seek(0)
                shutil.copyfileobj(said, sys.stdout)
            result = folder / f"{number}.json"
            if result.exists():
                report.add(json.loads(result.read_text()))
            else:
                report.failed.append(f"lane {number + 1} ({', '.join(LANES[number])}), which broke off")


@contextmanager
def started(command: Sequence[str], output: TextIO | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, and end it where the block is left before."""
    with subprocess.Popen(command, stdout=output, stderr=None if output is None else subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()  # it stops its server, and then ends


def main(arguments: Sequence[str]) -> int:
    """Do the runs that were asked for, each of them even when an earlier one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.suite", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{', '.join(RUNS)}; without any: all")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write there what came of the runs")
    options = parser.parse_args(arguments)
    chosen = options.runs
    unknown = [name for name in chosen if name not in RUNS]
    if unknown:
        parser.error(f"unknown run {unknown[0]!r}; there are {', '.join(RUNS)}")
    os.chdir(ROOT)
    report = Report()
    with leaving_on_signals():
        if not chosen:
            perform_side_by_side(report)
        for name in chosen:
            perform(RUNS[name], report)
    if options.report is not None:
        options.report.write_text(report.as_json())
        return 0
    if report.failed:
        print(f"\nFAILED: {', '.join(report.failed)}")
    # Of a part of the suite, what the other parts would have run is unknown.
    if not chosen or report.left_out:
        print(report.summary(), flush=True)
    return 1 if report.failed or (chosen and report.left_out) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
