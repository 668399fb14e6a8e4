"""Verdicts of the classifier are those of `re.search` over `str.lower()`, for any message and any pattern."""

from __future__ import annotations

import gc
import random
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from job_retry import ErrorClassifier, ErrorType

from tests.native import oracle
from tests.native.strategies import (
    AWKWARD,
    FRAGMENTS,
    is_valid,
    messages,
    small_messages,
    syntax_patterns,
    valid_patterns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def classifier(transient: Sequence[str], permanent: Sequence[str] = ()) -> type[ErrorClassifier]:
    return type("Classifier", (ErrorClassifier,), {"TRANSIENT_PATTERNS": transient, "PERMANENT_PATTERNS": permanent})


def test_the_shipped_lists_are_the_documented_ones() -> None:
    assert ErrorClassifier.TRANSIENT_PATTERNS == oracle.TRANSIENT_PATTERNS
    assert ErrorClassifier.PERMANENT_PATTERNS == oracle.PERMANENT_PATTERNS
    assert type(ErrorClassifier.TRANSIENT_PATTERNS) is type(ErrorClassifier.PERMANENT_PATTERNS) is list


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Connection refused", "transient"),
        ("Cannot connect to the Docker daemon. Is the docker daemon not running?", "transient"),
        ("timeout while connecting to registry", "transient"),
        ("OSError: [Errno 12] Cannot allocate memory", "transient"),
        ("container killed: Out Of Memory", "transient"),
        ("write /var/lib: no space left on device", "transient"),
        ("fork: Resource temporarily unavailable", "transient"),
        ("network i/o timeout", "transient"),
        ("Connection to 10.0.0.1 was reset by peer", "transient"),
        ("Temporary failure in name resolution", "transient"),
        ("system overloaded, try later", "transient"),
        ("[Errno 24] Too many open files: '/etc/hosts'", "transient"),
        ("Image not found", "permanent"),
        ("Error: No such image: busybox:nope", "permanent"),
        ("repository does-not-exist not found", "permanent"),
        ("invalid container configuration", "permanent"),
        ("PermissionError: [Errno 13] Permission denied", "permanent"),
        ("pull access denied for x", "permanent"),
        ("Authorization for registry failed", "permanent"),
        ('exec: "x": executable file not found in $PATH', "permanent"),
        ("sh: 1: command x not found", "permanent"),
        ("invalid reference or command", "permanent"),
        ("exit status 137", "unknown"),
        ("", "unknown"),
    ],
)
def test_error_classification_for_different_error_types(message: str, expected: str) -> None:
    assert ErrorClassifier.classify_error(message) is ErrorType(expected)
    assert oracle.verdict(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        # All transient patterns are asked before any permanent one, wherever they stand in the message.
        ("permission denied: connection reset", "transient"),
        # A gap does not cross a line feed; it crosses all that merely looks like one.
        ("connection\nrefused", "unknown"),
        ("connection\r\u2028\u2029\x85\x0b\x1crefused", "transient"),
        ("connection\0refused", "transient"),
        ("connection lost\nconnection refused", "transient"),
        ("refused connection", "unknown"),
        # The dotted capital I lower-cases to i and a combining dot, the Kelvin sign to k, a long s stays.
        ("\u0130MAGE NOT FOUND", "unknown"),
        ("\u0130nvalid \u0130 command", "unknown"),
        ("doc\u212aer daemon not running", "transient"),
        ("\u017fystem overloaded", "unknown"),
        ("no \u017fpace left", "unknown"),
        # Lone surrogates, as in file names decoded with surrogateescape.
        ("connection \udc80 refused", "transient"),
        ("\ud800\udfffpermission denied\udcff", "permanent"),
        ("permission\ud800 denied", "unknown"),
    ],
)
def test_characters_that_matching_trips_over(message: str, expected: str) -> None:
    assert ErrorClassifier.classify_error(message).value == expected
    assert oracle.verdict(message) == expected


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("pattern", [*oracle.TRANSIENT_PATTERNS, *oracle.PERMANENT_PATTERNS])
def test_every_shipped_pattern_decides(pattern: str, upper: bool) -> None:
    for gap in ["", " x ", "\t", "\udcff"]:
        message = pattern.replace(".*", gap)
        message = message.upper() if upper else message
        assert ErrorClassifier.classify_error(f"a {message} b").value == oracle.verdict(message) != "unknown"


