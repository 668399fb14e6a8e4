"""Programs that end with a code or by a signal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.provoked.rows import Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROCESSES = Table("processes")
FAILED = "subprocess.CalledProcessError"


def shell(script: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        subprocess.run(["sh", "-c", script], check=True, capture_output=True, cwd=folder)

    return run


SCRIPTS = [
    ("an exit code alone", "exit 2", "unknown", "a code and no word"),
    ("killed without a word", "kill -KILL $$", "unknown", "the kernel for want of memory, or a person: not told"),
    ("asked to stop", "kill -TERM $$", "transient", "a shutdown or a deployment"),
    ("a crash of a program", "kill -SEGV $$", "permanent", "the same input crashes it again"),
    ("an abort", "kill -ABRT $$", "permanent", "the program found a mistake of its own"),
    ("a missing program in a script", "no-such-program-here --version", "permanent", "the program is not installed"),
    ("a missing file in a script", "cat orders.csv", "permanent", "the file is not there"),
    (
        "a service that is down",
        "echo 'curl: (7) Failed to connect to api.example port 443: Connection refused' >&2; exit 7",
        "transient",
        "the service is down or starting",
    ),
    ("a full disk in a script", "cat /etc/passwd > /dev/full", "transient", "the disk is full; it may be cleaned up"),
]
for name, script, verdict, why in SCRIPTS:
    PROCESSES.add(FAILED, verdict, why, shell(script), name)


@PROCESSES.row(FAILED, "permanent", "the program of the job has a mistake")
def a_traceback_of_a_script(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", "{}['total']"], check=True, capture_output=True)


@PROCESSES.row("subprocess.TimeoutExpired", "transient", "it took too long this time")
def a_program_that_takes_too_long(folder: Path) -> None:
    subprocess.run(["sleep", "60"], check=True, timeout=0.05)


@PROCESSES.row("FileNotFoundError", "permanent", "the program is not installed")
def a_missing_program(folder: Path) -> None:
    subprocess.run(["no-such-program-here"], check=True)


@PROCESSES.row("PermissionError", "permanent", "the file may not be run")
def a_program_that_may_not_run(folder: Path) -> None:
    (folder / "script").write_text("#!/bin/sh\n")
    subprocess.run([folder / "script"], check=True)


@PROCESSES.row("OSError", "permanent", "the file is no program for this machine")
def a_program_of_another_format(folder: Path) -> None:
    (folder / "script").write_bytes(b"\x00\x01\x02\x03")
    (folder / "script").chmod(0o755)
    subprocess.run([folder / "script"], check=True)


@PROCESSES.row("OSError", "permanent", "the arguments are too long, whenever it is tried")
def arguments_that_are_too_long(folder: Path) -> None:
    subprocess.run(["true", "x" * 10_000_000], check=True)


@PROCESSES.row("ProcessLookupError", "permanent", "the process is gone")
def signal_a_process_that_is_gone(folder: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    os.kill(process.pid, 0)


@PROCESSES.row("ChildProcessError", "permanent", "a mistake of the program")
def wait_for_a_child_that_is_none(folder: Path) -> None:
    os.waitpid(os.getppid(), 0)


@PROCESSES.each
def test_the_verdict_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)
