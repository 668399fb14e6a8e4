"""The shipped patterns on other engines, each set up for the most that it can do with ASCII messages.

All leave out what the native classifier has to do beside: to see that the lists were not edited, to ask the logger, and
to lower-case as `str.lower()` does. Where an engine can ignore case itself, that is cheaper than lower-casing the
message, and done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ahocorasick_rs
import hyperscan
import re2
from job_retry import ErrorClassifier, ErrorType

if TYPE_CHECKING:
    from collections.abc import Callable

    Engine = Callable[[str], ErrorType]

PATTERNS = [*ErrorClassifier.TRANSIENT_PATTERNS, *ErrorClassifier.PERMANENT_PATTERNS]
VERDICTS = [
    *([ErrorType.TRANSIENT] * len(ErrorClassifier.TRANSIENT_PATTERNS)),
    *([ErrorType.PERMANENT] * len(ErrorClassifier.PERMANENT_PATTERNS)),
]


def google_re2() -> Engine:
    """One set of all patterns, ignoring case; it names those that match."""
    options = re2.Options()
    options.case_sensitive = False
    patterns = re2.Set.SearchSet(options)
    for pattern in PATTERNS:
        patterns.Add(pattern)
    patterns.Compile()
    match, verdicts, unknown = patterns.Match, VERDICTS, ErrorType.UNKNOWN

    def classify(message: str) -> ErrorType:
        matching = match(message)
        return verdicts[min(matching)] if matching else unknown

    return classify


def hyperscan_database() -> Engine:
    """One database of all patterns, ignoring case; each is reported once at most."""
    database = hyperscan.Database()
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    database.compile(
        expressions=[pattern.encode() for pattern in PATTERNS],
        ids=list(range(len(PATTERNS))),
        elements=len(PATTERNS),
        flags=[flags] * len(PATTERNS),
    )
    scan, verdicts, unknown = database.scan, VERDICTS, ErrorType.UNKNOWN
    matching: list[int] = []

    def note(pattern: int, *_: object) -> None:
        matching.append(pattern)

    def classify(message: str) -> ErrorType:
        scan(message.encode(), match_event_handler=note)
        if not matching:
            return unknown
        first = min(matching)
        matching.clear()
        return verdicts[first]

    return classify


def aho_corasick() -> Engine:
    """The longest literal of each pattern, all at once; the patterns of those found by `re`, compiled beforehand."""
    literals: dict[str, list[int]] = {}
    for number, pattern in enumerate(PATTERNS):
        literals.setdefault(max(pattern.split(".*"), key=len), []).append(number)
    searches = [re.compile(pattern).search for pattern in PATTERNS]
    patterns_of = list(literals.values())
    automaton = ahocorasick_rs.AhoCorasick(
        list(literals), implementation=ahocorasick_rs.Implementation.DFA, store_patterns=False
    )
    find, unknown = automaton.find_matches_as_indexes, ErrorType.UNKNOWN

    def classify(message: str) -> ErrorType:
        lowered = message.lower()
        found = find(lowered, overlapping=True)
        if found:
            candidates: set[int] = {number for literal, _, _ in found for number in patterns_of[literal]}
            for number in sorted(candidates):
                if searches[number](lowered):
                    return VERDICTS[number]
        return unknown

    return classify


ENGINES: dict[str, Engine] = {
    "google-re2": google_re2(),
    "hyperscan": hyperscan_database(),
    "ahocorasick_rs": aho_corasick(),
}
"""By the name of the distribution."""
