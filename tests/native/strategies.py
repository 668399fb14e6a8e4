"""Hypothesis strategies for messages and patterns."""

from __future__ import annotations

import re
import warnings

from hypothesis import strategies as st

from tests.native.oracle import PERMANENT_PATTERNS, TRANSIENT_PATTERNS

# What lower-casing, `.` and encodings trip over: dotted capital I, Kelvin sign, long s, sharp s, sigma (whose lower
# case depends on its neighbours), dotless i, a combining dot, line and paragraph separators, NUL, lone surrogates, a
# character outside the basic plane with a lower case.
AWKWARD = (
    "\u0130\u212a\u017f\u00df\u1e9e\u03a3\u0131\u0307\u00c9\u0345\U00010400"
    "\u2028\u2029\x85\r\n\x0b\x1c\0\ud800\udc80\udfff"
)

FRAGMENTS = sorted(
    {part for pattern in TRANSIENT_PATTERNS + PERMANENT_PATTERNS for part in pattern.split(".*")}
    | {word for pattern in TRANSIENT_PATTERNS + PERMANENT_PATTERNS for word in re.findall("[a-z]+", pattern)}
)


def _disguised(draw: st.DrawFn, text: str) -> str:
    """Return text in another case, its i, k and s perhaps as characters that look or lower-case like them."""
    forms = {"i": "iI\u0130\u0131", "k": "kK\u212a", "s": "sS\u017f"}
    return "".join(draw(st.sampled_from(forms.get(character, character + character.upper()))) for character in text)


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Return fragments of the shipped rules, whole, disguised or cut, with awkward characters between them."""
    fragment = st.sampled_from(FRAGMENTS)
    piece = st.one_of(
        fragment,
        fragment.map(str.upper),
        fragment.map(str.title),
        st.sampled_from([" ", "\n", ": ", ""]),
        st.text(AWKWARD, max_size=3),
        st.text(max_size=4),
    )
    pieces = draw(st.lists(piece, max_size=8))
    if draw(st.booleans()):
        pieces.append(_disguised(draw, draw(fragment)))
    return draw(st.sampled_from(["", " "])).join(pieces)


# A small alphabet, so that patterns and messages meet often.
small_messages = st.one_of(
    st.text("ab ", max_size=12),
    st.text("ab\xe9\n\u212ak", max_size=12),
    st.text("abAB .\n\u0130\u212a\u03a3\xdf\xe9\ud800{}", max_size=12),
)

_literal = st.one_of(
    st.text("ab", min_size=1, max_size=3), st.text("abki\u03c3\u03c2s\xdf\xe9\u0307 ", min_size=1, max_size=3)
)
literal_patterns = st.lists(st.one_of(_literal, _literal.map(re.escape), st.just("")), min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([".*", ".*?", ".*.*"]).map(lambda gap: gap.join(parts))
)
"""Literals joined by gaps: what runs natively."""

# Pieces of the syntax of `re`, meant to be put together into patterns valid and not, so that what counts as required
# in one is tried in all its surroundings.
_CLASSES_AND_REPETITIONS = "[ab] [^a] []a] [^]b] [a\\]] [{}] [}] {2} {,3} {1,} {0} {x} {,} {0,1} *? +? ?? .* .*?"
_GROUPS_AND_WORDS = "(?: (?= (?! (?<! (?P<n> (?P=n) (?i) (?x) (?s) (?m) (?i: (?#a) |b a) b) ab ba aab"
_ESCAPES = r"\d \s \b \B \w \W \A \Z \. \{ \x61 \n \1 \N{COLON}"
SYNTAX = [
    *"abABk.^$*+?{}[]()|\\-,:# \n\xe9\u0130",
    *_CLASSES_AND_REPETITIONS.split(" "),
    *_GROUPS_AND_WORDS.split(" "),
    *_ESCAPES.split(" "),
]


def is_valid(pattern: str) -> bool:
    """Return whether `re` accepts the pattern without a warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError, Warning):
        return False
    return True


syntax_patterns = st.lists(st.sampled_from(SYNTAX), min_size=1, max_size=7).map("".join)
"""Anything between literal and invalid."""

valid_patterns = st.one_of(literal_patterns, syntax_patterns.filter(is_valid))
