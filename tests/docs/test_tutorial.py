"""The tutorial tells of the demo as it is."""

from __future__ import annotations

import re
from pathlib import Path

from examples.container_jobs.demonstration.kinds import KINDS

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
README = (ROOT / "examples" / "container_jobs" / "README.md").read_text()


def test_it_explains_each_kind_with_its_end() -> None:
    rows = re.findall(r"^\| ([a-z -]+) \| (completed|failed) \| (\d) \|", TUTORIAL, re.MULTILINE)
    assert rows == [(kind.name, kind.state, str(kind.attempts)) for kind in KINDS]


def test_it_counts_jobs_and_kinds() -> None:
    counted = f"{sum(kind.jobs for kind in KINDS)} jobs of {len(KINDS)} kinds"
    assert counted in " ".join(TUTORIAL.split())
    assert counted in " ".join(README.split())
