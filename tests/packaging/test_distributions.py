"""The check of built distributions notices what is missing and what is too much. It runs on real ones in test-wheel."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.packaging import distributions

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = "django_job_retry-0.1.0.dist-info/licenses/LICENSE"
NATIVE = "job_retry/_native.cpython-311-x86_64-linux-gnu.so"


def source_distribution(folder: Path, names: set[str]) -> Path:
    archive = folder / "django_job_retry-0.1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            file.addfile(tarfile.TarInfo(f"django_job_retry-0.1.0/{name}"))
    return archive


def wheel(folder: Path, names: set[str]) -> Path:
    archive = folder / "django_job_retry-0.1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, "")
    return archive


def all_sources() -> set[str]:
    return {*distributions.SOURCE_FILES, "PKG-INFO", *distributions.sources("src"), *distributions.sources("python")}


def package() -> set[str]:
    return {name.removeprefix("python/") for name in distributions.sources("python")} | {NATIVE, ABOUT}


def test_complete_ones_pass(tmp_path: Path) -> None:
    source_distribution(tmp_path, all_sources())
    wheel(tmp_path, package())
    distributions.main(tmp_path)


@pytest.mark.parametrize("name", ["src/lib.rs", "python/job_retry/__init__.py", "Cargo.lock", "CHANGELOG.md"])
def test_a_source_distribution_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError, match=f"lacks \\['{name}'\\]"):
        distributions.check_source_distribution(source_distribution(tmp_path, all_sources() - {name}))


def test_tests_are_not_shipped(tmp_path: Path) -> None:
    archive = source_distribution(tmp_path, all_sources() | {"tests/app/models.py"})
    with pytest.raises(AssertionError, match=r"should not have \['tests/app/models\.py'\]"):
        distributions.check_source_distribution(archive)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (package() - {NATIVE}, r"native modules \[\]"),
        (package() | {"job_retry/_native.abi3.so"}, "native modules"),
        (package() - {ABOUT}, "lacks its licence"),
        (package() - {"job_retry/py.typed"}, r"lacks \['job_retry/py\.typed'\]"),
        (package() | {"tests/__init__.py"}, r"should not have \['tests/__init__\.py'\]"),
    ],
)
def test_a_wheel_with_too_little_or_too_much_is_refused(tmp_path: Path, names: set[str], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        distributions.check_wheel(wheel(tmp_path, names))


def test_the_sources_are_found() -> None:
    assert {"src/lib.rs", "src/python/mod.rs"} <= distributions.sources("src")
    assert "python/job_retry/django/management/commands/run_job_queue.py" in distributions.sources("python")
