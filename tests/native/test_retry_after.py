"""How long a message or an exception asks to be left alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.message import Message
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry import ErrorClassifier

from tests.native.exceptions import Holder, make

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
SOON = "Wed, 25 Nov 2026 12:01:30 GMT"
LONGEST_SECONDS = 31 * 24 * 3600


def retry_after(source: Any) -> float | None:
    return ErrorClassifier.retry_after(source, NOW)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("429 Too Many Requests; Retry-After: 120", 120.0),
        (f"Retry-After: {SOON}", 90.0),
        ("retry in 20s", 20.0),
        ("retry after 1m30s", 90.0),
        ("Please try again in 6m0s", 360.0),
        ('"retryDelay": "34.5s"', 34.5),
        ("\udcff try again in 20 seconds \udcff", 20.0),
        ("connection refused", None),
        ("Retry-After: Wed, 25 Nov 2020 12:01:30 GMT", None),
        ("Retry-After: -5", None),
        ("", None),
    ],
)
def test_messages_say_it(message: str, seconds: float | None) -> None:
    assert retry_after(message) == seconds
    assert retry_after(ValueError(message)) == seconds


def headers(**pairs: str) -> Message:
    message = Message()
    for name, value in pairs.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (make("requests.HTTPError", response=Holder(headers=headers(Retry_After="30"))), 30.0),
        (make("requests.HTTPError", response=Holder(headers=headers(RETRY_AFTER=SOON))), 90.0),
        (make("httpx.Error", response=Holder(headers={"Retry-After": "30"})), 30.0),
        (make("openai.Error", response=Holder(headers={"retry-after-ms": "1500", "retry-after": "2"})), 1.5),
        (make("discord.Error", response=Holder(headers={"X-RateLimit-Reset-After": "1.25"})), 1.25),
        (make("botocore.Error", response={"ResponseMetadata": {"HTTPHeaders": {"retry-after": "7"}}}), 7.0),
        (make("urllib.Error", headers=headers(Retry_After="8")), 8.0),
        (make("googleapiclient.Error", resp={"status": "429", "retry-after": "9"}), 9.0),
        (make("telegram.RetryAfter", retry_after=35), 35.0),
        (make("telegram.RetryAfter", retry_after=timedelta(seconds=35)), 35.0),
        (make("app.Error", retry_after=3.5), 3.5),
        (make("app.Error", retry_after="12"), 12.0),
        (make("app.Error", retry_after_ms=250), 0.25),
        # The header before the text, and a header that is nonsense before nothing.
        (make("app.Error", "try again in 5s", headers=headers(Retry_After="8")), 8.0),
        (make("app.Error", "try again in 5s", headers=headers(Retry_After="soon")), 5.0),
        # Nonsense.
        (make("app.Error", headers=headers(Retry_After="-8")), None),
        (make("app.Error", headers=["Retry-After: 8"]), None),
        (make("app.Error", headers=MagicMock(), response=MagicMock(), retry_after=MagicMock()), None),
        (make("app.Error", retry_after=True), None),
        (make("app.Error", retry_after=-1), None),
        (make("app.Error", retry_after=float("inf")), None),
        (make("app.Error", retry_after=float("nan")), None),
        (make("app.Error", retry_after=10**30), None),
        (make("app.Error", retry_after=timedelta(days=40)), None),
        (make("app.Error", retry_after=lambda: 5), None),
    ],
)
def test_exceptions_say_it_in_headers_attributes_or_their_text(error: BaseException, seconds: float | None) -> None:
    assert retry_after(error) == seconds


def test_exceptions_behind_an_exception_are_asked_in_turn() -> None:
    error = ValueError("it failed")
    error.__cause__ = make("app.Error", retry_after=5)
    error.__context__ = ValueError("try again in 9s")
    assert retry_after(error) == 5.0
    error.__cause__ = None
    error.__suppress_context__ = False
    assert retry_after(error) == 9.0


def test_a_date_is_compared_with_the_clock_unless_now_is_given() -> None:
    distant = datetime.now(timezone.utc) + timedelta(days=20)
    message = f"Retry-After: {distant:%a, %d %b %Y %H:%M:%S} GMT"
    seconds = ErrorClassifier.retry_after(message)
    assert seconds is not None
    assert timedelta(days=19) < timedelta(seconds=seconds) <= timedelta(days=20)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert ErrorClassifier.retry_after(f"Retry-After: {SOON}", now=elsewhere) == 90.0


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="bytes"):
        ErrorClassifier.retry_after(b"Retry-After: 5")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="now must be an aware datetime or None, not str"):
        ErrorClassifier.retry_after("x", now="now")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="now must be an aware datetime, not datetime"):
        ErrorClassifier.retry_after("x", now=NOW.replace(tzinfo=None))


@given(st.integers(0, LONGEST_SECONDS), st.sampled_from(["Retry-After: {}", "retry in {}s", "retry after {} seconds"]))
def test_the_number_is_the_one_that_is_written(seconds: int, form: str) -> None:
    assert retry_after(f"it failed; {form.format(seconds)}") == seconds


@given(st.text() | st.from_regex(r"(?i)(retry-after|try again in|wait)[: ]{1,2}-?[0-9.]{1,30} ?[a-z/:%-]{0,9}"))
def test_a_wait_is_between_nothing_and_a_month(message: str) -> None:
    seconds = retry_after(message)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS


@pytest.mark.parametrize(
    "piece", ["retry after ", "retry after 1 ", "try again in 1m", "Retry-After: ", "wait 1 ", "1", " "]
)
def test_long_messages_are_read_to_their_end(piece: str) -> None:
    long = piece * (5_000_000 // len(piece))
    assert retry_after(f"{long}; retry in 7s") == 7.0
