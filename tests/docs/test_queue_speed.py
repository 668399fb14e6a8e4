"""The page on the queue's speed shows what its benchmarks wrote, in tables and in plots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from job_queue.page import page, pinned
from job_queue.plot import COLOURS, Bar, bars, lines
from job_queue.plots import PLOTS
from job_queue.prose import SECTIONS
from side_by_side import Figure, at_least
from side_by_side.page import BENCHES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "queue-speed.md"
NAMESPACE = "{http://www.w3.org/2000/svg}"
FIGURES = {
    "queue_speed": [
        Figure(
            "Beside the reference, SQLite", "a & b", 13.2, at_least(12), seconds={"reference": 0.004, "ours": 0.0003}
        ),
        Figure("Statements an attempt", "ours", 0.104, unit=""),
    ],
    "queue_peers": [
        Figure("Beside PostgreSQL", "Other <queue>", 4.0, at_least(5), seconds={"peer": 0.002, "ours": 0.0005}),
        Figure("Beside SQLite", "Huey", 1.25, at_least(1), seconds={"peer": 0.001, "ours": 0.0008}),
    ],
    "queue_costs": [
        Figure("An attempt: processor time", "claim: statements", 20.0, unit="us"),
        Figure("An attempt: processor time", "claim: instances", 30.0, unit="us"),
        Figure("An attempt: processor time", "update: statements", 40.0, unit="us"),
        Figure("An attempt: processor time", "all of it", 90.0, unit="us"),
        Figure("An attempt: time that passes", "all of it", 200.0, unit="us"),
    ],
    "queue_workers": [
        Figure("Beside two", "1 worker", 0.5, seconds={"two": 0.0002, "these": 0.0004}),
        Figure("Beside two", "2 workers", 1.0, seconds={"two": 0.0002, "these": 0.0002}),
    ],
    "queue_growth": [
        Figure("SQLite, big", "claim 100 jobs", 1.2, seconds={"small": 0.01, "big": 0.012}),
        Figure("SQLite, big", "renew leases", 9.0, seconds={"small": 0.01, "big": 0.09}),
        Figure("PostgreSQL, big", "claim 100 jobs", 1.1, seconds={"small": 0.02, "big": 0.022}),
    ],
}


def words(svg: str) -> list[str]:
    return [str(found.text) for found in ET.fromstring(svg).iter(f"{NAMESPACE}text")]


def found(svg: str, kind: str, attribute: str) -> list[Any]:
    return [element.get(attribute) for element in ET.fromstring(svg).iter(f"{NAMESPACE}{kind}")]


PLOTTED = {
    "queue_peers": (
        *("django-job-retry, PostgreSQL", "2,000", "django-job-retry, SQLite", "1,250"),
        *("Huey", "1,000", "Other <queue>", "500"),
    ),
    "queue_costs": ("claim: statements", "20 µs", "claim: instances", "30 µs", "update: statements", "40 µs"),
    "queue_workers": ("1 worker", "2 workers", "2,500", "5,000"),
    "queue_growth": (
        *("SQLite, small", "10.0 ms", "SQLite, big", "12.0 ms"),
        *("PostgreSQL, small", "20.0 ms", "PostgreSQL, big", "22.0 ms"),
    ),
}
"""The words of each plot under its title."""


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_says_its_figures(name: str) -> None:
    title, *rest = words(PLOTS[name](FIGURES[name]))
    assert f"<title>{title}</title>" in PLOTS[name](FIGURES[name])
    assert rest == [*PLOTTED[name]]


def test_bars_are_as_long_as_their_values_and_in_their_colours() -> None:
    svg = bars("Lengths", [Bar("a", 3.0), Bar("b", 1.5, 1), Bar("c", 0.0, len(COLOURS))], str)
    long, half, none = map(float, found(svg, "rect", "width"))
    assert long > 100
    assert [half / long, none / long] == pytest.approx([0.5, 0.0], abs=1e-3)
    assert found(svg, "rect", "fill") == [COLOURS[0], COLOURS[1], COLOURS[0]]


def test_points_are_as_high_as_their_values() -> None:
    svg = lines("Heights", {"a": {"1": 0.0, "2": 4.0}, "b": {"1": 2.0, "2": 1.0}}, str)
    floor, top, half, quarter = map(float, found(svg, "circle", "cy"))
    assert [(floor - height) / (floor - top) for height in (half, quarter)] == pytest.approx([0.5, 0.25], abs=1e-2)
    left, right = found(svg, "circle", "cx")[:2]
    assert float(left) < float(right)


def test_the_page_has_each_figure_beside_its_demand_and_its_plot() -> None:
    text = page(FIGURES, dict.fromkeys(FIGURES, "2026-11-26"), [("Python", "3.11")])
    lines = text.splitlines()
    assert "| Python | 3.11 |" in lines
    assert "Of 3 demands 2 are met; not:" in lines
    assert "| a & b | 250 a second | 3,333 a second | 13.2x | at least 12 | met |" in lines
    assert r"| Other \<queue> | 500 a second | 2,000 a second | 4.00x | at least 5 | NOT met |" in lines
    assert "| ours | 0.10  |  |  |" in lines
    assert "| claim 100 jobs | 10.0 ms | 12.0 ms | 1.20x |  |  |" in lines
    assert text.count("<svg") == text.count("</svg>") == len(PLOTS)
    assert not any("\n\n" in svg for svg in re.findall("<svg.*?</svg>", text, re.DOTALL))


def test_a_benchmark_that_was_not_run_is_left_out() -> None:
    text = page({"queue_speed": FIGURES["queue_speed"]}, {"queue_speed": "2026-11-26"}, [])
    assert [line for line in text.splitlines() if line.startswith("## ")] == [f"## {SECTIONS['queue_speed'].title}"]


def test_every_benchmark_of_the_queue_has_its_place_on_the_page() -> None:
    assert {path.stem for path in BENCHES.glob("queue_*.py")} == SECTIONS.keys()


def test_the_readme_promises_no_more_than_the_page_shows() -> None:
    promised = re.search(r"makes (\d+) times as many attempts a second as", (ROOT / "README.md").read_text())
    shown = re.search(r"### Beside the reference, PostgreSQL\n.*?\| ([\d.]+)x \|", PAGE.read_text(), re.DOTALL)
    assert promised is not None
    assert shown is not None
    assert float(promised[1]) <= float(shown[1])


def test_the_versions_of_all_other_queues_are_shown() -> None:
    assert [name.partition(" ")[0] for name in pinned()] == ["celery", "django-q2", "huey", "procrastinate"]
