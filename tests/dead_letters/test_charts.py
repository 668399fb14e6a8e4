"""A chart shows its figures to scale, says what it shows, and takes whatever text for text."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry.django.dead_letters.charts import Series, Share, shares, sparkline, stacked_columns

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert('\"&')</script>"
COUNTS = st.lists(st.integers(0, 10**6), max_size=30)
CLOSE = 0.02
"""Coordinates are rounded to hundredths."""


def read(chart: str) -> ET.Element:
    """Return the chart's root, which is to be well-formed by itself."""
    root = ET.fromstring(chart)
    assert root.tag == f"{SVG}svg"
    assert (root.get("role"), root.get("preserveAspectRatio")) == ("img", "none")
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    return root


def bars_of(root: ET.Element) -> list[tuple[int, float]]:
    """Return place and height of each bar of a sparkline."""
    paths = [path.get("d", "") for path in root.iter(f"{SVG}path")]
    return [(int(x), float(height)) for x, height in re.findall(r"M(\d+) 20v-([\d.]+)h", "".join(paths))]


@given(COUNTS)
def test_a_sparkline_has_a_bar_for_each_value_that_is_not_0(values: list[int]) -> None:
    root = read(sparkline(values, label="Failures"))
    assert root.get("viewBox") == f"0 0 {max(len(values), 1)} 20"
    highest = max(values, default=0)
    expected = [(place, max(value / highest, 0.05) * 20) for place, value in enumerate(values) if value]
    found = bars_of(root)
    assert [place for place, _ in found] == [place for place, _ in expected]
    assert [height for _, height in found] == pytest.approx([height for _, height in expected], abs=CLOSE)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=20))
def test_columns_are_stacked_to_scale(rows: list[tuple[int, int]]) -> None:
    series = [
        Series("Transient", "transient", [a for a, _ in rows]),
        Series("Unknown", "unknown", [b for _, b in rows]),
    ]
    root = read(stacked_columns([f"column {place}" for place in range(len(rows))], series, label="Failures"))
    groups = root.findall(f"{SVG}g")
    shown = [(place, row) for place, row in enumerate(rows) if sum(row)]
    assert [group.findtext(f"{SVG}title") for group in groups] == [f"column {place}" for place, _ in shown]
    highest = max((sum(row) for row in rows), default=0)
    for group, (place, row) in zip(groups, shown, strict=True):
        room, *bars = group.findall(f"{SVG}rect")
        assert room.get("height") == "100"
        expected = [(css, value) for css, value in zip(("chart-transient", "chart-unknown"), row, strict=True) if value]
        assert [bar.get("class") for bar in bars] == [css for css, _ in expected]
        bottom = 100.0
        for bar, (_, value) in zip(bars, expected, strict=True):
            height = value / highest * 100
            bottom -= height
            assert bar.get("x") == str(place)
            assert float(bar.get("height", "")) == pytest.approx(height, abs=CLOSE)
            assert float(bar.get("y", "")) == pytest.approx(bottom, abs=CLOSE)


@given(st.lists(st.integers(0, 1000), max_size=5), st.integers(0, 10_000))
def test_shares_lie_one_behind_the_other(values: list[int], of: int) -> None:
    root = read(shares([Share(str(value), "1", value) for value in values], of=of, label="Jobs"))
    bars = root.findall(f"{SVG}rect")
    whole = max(of, sum(values))
    assert [bar.findtext(f"{SVG}title") for bar in bars] == [str(value) for value in values if value]
    end = 0.0
    for bar, value in zip(bars, filter(None, values), strict=True):
        assert float(bar.get("x", "")) == pytest.approx(end, abs=CLOSE)
        assert float(bar.get("width", "")) == pytest.approx(value / whole * 100, abs=CLOSE)
        end += value / whole * 100


@pytest.mark.parametrize(
    "chart",
    [
        lambda text: sparkline([1], label=text),
        lambda text: stacked_columns([text], [Series(text, text, [1])], label=text),
        lambda text: shares([Share(text, text, 1)], of=1, label=text),
    ],
    ids=["sparkline", "columns", "shares"],
)
def test_text_stays_text(chart: Any) -> None:
    drawn = chart(NASTY)
    assert read(drawn).get("aria-label") == NASTY
    assert "<script" not in drawn


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "chart",
    [
        lambda value: sparkline([1, value], label=""),
        lambda value: stacked_columns(["one"], [Series("a", "1", [value]), Series("b", "2", [3])], label=""),
        lambda value: shares([Share("a", "1", value), Share("b", "2", 3)], of=10, label=""),
        lambda value: shares([], of=value, label=""),
    ],
    ids=["sparkline", "columns", "shares", "whole"],
)
def test_what_no_bar_can_show_is_named(chart: Any, value: float) -> None:
    with pytest.raises(ValueError, match=f"not {value}"):
        chart(value)


def test_a_series_with_other_columns_is_named() -> None:
    with pytest.raises(ValueError, match="2 columns, but not Permanent"):
        stacked_columns(["a", "b"], [Series("Transient", "1", [1, 2]), Series("Permanent", "2", [1])], label="")