@settings(max_examples=200)
@given(messages())
@example("İ" * 40 + "image not found")
def test_shipped_rules_agree_with_re(message: str) -> None:
    assert ErrorClassifier.classify_error(message).value == oracle.verdict(message)


def test_shipped_rules_agree_with_re_on_thousands_of_messages() -> None:
    random_source = random.Random(22)
    pieces = [*FRAGMENTS, *map(str.upper, FRAGMENTS), *AWKWARD, *" \n: ikst"]
    for _ in range(20_000):
        message = random_source.choice(["", " "]).join(random_source.choices(pieces, k=random_source.randint(1, 9)))
        assert ErrorClassifier.classify_error(message).value == oracle.verdict(message), repr(message)


@settings(max_examples=200)
@given(st.lists(valid_patterns, max_size=4), st.lists(valid_patterns, max_size=4), small_messages)
@example(["a{[}]}"], [], "a{}}")
@example(["\u03c3"], ["\u03c2"], "A\u03a3")
@example([r"\u03a3"], [], "\u03a3")
@example(["k"], [], "\u212a")
@example(["i\u0307"], [], "\u0130")
@example(["\ud800"], [], "a\ud800b")
@example(["a\ud800.*b"], [], "A\ud800\udc00 b")
@example(["A\\d"], ["a\\d"], "A1")
@example([r"failed$"], [], "failed\n")
@example([r"a++a"], ["a"], "aa")
@example(["(?x) a b"], [], "ab")
@example(["[a&b]"], [], "&")
@example(["\\s"], [], "\x1c")
def test_any_lists_agree_with_re(transient: list[str], permanent: list[str], message: str) -> None:
    # What is valid depends on the interpreter.
    assume(all(is_valid(pattern) for pattern in transient + permanent))
    made = classifier(transient, permanent)
    assert made.classify_error(message).value == oracle.verdict(message, transient, permanent)


@settings(max_examples=200)
@given(syntax_patterns, small_messages)
@example("(?L)a", "a")
@example("(?a)(?u)x", "x")
@example("a{99999999999}", "a")
@example("*", "")
@example("a**", "a")
def test_a_pattern_means_what_re_means_or_is_refused(pattern: str, message: str) -> None:
    made = classifier([pattern])
    if is_valid(pattern):
        assert made.classify_error(message).value == oracle.verdict(message, [pattern], [])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, Warning)) as refusal:
            made.classify_error(message)
    if isinstance(refusal.value, ValueError):
        assert f"invalid pattern {pattern!r}: " in str(refusal.value)
        assert refusal.value.__cause__ is not None


def test_every_character_is_lower_cased_as_the_interpreter_does_it() -> None:
    # In a list with a character beyond ASCII, any character of a message may be the lower case of another.
    characters = [chr(code) for code in range(0x110000)]
    changed = [character for character in characters if character.lower() != character]
    made = classifier(sorted({character.lower() for character in changed}))
    wrong = [
        character
        for character in changed
        if made.classify_error(character) is not ErrorType.TRANSIENT
        or made.classify_error(f"a{character}b") is not ErrorType.TRANSIENT
    ]
    assert not wrong


