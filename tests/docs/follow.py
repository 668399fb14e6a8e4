"""Follow a page as its reader would: write its files, type its commands, run its Python.

    python -m tests.docs.follow PAGE PROJECT

PROJECT is the folder of a Django project with ``manage.py``. A Python block with a title is appended to the file of
that name, before anything runs; the others run one after the other in one namespace. What a block prints must be what
its comments ``# ->`` say. Of the commands, those of ``manage.py`` are run if the page begins the project (`GUIDES`),
and what the page shows below a command must be among what it prints. At the end, pytest runs the page's ``test_*.py``.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from tests.docs.pages import ROOT, Block, Command, Page

GUIDES = frozenset({"README.md", "docs/quickstart.md"})
"""Pages that begin with a new project; the others go on with the one that the quickstart has made."""

VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"), "<time>"),
    (re.compile(r"Worker \S+:\d+:[0-9a-f]+"), "Worker <name>"),
)
"""Parts of an output that differ from run to run, and what stands for them when outputs are compared."""


def follow(page: Page, project: Path) -> None:
    """Do all that ``page`` says in ``project``; AssertionError where it does not turn out as written."""
    write_files(page, project)
    os.chdir(project)
    sys.path.insert(0, str(project))
    namespace: dict[str, Any] = {"__name__": "__page__"}
    ready = False
    for block in page.blocks:
        for command in block.commands() if page.name in GUIDES and block.file is None else ():
            if is_run(command):
                run_command(page, command)
        if block.language == "python" and block.file is None:
            if not ready:
                os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
                django.setup()
                call_command("check", fail_level="WARNING", stdout=io.StringIO())
                ready = True
            run_python(page, block, namespace)
    run_tests(page)


def write_files(page: Page, project: Path) -> None:
    """Append each block with a title to the file of that name."""
    for block in page.blocks:
        if block.file is not None:
            path = project / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n\n{block.code}")


def is_run(command: Command) -> bool:
    """Return whether ``command`` is run here: those of the project that come to an end."""
    if command.words[:2] != ("python", "manage.py"):
        return False
    return command.words[2] != "run_job_queue" or "--drain" in command.words


def run_command(page: Page, command: Command) -> None:
    """Run ``command``; what the page shows below it must be among what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *command.words[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    where = f"{page.name}:{command.line}: {command.text}"
    assert done.returncode == 0, f"{where} ends with {done.returncode}:\n{done.stdout}"
    # In whatever order: jobs run at the same time.
    printed = {same_every_time(line) for line in done.stdout.splitlines()}
    missing = [line for line in command.output if line.strip() and same_every_time(line) not in printed]
    assert not missing, f"{where} does not print {missing[0]!r}, but:\n{done.stdout}"


def run_python(page: Page, block: Block, namespace: dict[str, Any]) -> None:
    """Run ``block``; what it prints must be what its comments ``# ->`` say."""
    # As many empty lines as stand above it: a traceback then names the line of the page.
    code = compile("\n" * (block.line - 1) + block.code, str(page.path), "exec", dont_inherit=True)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code, namespace)
    announced = re.findall(r"^\s*# -> ?(.*)$", block.code, re.MULTILINE)
    said = [line.rstrip() for line in printed.getvalue().splitlines()]
    assert said == [line.rstrip() for line in announced], f"{page.name}:{block.line} prints {said}"
    check_settings(page, block, namespace)


def run_tests(page: Page) -> None:
    """Run the tests that the page writes."""
    files = sorted({block.file for block in page.blocks if block.file and Path(block.file).name.startswith("test_")})
    if files:
        command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{page.name}: {' '.join(files)}\n{done.stdout}{done.stderr}"


def check_settings(page: Page, block: Block, namespace: dict[str, Any]) -> None:
    """A page's ``JOB_RETRY`` must be one that the project would start with."""
    from job_retry.django.settings import read_settings

    if "JOB_RETRY" in namespace:
        _, problems = read_settings(namespace["JOB_RETRY"])
        assert not problems, f"{page.name}:{block.line}: {problems}"


def same_every_time(line: str) -> str:
    """Return ``line`` with what differs from run to run replaced."""
    for pattern, instead in VARYING:
        line = pattern.sub(instead, line)
    return line.rstrip()


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    follow(Page(ROOT / name), Path(folder).resolve())
