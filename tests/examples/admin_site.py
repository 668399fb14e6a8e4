"""A running `demo_admin.py`, and a browser in it."""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browsing import NewPage
    from tests.examples.project import Project

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class AdminSite:
    """A running `demo_admin.py`."""

    process: subprocess.Popen[str]
    said: str
    url: str
    port: int
    password: str


@contextmanager
def admin_site(project: Project, port: int) -> Iterator[AdminSite]:
    """Run `demo_admin.py` until the end of the block, and a little longer if it has failed."""
    with project.start("demo_admin.py", str(port)) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "password" in line:
                    break
            found = re.search(r"(http://127\.0\.0\.1:(\d+)/admin/)\n    user demo, password (\S+)\n", said)
            if found is None:
                pytest.fail(said + process.communicate()[1])
            yield AdminSite(process, said, found[1], int(found[2]), found[3])
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0, errors
            # Django shows where a request was refused, as it does an error.
            assert errors.count("Traceback") == errors.count("Forbidden (Permission denied)"), errors
    assert project.left_behind() == []


def logged_in(site: AdminSite, new_page: NewPage, user: str = "demo", password: str = "", **options: int) -> Page:
    """Return a window in which ``user``, by default the demo's own, has logged in."""
    window = new_page(site.url, **options)
    window.goto("login/")
    window.fill("#id_username", user)
    window.fill("#id_password", password or site.password)
    window.click('input[type="submit"]')
    return window
