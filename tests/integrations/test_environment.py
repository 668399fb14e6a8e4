"""Where the package cannot be installed the run is left out, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integrations import environment
from tests.servers.suite import RUNS, Report, perform

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_package_that_cannot_be_had_leaves_the_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, missing = tmp_path / "environment", tmp_path / "upstream-1.0-py3-none-any.whl"
    monkeypatch.setattr(environment, "FOLDER", folder)
    monkeypatch.setattr(environment, "REQUIREMENT", str(missing))
    report = Report()
    perform(RUNS["container-manager"], report)
    [left_out] = report.left_out
    assert left_out.startswith("django-container-manager==1.0.14 (")
    assert missing.name in left_out
    assert report.failed == []
    assert not (folder / ".installed").exists()
