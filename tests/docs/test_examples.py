"""Every example of the documentation does what its page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.follow import GUIDES, write_files
from tests.docs.pages import ROOT, SHELLS, Page, pages

if TYPE_CHECKING:
    from pathlib import Path

QUICKSTART = Page(ROOT / "docs/quickstart.md")
CHECKED_LANGUAGES = {"python", *SHELLS}
OTHER_LANGUAGES = {"mermaid", "text", "toml"}

# What pytest, or the caller's shell, says of other projects is not for the page's.
FOREIGN = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in FOREIGN}


def run(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as Django's own commands make it, with its tables and an empty app ``jobs``."""
    folder = tmp_path_factory.mktemp("new") / "project"
    folder.mkdir()
    run("-m", "django", "startproject", "project", ".", folder=folder)
    run("manage.py", "migrate", folder=folder)
    run("manage.py", "startapp", "jobs", folder=folder)
    return folder


@pytest.fixture(scope="session")
def quickstart_project(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the quickstart makes, with its tables and no jobs."""
    folder = tmp_path_factory.mktemp("quickstart") / "project"
    shutil.copytree(new_project, folder)
    write_files(QUICKSTART, folder)
    run("manage.py", "makemigrations", "jobs", folder=folder)
    run("manage.py", "migrate", folder=folder)
    return folder


@pytest.mark.parametrize("page", [page for page in pages() if page.blocks], ids=lambda page: page.name)
def test_the_page_can_be_followed(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    begun = request.getfixturevalue("new_project" if page.name in GUIDES else "quickstart_project")
    folder = shutil.copytree(begun, tmp_path / "project")
    run("-m", "tests.docs.follow", page.name, str(folder), folder=ROOT)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_block_escapes(page: Page) -> None:
    fences = re.findall(r"^\s*(?:```|~~~)[ \t]*([\w-]+)", page.text, re.MULTILINE)
    assert sorted(fences) == sorted(block.language for block in page.blocks if block.language)
    assert {block.language for block in page.blocks} <= CHECKED_LANGUAGES | OTHER_LANGUAGES
