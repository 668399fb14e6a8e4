"""The installed package and what describes it agree."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata, resources
from typing import Any

import job_retry
import pytest

from tests.docs.pages import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DISTRIBUTION = "django-job-retry"


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def test_there_is_one_version() -> None:
    version = toml("Cargo.toml")["package"]["version"]
    assert version == job_retry.__version__ == metadata.version(DISTRIBUTION)
    locked = {package["name"]: package["version"] for package in toml("Cargo.lock")["package"]}
    assert locked[DISTRIBUTION] == version


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    version, date = headings[0]
    assert version == job_retry.__version__
    assert re.fullmatch(r"Unreleased|\d{4}-\d\d-\d\d", date)


def test_the_licence_is_named_and_there() -> None:
    assert toml("pyproject.toml")["project"]["license"] == toml("Cargo.toml")["package"]["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_the_package_says_that_it_is_typed() -> None:
    package = resources.files("job_retry")
    assert (package / "py.typed").is_file()
    assert (package / "_native.pyi").is_file()


def test_the_oldest_rust_and_python_are_the_same_everywhere() -> None:
    rust = toml("Cargo.toml")["package"]["rust-version"]
    python = toml("pyproject.toml")["project"]["requires-python"].removeprefix(">=")
    for name in ("README.md", "CONTRIBUTING.md", "docs/quickstart.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"Rust (\d\.\d+)", text)) <= {rust}, name
        assert set(re.findall(r"Python (\d\.\d+) or later", text)) == {python}, name


@pytest.mark.parametrize("module", ["job_retry", "job_retry.error_type", "job_retry._native"])
def test_the_native_half_imports_no_django(module: str) -> None:
    program = f"import sys, {module}; sys.exit(any(name.partition('.')[0] == 'django' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-W", "error", "-c", program], check=False).returncode == 0


def test_the_django_half_can_be_imported_before_settings() -> None:
    program = "import job_retry.django, job_retry.django.apps, job_retry.django.signals"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
