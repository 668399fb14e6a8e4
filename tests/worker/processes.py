"""Management commands in processes of their own, on the database of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 60
"""When a test gives up on a process; it never waits that long unless something is broken."""


def database_url() -> str:
    """Return the URL of the database that this test uses."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user, password = quote(settings["USER"]), quote(settings["PASSWORD"])
    login = f"{user}:{password}" if password else user
    return f"{connection.vendor}://{login}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def environment(settings: str = "tests.worker.process_settings") -> dict[str, str]:
    """Return the environment of a process that works on the database of this test."""
    paths = [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": settings,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "error",
    }


@contextmanager
def command(
    *arguments: str, program: tuple[str, ...] = ("-m", "django"), **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run a management command; it is killed if the test ends before it does."""
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, *program, *arguments],
        text=True,
        **{"env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options},
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
