"""The make targets are listed, and do what CI and the documentation ask of them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT
from tests.packaging.wheels import WHEELS

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_help_lists_each_target_with_what_it_does() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make("help"), re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= set(listed) <= set(TARGETS)
    needed = set(
        re.findall(r"(?<=[ :|])[a-z][a-z-]*", "\n".join(re.findall(r"^\S+:(?!=)[^#\n]*", MAKEFILE, re.MULTILINE)))
    )
    assert set(TARGETS) - set(listed) <= needed, "a target without a help text that no other needs"


def test_no_target_is_mistaken_for_a_file() -> None:
    assert set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)) == set(TARGETS)


def test_make_alone_helps() -> None:
    assert make() == make("help")


@pytest.mark.parametrize("script", [".ci/run", "scripts/find-python", "scripts/test-wheel"])
def test_scripts_can_be_run_and_parsed(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    shell = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#!/bin/")
    subprocess.run([shell, "-n", path], check=True)


@pytest.mark.parametrize("version", ["", f"{sys.version_info.major}.{sys.version_info.minor}"])
def test_a_python_is_found_that_can_make_environments(version: str) -> None:
    command = [str(ROOT / "scripts/find-python"), *filter(None, [version])]
    python = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    shown = subprocess.run([python, "--version"], check=True, capture_output=True, text=True).stdout
    assert shown.startswith(f"Python {version or 3}")


def test_a_python_that_is_not_there_is_named() -> None:
    command = [str(ROOT / "scripts/find-python"), "3.1"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, "")
    assert "no Python 3.1 " in found.stderr


def test_each_supported_python_has_a_wheel_and_is_named_in_the_metadata() -> None:
    project = ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8")
    named = set(re.findall(r"Programming Language :: Python :: (3\.\d+)", project))
    assert named == {name for name in WHEELS if re.fullmatch(r"3\.\d+", name)}


def test_ci_runs_targets_that_exist() -> None:
    steps = re.findall(r"\bmake ([a-z-]+)", (ROOT / ".ci/run").read_text(encoding="utf-8"))
    assert set(steps) >= {"lint", "test", "docs", "test-wheel", "test-wheels", "demo"}
    assert set(steps) <= set(TARGETS)
