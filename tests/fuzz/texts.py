"""Random messages and lists of patterns that meet: made of the words of the rules, and of their examples."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from job_retry import rule_packs

from tests.native.oracle import PERMANENT_PATTERNS, TRANSIENT_PATTERNS
from tests.native.strategies import AWKWARD, FRAGMENTS, SYNTAX, is_valid

if TYPE_CHECKING:
    import random

GLUE = [
    *[" "] * 4,
    *["\n"] * 3,
    *["", ": ", ", ", "'", "attempt 1 of 3: ", "retrying in 5s", "[Errno 111] ", "HTTP/1.1 503 ", "exit status 137"],
    *["SQLSTATE 40001", "0x7f3a", "10.0.0.1:5432", "not", "no", "see", "0", "7"],
]


@cache
def dictionary() -> tuple[list[str], list[str]]:
    """Return the words of all rules, and the texts that they decide."""
    words, examples = set(FRAGMENTS), []
    for pack in rule_packs().values():
        for rule in pack.rules:
            for pattern in (*rule.message, *rule.also, *rule.unless):
                words.update(re.findall("[a-z][a-z ]+[a-z]", pattern))
            examples += [example.message for example in (*rule.examples, *rule.counterexamples) if example.message]
    return sorted(words), examples


def message(source: random.Random) -> str:
    words, examples = dictionary()
    pieces = []
    for _ in range(source.randrange(10)):
        kind = source.randrange(16)
        if kind < 6:
            pieces.append(source.choice(words))
        elif kind < 8:
            pieces.append(source.choice(words).upper())
        elif kind < 12:
            pieces.append(source.choice(GLUE))
        elif kind == 12:
            pieces.append(_mutated(source, source.choice(examples)))
        elif kind == 13:
            pieces.append(source.choice(AWKWARD))
        elif kind == 14:
            pieces.append("".join(chr(source.randrange(0x110000)) for _ in range(source.randrange(4))))
        elif pieces:
            pieces.append(source.choice(pieces) * source.choice([2, 3, 100]))
    return source.choice(["", " "]).join(pieces)


def _mutated(source: random.Random, text: str) -> str:
    place = source.randrange(len(text))
    return source.choice([text, text[:place], text[place:], text[:place] + source.choice(AWKWARD) + text[place + 1 :]])


def small_message(source: random.Random) -> str:
    """Return a message of few characters, which patterns of few characters meet."""
    return "".join(source.choices("abAB .\n\u0130\u212a\u03a3\xdf\xe9\ud800{}k1", k=source.randrange(14)))


def patterns(source: random.Random, *, literal: bool) -> list[str]:
    """Return patterns that `re` accepts: literals joined by gaps, and other syntax if so asked."""
    kinds = 3 if literal else 5
    made = (_pattern(source, source.randrange(kinds)) for _ in range(source.randrange(1, 6)))
    return [pattern for pattern in made if is_valid(pattern)]


def _pattern(source: random.Random, kind: int) -> str:
    if kind == 0:
        return source.choice(TRANSIENT_PATTERNS + PERMANENT_PATTERNS)
    if kind == 1:
        words = dictionary()[0]
        return source.choice([".*", ".*?"]).join(re.escape(source.choice(words)) for _ in range(source.randrange(4)))
    if kind == 2:
        return ".*".join("".join(source.choices("abAB \xe9\u03c3k", k=source.randrange(3))) for _ in range(3))
    return "".join(source.choices(SYNTAX, k=source.randrange(1, 7)))
