"""A file of labelled messages is read, or refused with what is wrong where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.accuracy.rows import KEYS, Row, RowError, read_rows

if TYPE_CHECKING:
    from pathlib import Path

ROW = {
    "message": "connection refused",
    "label": "transient",
    "family": "socket",
    "source": "provoked: no server listens",
    "why": "the server may start",
}


def write(folder: Path, *lines: object, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return path


def test_rows_come_in_the_order_of_files_and_lines_with_their_places(tmp_path: Path) -> None:
    first = write(tmp_path, ROW, {**ROW, "message": "No such image"}, name="first.jsonl")
    second = write(tmp_path, {**ROW, "exception": None}, name="second.jsonl")
    assert read_rows([second, first]) == [
        Row(**ROW, place=f"{second}:1"),
        Row(**ROW, place=f"{first}:1"),
        Row(**{**ROW, "message": "No such image"}, place=f"{first}:2"),
    ]


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n", b"  \r\n", ROW)
    assert [row.place for row in read_rows([path])] == [f"{path}:3"]


def test_a_message_may_hold_line_ends_and_lone_surrogates(tmp_path: Path) -> None:
    message = "first\nsecond\u2028third \udcff"
    assert read_rows([write(tmp_path, {**ROW, "message": message})])[0].message == message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{'message': 1}\n", "is no JSON: "),
        (b'{"message": "cut off', "is no JSON: "),
        (b'{"message": "\xff"}\n', "is no UTF-8: invalid start byte at byte 13"),
        (["connection refused"], "is a list; expected is an object with the keys message, label, family, source, why"),
        ({**ROW, "label": "retryable"}, "unknown label 'retryable'; there are transient, permanent, unknown"),
        ({**ROW, "message": ""}, "'message' is an empty text; expected is a text that is not empty"),
        ({**ROW, "message": 7}, "'message' is a number; expected is a text that is not empty"),
        ({**ROW, "why": None}, "'why' is null; expected is a text that is not empty"),
        *(
            ({name: ROW[name] for name in KEYS if name != key}, f"lacks the key '{key}'; needed are {', '.join(KEYS)}")
            for key in KEYS
        ),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(line: object, complaint: str, tmp_path: Path) -> None:
    path = write(tmp_path, ROW, line)
    with pytest.raises(RowError) as raised:
        read_rows([path])
    assert str(raised.value).startswith(f"{path}:2: {complaint}")


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(RowError, match=r"rows\.jsonl: holds no message"):
        read_rows([write(tmp_path, ROW, name="good.jsonl"), path])


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("missing.jsonl", "missing.jsonl: cannot be read: No such file"), (".", ": cannot be read: Is a directory")],
)
def test_a_file_that_cannot_be_read_is_named(name: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(RowError) as raised:
        read_rows([tmp_path / name])
    assert complaint in str(raised.value)
