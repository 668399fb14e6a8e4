"""The package's own tests end the same with the switch off and on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.integrations.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = "tests.integrations.container_manager.settings"
OWN_TESTS = 46


def results(folder: Path, settings: str) -> dict[str, list[str]]:
    """Run the tests in the wheel; return what became of each by name: nothing for a passed one."""
    report = folder / f"{settings}.xml"
    options = [f"--junitxml={report}", f"--rootdir={folder}", f"--ds={settings}", "--capture=no"]
    # A configuration of their own: what this project is strict about is not theirs to keep.
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), "-p", "no:randomly"]
    run = subprocess.run(
        [*command, *options, "--pyargs", "container_manager"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return {
        f"{case.get('classname')}.{case.get('name')}": [outcome.tag for outcome in case if outcome.tag != "properties"]
        for case in ET.parse(report).iter("testcase")
    }


def test_its_own_tests_end_the_same(tmp_path: Path) -> None:
    off, on = results(tmp_path, f"{SETTINGS}_off"), results(tmp_path, SETTINGS)
    assert len(off) == OWN_TESTS
    assert on == off
    assert set(map(tuple, off.values())) == {()}


@pytest.mark.parametrize(
    ("settings", "module"), [(SETTINGS, "job_retry.error_type"), (f"{SETTINGS}_off", "container_manager.retry")]
)
def test_the_settings_are_what_they_say(settings: str, module: str) -> None:
    program = (
        "import django; django.setup(); from container_manager.retry import ErrorType; print(ErrorType.__module__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == module
