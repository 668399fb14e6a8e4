"""The pages on classification and strategies list what is shipped, and the README what is measured of it."""

from __future__ import annotations

import re
from pathlib import Path

from job_retry import RETRY_STRATEGIES, ErrorClassifier

from tests.accuracy.__main__ import OWN, measure
from tests.accuracy.report import as_json
from tests.accuracy.rows import read_rows
from tests.docs.pages import ROOT, Page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_patterns_are_listed_in_their_order() -> None:
    page = (DOCS / "classification.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", page, re.MULTILINE)
    assert listed == [*ErrorClassifier.TRANSIENT_PATTERNS, *ErrorClassifier.PERMANENT_PATTERNS]


def test_the_presets_are_listed_with_their_schedules() -> None:
    page = (DOCS / "strategies.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) s \| ([\d.]+) s \| ([\d., ]+?)(?: s)? \| .+ \|$", re.MULTILINE)
    listed = [
        (name, int(attempts), float(base), float(cap), [float(delay) for delay in delays.split(",")])
        for name, attempts, base, cap, delays in row.findall(page)
    ]
    presets = [(name, RETRY_STRATEGIES[name]) for name in ("default", "aggressive", "conservative", "high_priority")]
    assert listed == [
        (name, preset.max_attempts, preset.base_delay, preset.max_delay, preset.schedule()) for name, preset in presets
    ]


def test_the_readme_claims_no_more_than_is_measured() -> None:
    rows = Page(ROOT / "README.md").table("## Errors that it knows")
    figures = as_json(measure(read_rows([OWN])))
    measured = {**figures["groups"], "all": figures["total"]}
    assert [name for name, *_ in rows] == list(measured)
    for name, messages, lists, packs in rows:
        of_group = measured[name]
        assert int(messages) == of_group["packs"]["messages"]
        assert int(lists.removesuffix(" %")) == round(100 * of_group["lists"]["share_right"])
        assert int(packs.removesuffix(" %")) <= round(100 * of_group["packs"]["share_right"])