def test_no_character_becomes_ascii_that_does_not_in_python() -> None:
    letters = classifier([chr(code) for code in range(128) if chr(code) not in ".^$*+?{}[]|()\\\n"])
    text = "".join(chr(code) for code in range(128, 0x110000))
    assert letters.classify_error(text).value == "transient"  # the Kelvin sign, and the i of the dotted capital I
    without = text.replace("\u212a", "").replace("\u0130", "")
    assert not without.lower().translate(dict.fromkeys(range(128, 0x110000)))
    assert letters.classify_error(without) is ErrorType.UNKNOWN


@pytest.mark.parametrize("count", [65, 1000])
def test_many_rules_agree_with_re(count: int) -> None:
    random_source = random.Random(count)
    words = ["".join(random_source.choices("abc", k=random_source.randint(2, 5))) for _ in range(count)]
    patterns = [f"{word}.*{other}" for word, other in zip(words, reversed(words), strict=True)]
    half = count // 2
    made = classifier(patterns[:half], patterns[half:])
    for _ in range(200):
        message = "".join(random_source.choices("abcABC \n", k=random_source.randint(0, 60)))
        assert made.classify_error(message).value == oracle.verdict(message, patterns[:half], patterns[half:])


# A backtracking engine needs seconds to forever for these; the tests need only end.
@pytest.mark.parametrize(
    ("unit", "repetitions", "ending", "expected"),
    [
        ("docker daemon not ", 400, "", "unknown"),
        ("docker daemon not ", 550_000, "", "unknown"),
        ("docker daemon not ", 550_000, "running", "transient"),
        ("connection ", 20_000, "", "unknown"),
        ("connection ", 900_000, "", "unknown"),
        ("connection\n", 900_000, "connection refused", "transient"),
        ("docker image not daemon connection invalid network repository ", 150_000, "", "unknown"),
        ("timeout network image ", 450_000, "", "transient"),
        ("repository image command executable ", 300_000, "NOT FOUND", "permanent"),
        ("x", 10_000_000, "Access Denied", "permanent"),
        ("\u0130\u212a ", 2_000_000, "docker daemon not running", "transient"),
        ("\udc80", 3_000_000, "out of memory", "transient"),
    ],
)
def test_no_message_makes_it_hang(unit: str, repetitions: int, ending: str, expected: str) -> None:
    assert ErrorClassifier.classify_error(unit * repetitions + ending).value == expected


def test_no_list_makes_it_hang() -> None:
    same_ending = classifier([f"{'a' * length}.*z" for length in range(1, 1000)])
    assert same_ending.classify_error("a" * 1_000_000) is ErrorType.UNKNOWN
    same_word = classifier([f"connection.*number {number} failed" for number in range(5000)])
    assert same_word.classify_error("connection " * 100_000 + "number 4999 failed") is ErrorType.TRANSIENT


def test_a_message_is_classified_whatever_its_class_makes_of_its_methods() -> None:
    class Shouting(str):
        __slots__ = ()

        def lower(self) -> str:
            raise AssertionError

        def encode(self, *arguments: object, **options: object) -> bytes:
            raise AssertionError

    assert ErrorClassifier.classify_error(Shouting("Permission Denied")) is ErrorType.PERMANENT
    assert ErrorClassifier.classify_error(Shouting("\udc80 Permission Denied")) is ErrorType.PERMANENT
    assert classifier([r"a\d"]).classify_error(Shouting("A1")) is ErrorType.TRANSIENT


@pytest.mark.parametrize("value", [None, b"connection refused", 13, ["timeout"], OSError("connection refused"), str])
def test_what_is_no_str_is_refused_by_name(value: object) -> None:
    with pytest.raises(TypeError, match=rf"error_message must be a str, not {type(value).__name__}\b"):
        ErrorClassifier.classify_error(value)  # type: ignore[arg-type]


def test_classifying_leaves_nothing_behind() -> None:
    made = classifier([r"a\d", "b.*c"])
    made.classify_error("warm up")
    gc.collect()
    before = len(gc.get_objects())
    for number in range(1000):
        made.classify_error(f"message {number} a1")
    gc.collect()
    assert len(gc.get_objects()) - before < 100
