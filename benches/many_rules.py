"""Measure a classifier with thousands of rules: against few, against other engines, and against edited lists.

python benches/many_rules.py [MESSAGES.jsonl]

A rule is two words of the messages joined by `.*`, drawn with a fixed seed; the 22 that they are compared with are the
patterns of the lists, as rules of the same kind. Texts are one in which no word of a rule stands, and the messages
themselves, in which many do. The other engines, google-re2's Set and ahocorasick_rs, are left out where they are not
installed: `make bench-peers` makes an environment that has them. The second one looks for the words alone and joins
nothing.
"""

from __future__ import annotations

import json
import random
import re
import sys
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, cast

from job_retry import ErrorClassifier
from side_by_side import Figure, Row, at_least, at_most, cost, faster, main

from packs import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Call = Callable[[str], object]

SEED = 20240229
MANY = 5000
FEWER = 1000
MESSAGES = Path(__file__).parent.parent / "tests/accuracy/messages.jsonl"


def read(path: Path) -> list[str]:
    """Return the messages of a file in the form of the labelled ones, in ASCII."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [message for line in lines if (message := json.loads(line)["message"]).isascii()]


def generated(messages: list[str], count: int) -> list[str]:
    """Return patterns of two words each, the same ones in each run; fewer are the first ones of more."""
    quiet = set(re.findall("[a-z]+", QUIET))
    words = sorted({word for message in messages for word in re.findall("[a-z]{4,}", message.lower())} - quiet)
    draw = random.Random(SEED)
    drawn = (".*".join(draw.sample(words, 2)) for _ in range(MANY * 2))
    return list(dict.fromkeys(drawn))[:count]


def as_pack(patterns: list[str]) -> Call:
    """Return the `classify_error` of a classifier with these patterns as rules."""
    rules = [
        {"id": f"generated-{number}", "verdict": "transient", "why": "it was drawn", "message": pattern}
        for number, pattern in enumerate(patterns)
    ]
    return ErrorClassifier.with_rules(rules).classify_error


def as_lists(patterns: list[str]) -> Call:
    """Return the `classify_error` of a classifier with these patterns in its lists."""

    edited = type("Edited", (ErrorClassifier,), {"TRANSIENT_PATTERNS": patterns, "PERMANENT_PATTERNS": []})
    return cast("Call", edited.classify_error)


def peers(patterns: list[str]) -> Iterator[tuple[str, Call]]:
    """Yield the other engines that are installed, with these patterns."""
    try:
        re2, ahocorasick_rs = import_module("re2"), import_module("ahocorasick_rs")
    except ImportError:
        print("google-re2 and ahocorasick_rs are not both installed: no comparison with them", file=sys.stderr)
        return
    options = re2.Options()
    options.max_mem = 1 << 30
    options.case_sensitive = False
    matcher = re2.Set.SearchSet(options)
    for pattern in patterns:
        matcher.Add(pattern)
    matcher.Compile()
    words = sorted({word for pattern in patterns for word in pattern.split(".*")})
    automaton = ahocorasick_rs.AhoCorasick(words)
    yield "re2.Set", matcher.Match
    yield "ahocorasick_rs", lambda text: automaton.find_matches_as_indexes(text.lower(), overlapping=True)


def texts(messages: list[str], size: int) -> dict[str, list[tuple[str]]]:
    """Return texts of this size, by what they are."""
    quiet = (QUIET * (size // len(QUIET) + 1))[:size]
    joined, parts = "", []
    for message in cycle(messages):
        joined += message + "\n"
        if len(joined) >= size:
            parts.append((joined[:size],))
            joined = ""
        if len(parts) == (50 if size < 1000 else 4):
            break
    return {"no word of a rule": [(quiet,)], "messages": parts}


def figures(messages: list[str]) -> Iterator[Figure]:
    few = as_pack([*ErrorClassifier.TRANSIENT_PATTERNS, *ErrorClassifier.PERMANENT_PATTERNS])
    patterns = generated(messages, MANY)
    many, fewer, lists = as_pack(patterns), as_pack(patterns[:FEWER]), as_lists(patterns)
    short, long = texts(messages, 120), texts(messages, 16_000)
    for title, of_text in short.items():
        yield cost(f"{MANY} rules, 120 B, against 22", Row(title, of_text, at_most(4)), ("22", few), ("many", many))
    for title, of_text in long.items():
        row = Row(title, of_text, at_most(1.5))
        yield cost(f"{MANY} rules, 16 kB, against {FEWER}", row, ("fewer", fewer), ("many", many))
    for name, engine in peers(patterns):
        for title, of_text in long.items():
            row = Row(title, of_text, at_least(2))
            yield faster(f"{MANY} rules, 16 kB, against {name}", row, (name, engine), ("many", many))
    for size, of_size in (("120 B", short), ("16 kB", long)):
        for title, of_text in of_size.items():
            row = Row(title, of_text, at_most(5))
            yield cost(f"{MANY} patterns in edited lists, {size}", row, ("rules", many), ("lists", lists))


if __name__ == "__main__":
    path = Path(sys.argv.pop(1)) if sys.argv[1:] and not sys.argv[1].startswith("-") else MESSAGES
    main(lambda: figures(read(path)), __doc__)
