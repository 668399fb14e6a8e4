"""Labelled groups of messages: files of JSON Lines, one cause a line.

Each line is an object with ``cause``, which names the cause, and ``messages``, one or more texts of it in which
``«kind»`` stands for a value that differs from one time to the next (see `tests.fingerprints.values`). A line with
``message`` in place of both, as the files of labelled messages have it, is a cause of its own; in it, what is a value
beyond doubt is found by `EVIDENT`.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.fingerprints.values import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VALUE = re.compile("«([a-z0-9]+)»")
RENDERED = 6
"""Most messages of each cause: enough that most forms of most values come up."""

EVIDENT = (
    ("uuid", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    ("hex64", r"\b[0-9a-f]{64}\b"),
    ("hex32", r"\b[0-9a-f]{32}\b"),
    ("hex12", r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b"),
    ("pointer", r"\b0x[0-9a-f]{12}\b"),
    ("ip", r"(?<![\w.])(?!127\.|0\.)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"),
    ("isoz", r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"),
    ("duration", r"(?<=after )\d+(?:\.\d+)?m?s\b"),
)
"""Kinds of values, and how they look where nobody has marked them."""


@dataclass(frozen=True)
class Cause:
    """A cause and the texts that report it."""

    name: str
    templates: tuple[str, ...]


class Message(NamedTuple):
    """One message, and its cause."""

    text: str
    cause: str


class GroupError(Exception):
    """A file cannot be used; the message names it, the line and what is wrong."""


def read_causes(path: Path) -> list[Cause]:
    """Return the causes of a file.

    Raises:
        GroupError: The file cannot be read, or a line is no cause.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise GroupError(f"{path}: cannot be read: {error}") from error
    return [_cause(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _cause(line: str, place: str) -> Cause:
    try:
        row = json.loads(line)
        cause = (
            Cause(row["cause"], tuple(row["messages"])) if "cause" in row else Cause(place, (_marked(row["message"]),))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GroupError(f"{place}: is no object with `cause` and `messages`, or with `message`: {error!r}") from error
    unknown = {kind for template in cause.templates for kind in VALUE.findall(template)} - KINDS.keys()
    if unknown:
        raise GroupError(f"{place}: unknown kinds of values: {', '.join(sorted(unknown))}")
    return cause


def _marked(message: str) -> str:
    for kind, pattern in EVIDENT:
        message = re.sub(pattern, f"«{kind}»", message)
    return message


def render(causes: Iterable[Cause]) -> list[Message]:
    """Return up to `RENDERED` messages of each cause, no two alike; the same at every call."""
    messages = [
        Message(_filled(cause.templates[number % len(cause.templates)], f"{cause.name}/{number}"), cause.name)
        for cause in causes
        for number in range(RENDERED)
    ]
    return list(dict.fromkeys(messages))


def _filled(template: str, seed: str) -> str:
    pick = random.Random(seed)
    return VALUE.sub(lambda kind: KINDS[kind[1]](pick), template)
