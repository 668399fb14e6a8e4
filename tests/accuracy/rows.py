"""Labelled messages: files of JSON Lines, one message a line.

Each line is an object with `KEYS`, all of them text. `message` is what was logged and alone is judged; `label` is the
verdict that an experienced operator gives; `family` is the system that it comes from; `source` says where it was found;
`why` explains the label. Other keys, such as `exception`, may stand beside them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LABELS = ("transient", "permanent", "unknown")
KEYS = ("message", "label", "family", "source", "why")


class RowError(Exception):
    """A file cannot be used; the message names it, the line, what is wrong and what is expected."""


@dataclass(frozen=True)
class Row:
    """One labelled message."""

    message: str
    label: str
    family: str
    source: str
    why: str
    place: str = ""
    """File and line that it was read from."""


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Return the rows of all files, in their order.

    Raises:
        RowError: A file is missing, unreadable or without rows, or a line is no row.
    """
    rows: list[Row] = []
    for path in paths:
        before = len(rows)
        rows.extend(_rows_of(path))
        if len(rows) == before:
            raise RowError(f"{path}: holds no message; expected is one JSON object a line")
    return rows


def _rows_of(path: Path) -> Iterator[Row]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RowError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield _row_of(line, f"{path}:{number}")


def _row_of(line: bytes, place: str) -> Row:
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise RowError(f"{place}: is no UTF-8: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise RowError(f"{place}: is no JSON: {error.msg} at character {error.pos}") from error
    if not isinstance(value, dict):
        raise RowError(f"{place}: is {_kind(value)}; expected is an object with the keys {', '.join(KEYS)}")
    for key in KEYS:
        if key not in value:
            raise RowError(f"{place}: lacks the key {key!r}; needed are {', '.join(KEYS)}")
        if not isinstance(value[key], str) or not value[key].strip():
            raise RowError(f"{place}: {key!r} is {_kind(value[key])}; expected is a text that is not empty")
    if value["label"] not in LABELS:
        raise RowError(f"{place}: unknown label {value['label']!r}; there are {', '.join(LABELS)}")
    return Row(**{key: value[key] for key in KEYS}, place=place)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "an empty text", list: "a list"}
    return kinds.get(type(value), "an object")
