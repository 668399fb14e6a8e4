"""What commands show on a terminal and elsewhere: tables, a bar with a rate and an end, and a stop between chunks."""

from __future__ import annotations

import os
import re
import signal
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from job_retry.django import management
from job_retry.django.management.long_work import (
    PlainBar,
    Silent,
    describe_progress,
    progress,
    stopping_between_chunks,
)
from job_retry.django.management.text import Column, harmless, last_line, write_table

COLUMNS = (Column("NUMBER", is_number=True), Column("NAME"), Column("ERROR"))
ROWS = [["1", "a", "[red]x[/red] " + "long " * 60], ["1,000", "longer", "é"]]


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = "job_retry.django.management.rich_output"
    for name in [name for name in sys.modules if name.split(".")[0] == "rich" or name == drawn]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(management, "rich_output", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)


@pytest.fixture(params=["with rich", "without rich"])
def either_way(request: pytest.FixtureRequest) -> str:
    if request.param == "without rich":
        request.getfixturevalue("without_rich")
    return str(request.param)


def table_on(stream: StringIO, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", "60")
    write_table(OutputWrapper(stream), COLUMNS, ROWS)
    return [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in stream.getvalue().splitlines()]


def test_a_table_off_the_terminal_is_whole_and_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert table_on(StringIO(), monkeypatch) == [
        "NUMBER  NAME    ERROR",
        "     1  a       [red]x[/red] " + ("long " * 60).strip(),
        " 1,000  longer  é",
    ]


@pytest.mark.usefixtures("either_way")
def test_a_table_on_a_terminal_is_as_wide_as_that_and_takes_nothing_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    header, first, second = table_on(Terminal(), monkeypatch)
    assert header.split() == ["NUMBER", "NAME", "ERROR"]
    assert first.startswith("     1  a       [red]x[/red] long")
    assert max(map(len, (header, first, second))) <= 60


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("", ""),
        (" \n\n", ""),
        ("one", "one"),
        ("Traceback:\n  File x\nValueError:  y\t z\n\n", "ValueError: y z"),
        ("a\x1b[2Jb\x00\u202ec", r"a\x1b[2Jb\x00\u202ec"),
    ],
)
def test_the_telling_line_of_an_error_does_not_steer_the_terminal(error: str, line: str) -> None:
    assert last_line(error) == line


def test_lines_and_tabulators_are_harmless() -> None:
    assert harmless("a\n\tb\r\x9b") == "a\n\tb\\r\\x9b"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (0, 10, 5.0, "0 of 10"),
        (5, 10, 0.0, "5 of 10"),
        (500, 2000, 2.0, "500 of 2,000, 250 a second, 6 s left"),
        (12, 10, 1.0, "12 of 10, 12 a second, 0 s left"),
    ],
)
def test_progress_has_a_rate_and_an_end(done: int, total: int, seconds: float, words: str) -> None:
    assert describe_progress(done, total, seconds) == words


def test_a_plain_bar_is_drawn_now_and_then() -> None:
    stream, now = Terminal(), [0.0]
    bar = PlainBar(OutputWrapper(stream), "Requeuing", 100, monotonic=lambda: now[0])
    bar.advance(10)
    assert stream.getvalue() == ""
    now[0] = 2.0
    bar.advance(10)
    assert stream.getvalue().strip() == "Requeuing: 20 of 100, 10 a second, 8 s left"


def test_a_bar_on_a_terminal_ends_at_its_total(either_way: str) -> None:
    stream = Terminal()
    with progress(OutputWrapper(stream), "Requeuing", 20) as shown:
        shown.advance(15)
        shown.advance(5)
    assert "Requeuing" in stream.getvalue()
    assert ("20/20" if either_way == "with rich" else "20 of 20") in stream.getvalue()


@pytest.mark.parametrize(("stream", "total"), [(StringIO(), 5), (Terminal(), 0)])
def test_nothing_is_shown_where_nobody_looks_or_nothing_is_done(stream: Any, total: int) -> None:
    with progress(OutputWrapper(stream), "Requeuing", total) as shown:
        shown.advance(1)
        assert isinstance(shown, Silent)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_between_chunks_and_the_second_does_what_it_did(order: signal.Signals) -> None:
    before = signal.getsignal(order)
    with stopping_between_chunks() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), order)
        assert stop.is_set()
        assert signal.getsignal(order) == before
    assert signal.getsignal(order) == before
