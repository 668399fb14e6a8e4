"""Verdicts, delays and DEBUG lines are those of the package itself."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from container_manager import retry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# The reference takes time that grows with the fourth power of a hostile message: parity needs none.
MESSAGE_CHARACTERS = 160

patterns = [*retry.ErrorClassifier.TRANSIENT_PATTERNS, *retry.ErrorClassifier.PERMANENT_PATTERNS]
words = sorted({word for pattern in patterns for part in pattern.split(".*") for word in (part, *part.split())})
pieces = st.one_of(
    st.sampled_from(patterns).map(lambda pattern: pattern.replace(".*", " the ")),
    st.sampled_from(words),
    st.sampled_from([" ", "\n", "\r", "\u2028", "\0", "\u0130", "\u212a", "\u017f", "\u03a3", "\ud800", ".", ": "]),
    st.text(max_size=8),
)
messages = st.lists(st.tuples(pieces, st.sampled_from([str, str.upper, str.title])), max_size=10).map(
    lambda parts: "".join(change(piece) for piece, change in parts)[:MESSAGE_CHARACTERS]
)
unhurried = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(message=messages)
@unhurried
def test_verdicts(reference: Any, message: str) -> None:
    verdict, expected = retry.ErrorClassifier.classify_error(message), reference.ErrorClassifier.classify_error(message)
    assert (verdict, verdict.name, verdict.value) == (expected, expected.name, expected.value)


def test_the_messages_reach_every_pattern(reference: Any) -> None:
    for pattern in patterns:
        message = pattern.replace(".*", " the ").upper()
        verdict = retry.ErrorClassifier.classify_error(message)
        assert verdict == reference.ErrorClassifier.classify_error(message) != retry.ErrorType.UNKNOWN


seconds = st.floats(min_value=0, max_value=1e12, allow_nan=False)


@given(
    base_delay=seconds,
    max_delay=seconds,
    backoff_factor=st.floats(min_value=0, max_value=1e6),
    max_attempts=st.integers(min_value=0, max_value=100),
    attempt=st.integers(min_value=-3, max_value=60),
    name=st.sampled_from(["TRANSIENT", "PERMANENT", "UNKNOWN"]),
)
@unhurried
def test_decisions_and_delays(
    reference: Any,
    base_delay: float,
    max_delay: float,
    backoff_factor: float,
    max_attempts: int,
    attempt: int,
    name: str,
) -> None:
    native, expected = (
        module.RetryStrategy(max_attempts, base_delay, max_delay, backoff_factor) for module in (retry, reference)
    )
    assert native.should_retry(attempt, retry.ErrorType[name]) is expected.should_retry(
        attempt, reference.ErrorType[name]
    )
    try:
        delay = expected.get_retry_delay(attempt)
    except OverflowError:
        delay = max_delay
    assert native.get_retry_delay(attempt).hex() == float(delay).hex()


@pytest.mark.parametrize("preset", ["default", "aggressive", "conservative", "high_priority"])
def test_the_presets_wait_as_long(reference: Any, preset: str) -> None:
    native, expected = retry.RETRY_STRATEGIES[preset], reference.RETRY_STRATEGIES[preset]
    assert native.max_attempts == expected.max_attempts
    for attempt in range(-2, 1000):
        assert native.get_retry_delay(attempt).hex() == float(expected.get_retry_delay(attempt)).hex()


MESSAGES = [
    "Connection was refused",
    "permission denied, no such image",
    "exit status 1",
    "50 % of {} and %s: no space left",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_the_debug_line_is_in_its_own_words(reference: Any, caplog: pytest.LogCaptureFixture, message: str) -> None:
    with caplog.at_level(logging.DEBUG, logger="reference_retry"):
        reference.ErrorClassifier.classify_error(message)
    (expected,) = caplog.messages
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="container_manager.retry"):
        retry.ErrorClassifier.classify_error(message)
    assert caplog.record_tuples == [("container_manager.retry", logging.DEBUG, expected)]
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        retry.ErrorClassifier.classify_error(message)
    assert sorted(caplog.record_tuples) == [
        ("container_manager.retry", logging.DEBUG, expected),
        ("job_retry", logging.DEBUG, expected),
    ]


def test_no_line_while_debug_is_off_there(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    logger = logging.getLogger("container_manager.retry")
    monkeypatch.setattr(logger, "debug", refuse)
    caplog.set_level(logging.INFO, logger=logger.name)
    for _ in range(2):
        retry.ErrorClassifier.classify_error("connection refused")
    caplog.set_level(logging.DEBUG, logger=logger.name)
    with pytest.raises(AssertionError, match="TRANSIENT"):
        retry.ErrorClassifier.classify_error("connection refused")
