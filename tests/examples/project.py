"""Running the example project in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a shell around the tests may have set and a user's shell has not.
FOREIGN_VARIABLES = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
SET_UP = "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; django.setup()\n"


@dataclass(frozen=True)
class Project:
    """The project in ``folder``, with its own SQLite file or the database that ``database_url`` names."""

    folder: Path
    database_url: str | None

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start Python in the project's folder; ``options`` are those of `subprocess.Popen`."""
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        environment |= options.pop("env", {})
        if self.database_url is not None:
            environment["DATABASE_URL"] = self.database_url
        return subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project's folder to its end."""
        with self.start(*arguments) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def run_program(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program that uses the project's models."""
        return self.run("-c", SET_UP + program)

    def left_behind(self) -> list[int]:
        """Return the processes that still work in one of the project's images after time enough to end."""
        deadline = time.monotonic() + 10
        while (found := self._processes()) and time.monotonic() < deadline:
            time.sleep(0.02)  # killed is not yet gone
        return found

    def _processes(self) -> list[int]:
        images = self.folder / "images"
        entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [int(entry.name) for entry in entries if working_directory(entry).is_relative_to(images)]


def working_directory(process: Path) -> Path:
    """Return where the process of a folder below /proc works; nowhere if it has ended or is foreign."""
    try:
        return (process / "cwd").readlink()
    except OSError:
        return Path()
