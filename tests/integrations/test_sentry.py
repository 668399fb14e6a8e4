"""Events are grouped by the fingerprint of their error, by the real Sentry client and a transport that keeps them."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from job_retry import ErrorClassifier, fingerprint
from job_retry.django.error_text import error_fingerprint
from job_retry.django.history.models import DeadLetter
from job_retry.django.testing import failed
from job_retry.integrations.sentry import before_send, with_fingerprint
from sentry_sdk.transport import Transport

from tests.queue.support import manager_for, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"


class KeptEvents(Transport):
    """Sends nothing anywhere."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


@pytest.fixture
def sentry() -> Iterator[Callable[[Any], list[dict[str, Any]]]]:
    """Begin Sentry with a ``before_send`` and return the list of what it would send."""

    def begin(send: Any) -> list[dict[str, Any]]:
        transport = KeptEvents()
        sentry_sdk.init(
            dsn="https://key@sentry.invalid/1",
            transport=transport,
            before_send=send,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
        )
        return transport.events

    with sentry_sdk.isolation_scope():
        yield begin
    sentry_sdk.init()


class OddError(Exception):
    """One that no rule knows."""


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_exceptions_of_one_cause_are_one_group(sentry: Any) -> None:
    events = sentry(before_send)
    for port in (5432, 6543):
        sentry_sdk.capture_exception(raised(ConnectionRefusedError(111, f"refused at 10.0.0.7:{port}")))
    sentry_sdk.capture_exception(raised(OddError("never seen before")))
    first, second, other = [event["fingerprint"] for event in events]
    assert first == second != other
    assert [event["tags"]["job_retry.verdict"] for event in events] == ["transient", "transient", "unknown"]
    assert events[0]["tags"]["job_retry.rule"].count("/") == 1
    assert "job_retry.rule" not in events[2]["tags"]


def test_log_lines_and_messages_are_grouped_by_their_text(sentry: Any) -> None:
    events = sentry(before_send)
    for number in (17, 18):
        logging.getLogger("shop").error("Order %d: connection refused", number)
    sentry_sdk.capture_message("Order 19: connection refused")
    assert {tuple(event["fingerprint"]) for event in events} == {(fingerprint("Order 17: connection refused").id,)}
    assert len(events) == 3


@pytest.mark.django_db
def test_a_dead_letter_has_the_same_group_in_sentry_and_in_the_console(sentry: Any) -> None:
    events = sentry(before_send)
    manager = manager_for(lambda job: failed(REFUSED))
    manager.launch_job_with_retry(queued_job(manager, max_retries=1))
    (event,) = events
    assert event["fingerprint"] == [DeadLetter.objects.get().fingerprint] == [error_fingerprint(REFUSED)]


@pytest.mark.parametrize(
    "event",
    [
        {"message": "", "level": "info"},
        {"transaction": "/"},
        {},
    ],
)
def test_an_event_without_an_error_is_left_alone(event: dict[str, Any]) -> None:
    assert before_send(dict(event), {}) == event


@pytest.mark.parametrize(
    ("own", "grouped"), [(["mine"], ["mine"]), (["{{ default }}"], None), ([], None), (["{{ default }}", "x"], "own")]
)
def test_a_fingerprint_of_the_programs_own_is_kept(own: list[str], grouped: Any) -> None:
    event = before_send({"message": REFUSED, "fingerprint": list(own)}, {})
    assert event["fingerprint"] == (own if grouped is not None else [fingerprint(REFUSED).id])


def test_a_tag_of_the_programs_own_is_kept() -> None:
    event = before_send({"message": REFUSED, "tags": {"job_retry.rule": "mine"}}, None)
    assert event["tags"] == {"job_retry.rule": "mine", "job_retry.verdict": "transient"}


def test_the_programs_own_function_has_the_last_word(sentry: Any) -> None:
    def own(event: Any, hint: Any) -> Any:
        return None if "secret" in str(hint["exc_info"][1]) else {**event, "release": event["fingerprint"][0]}

    events = sentry(with_fingerprint(own))
    sentry_sdk.capture_exception(raised(ValueError("secret")))
    sentry_sdk.capture_exception(raised(ValueError("plain")))
    (event,) = events
    assert event["release"] == event["fingerprint"][0] == fingerprint("ValueError: plain").id


def test_a_classifier_of_the_programs_own_gives_the_verdict() -> None:
    class Strict(ErrorClassifier):
        PERMANENT_PATTERNS = ["connection refused"]  # noqa: RUF012
        TRANSIENT_PATTERNS: list[str] = []  # noqa: RUF012

    event = with_fingerprint(classifier=Strict)({"message": REFUSED}, {})
    assert event["tags"]["job_retry.verdict"] == "permanent"


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("event", "hint"),
    [
        ({"message": REFUSED, "tags": [["a", "b"]]}, {}),
        ({"message": REFUSED}, {"exc_info": (UnprintableError, UnprintableError(), None)}),
        ({"message": REFUSED}, {"log_record": "no record"}),
        ({"logentry": "text"}, {}),
        ({"message": REFUSED}, {"exc_info": 5}),
    ],
    ids=["tags", "unprintable", "record", "entry", "exc_info"],
)
def test_whatever_an_event_is_it_is_sent(event: dict[str, Any], hint: Any) -> None:
    assert before_send(event, hint) is event


def test_it_needs_neither_django_nor_sentry() -> None:
    program = (
        "import sys; sys.modules['django'] = sys.modules['sentry_sdk'] = None\n"
        "from job_retry.integrations.sentry import before_send\n"
        "assert before_send({'message': 'connection refused'}, {})['fingerprint']"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
