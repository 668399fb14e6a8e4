"""The page of figures shows what the benchmarks wrote, and calls nothing met that is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from side_by_side import Demand, Figure, at_least, at_most
from side_by_side.page import BENCHES, TITLES, page, read

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = [
    Figure("22 patterns", "120 B, none", 41.26, at_least(40), seconds={"reference": 7.5e-6, "native": 1.82e-7}),
    Figure("22 patterns", "120 B, last | pattern", 39.96, at_least(40), seconds={"reference": 8e-6, "native": 2e-7}),
    Figure("First use", "all packs", 0.25, unit="s"),
    Figure("Growth", "'docker *'", 2.08, at_most(2.1)),
]


def written(folder: Path) -> list[Figure]:
    file = folder / "classify.json"
    file.write_text(json.dumps([figure.as_json() for figure in FIGURES]), encoding="utf-8")
    return read(file)


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert written(tmp_path) == FIGURES


def test_the_page_has_each_figure_beside_its_demand(tmp_path: Path) -> None:
    lines = page({"classify": written(tmp_path)}, {"classify": "2026-11-26"}, [("Python", "3.11")]).splitlines()
    assert "| Python | 3.11 |" in lines
    assert "Of 3 demands 2 are met; not:" in lines
    assert r"- 22 patterns, 120 B, last \| pattern: 40.0x, demanded at least 40" in lines
    assert "| | reference | native | figure | demanded |  |" in lines
    assert "| 120 B, none | 7.5 us | 182.0 ns | 41.3x | at least 40 | met |" in lines
    assert r"| 120 B, last \| pattern | 8.0 us | 200.0 ns | 40.0x | at least 40 | NOT met |" in lines
    assert "| all packs | 0.25 s |  |  |" in lines
    assert r"| 'docker \*' | 2.08x | at most 2.1 | met |" in lines


def test_every_benchmark_has_its_place_on_the_page() -> None:
    elsewhere = {path.stem for path in BENCHES.glob("queue_*.py")} | {"dead_letters"}  # on pages of their own
    assert {path.stem for path in BENCHES.glob("*.py")} - elsewhere <= TITLES.keys()


def test_a_demand_is_met_at_its_bound() -> None:
    assert [Demand(2.1, at_most=True).met(value) for value in (2.1, 2.11)] == [True, False]
    assert [Demand(40).met(value) for value in (40, 39.9)] == [True, False]
