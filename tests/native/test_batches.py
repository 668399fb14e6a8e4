"""Many messages at once give what a loop of single calls gives, in any number of threads."""

from __future__ import annotations

import _thread
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_retry import Classification, ErrorClassifier, ErrorType

from tests.native.editing import while_edited
from tests.native.strategies import FRAGMENTS, messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRANSIENT, PERMANENT, UNKNOWN = ErrorType.TRANSIENT, ErrorType.PERMANENT, ErrorType.UNKNOWN


class Edited(ErrorClassifier):
    """Patterns that run natively, and some that CPython has to run."""

    TRANSIENT_PATTERNS: ClassVar = ["busy", r"retry \d+ of", "no space left", r"^\W"]
    PERMANENT_PATTERNS: ClassVar = ["gone.*away", r"exit status [1-9]\b", "permission denied"]


class BeyondAscii(ErrorClassifier):
    """Messages that are not ASCII have to be lower-cased by the interpreter."""

    TRANSIENT_PATTERNS: ClassVar = ["verbindung.*abgelehnt", "überlastet"]
    PERMANENT_PATTERNS: ClassVar = ["zugriff", "\u03c3"]


RULE = {"id": "lamp", "verdict": "transient", "why": "it is lit again", "message": "lamp went out"}

CLASSES: dict[str, type[ErrorClassifier]] = {
    "plain": ErrorClassifier,
    "edited": Edited,
    "beyond ASCII": BeyondAscii,
    "packs": ErrorClassifier.with_packs(),
    "packs and edited lists": Edited.with_packs("docker", "network", "postgres"),
    "packs and a list beyond ASCII": BeyondAscii.with_packs("python"),
    "rules": ErrorClassifier.with_rules([RULE]),
    "rules and packs": Edited.with_packs().with_rules([RULE]),
}
every_class = pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)

AWKWARD = ["ÜBERLASTET", "no \u212a space left", "RETRY 3 of 5", "gone\udc80away", "\u03a3", "# x", "exit status 1", ""]


def many(count: int = 3000) -> list[str]:
    """Enough distinct messages to be shared out; every rule and each awkward thing is met in some."""
    endings = [*FRAGMENTS, *AWKWARD, "the lamp went out", "psycopg.OperationalError: gone", "connection to x was reset"]
    return [
        f"{number:05} of the nightly batch: {'x' * (number % 90)} {endings[number % len(endings)]}"
        for number in range(count)
    ]


@every_class
@pytest.mark.parametrize("count", [0, 1, 50, 3000])
def test_a_batch_is_the_loop(kind: type[ErrorClassifier], count: int) -> None:
    batch = many(count)
    assert kind.classify_many(batch) == [kind.classify_error(message) for message in batch]
    assert kind.explain_many(batch) == [kind.explain(message) for message in batch]


@every_class
@settings(max_examples=30)
@given(batch=st.lists(messages(), max_size=4))
def test_any_batch_is_the_loop(kind: type[ErrorClassifier], batch: list[str]) -> None:
    assert kind.classify_many(batch) == [kind.classify_error(message) for message in batch]
    assert kind.explain_many(batch) == [kind.explain(message) for message in batch]


@pytest.mark.parametrize("kind", [ErrorClassifier, CLASSES["packs"]])
def test_a_few_long_messages_are_shared_out_too(kind: type[ErrorClassifier]) -> None:
    batch = [
        f"{number} {'quiet words ' * 30_000} {ending}" for number, ending in enumerate(["connection refused", "x"])
    ]
    assert kind.classify_many(batch) == [TRANSIENT, UNKNOWN]


def test_the_members_themselves_come_back_in_a_list() -> None:
    verdicts = ErrorClassifier.classify_many(["connection refused", "permission denied", "x"])
    assert type(verdicts) is list
    assert all(found is expected for found, expected in zip(verdicts, [TRANSIENT, PERMANENT, UNKNOWN], strict=True))
    (explained,) = ErrorClassifier.explain_many(["permission denied"])
    assert isinstance(explained, Classification)
    assert (explained.rule, explained.span) == ("permission denied", (0, 17))


@pytest.mark.parametrize("make", [list, tuple, iter, dict.fromkeys, lambda batch: (message for message in batch)])
def test_messages_come_from_any_iterable(make: Callable[[list[str]], Any]) -> None:
    assert ErrorClassifier.classify_many(make(["no such image", "x"])) == [PERMANENT, UNKNOWN]


def test_messages_are_read_before_the_first_is_classified() -> None:
    class Made(ErrorClassifier):
        PERMANENT_PATTERNS: ClassVar = ["before"]

    def editing() -> Iterator[str]:
        yield "before"
        Made.PERMANENT_PATTERNS = ["after"]
        yield "after"

    assert Made.classify_many(editing()) == [UNKNOWN, PERMANENT]


@pytest.mark.parametrize("method", ["classify_many", "explain_many"])
@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ("connection refused", r"messages must be an iterable of str, not str \('connection refused'\)"),
        (b"connection refused", "messages must be an iterable of str, not bytes"),
        (None, "messages must be an iterable of str, not NoneType"),
        (13, "messages must be an iterable of str, not int"),
        (["x", None], r"messages\[1\] must be a str, not NoneType\b"),
        ([b"x"], r"messages\[0\] must be a str, not bytes; decode bytes"),
        (["x", "y", OSError("z")], r"messages\[2\] must be a str, not OSError;.* give an exception to"),
    ],
)
def test_what_is_no_text_is_refused_by_its_place(method: str, batch: object, error: str) -> None:
    for kind in CLASSES.values():
        with pytest.raises(TypeError, match=error):
            getattr(kind, method)(batch)


def test_what_the_iterable_raises_is_raised() -> None:
    def broken() -> Iterator[str]:
        yield "x"
        raise LookupError("the log has gone")

    with pytest.raises(LookupError, match="the log has gone"):
        ErrorClassifier.classify_many(broken())


@pytest.mark.parametrize("count", [1, 3000])
def test_a_pattern_that_re_refuses_is_named(count: int) -> None:
    class Broken(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = ["(unclosed"]

    assert Broken.classify_many([]) == Broken.explain_many([]) == []
    for call in (Broken.classify_many, Broken.explain_many, Broken.with_packs("http").classify_many):
        with pytest.raises(ValueError, match=r"invalid pattern '\(unclosed'"):
            call(many(count))


def test_a_method_of_the_program_decides_as_in_the_loop() -> None:
    class Own(ErrorClassifier):
        @classmethod
        def classify_error(cls, error_message: str) -> ErrorType:
            return PERMANENT if error_message == "mine" else super().classify_error(error_message)

        @classmethod
        def explain(cls, error: str | BaseException) -> Classification:
            return Classification(PERMANENT, str(error), None, "mine", None, None)

    class Heir(Own):
        pass

    for kind in (Own, Heir, Heir.with_packs("docker")):
        assert kind.classify_many(["mine", "connection refused"]) == [PERMANENT, TRANSIENT]
        assert [found.why for found in kind.explain_many(["mine", "x"])] == ["mine", "mine"]


@pytest.mark.parametrize("count", [3, 3000])
@pytest.mark.parametrize("kind", [Edited, CLASSES["packs"]])
def test_each_message_has_its_line_in_the_log(
    caplog: pytest.LogCaptureFixture, kind: type[ErrorClassifier], count: int
) -> None:
    batch = many(count)
    with caplog.at_level(logging.DEBUG, logger="job_retry"):
        kind.classify_many(batch)
        of_batch = caplog.messages.copy()
        caplog.clear()
        for message in batch:
            kind.classify_error(message)
    assert of_batch == caplog.messages
    assert len(of_batch) == count
    caplog.clear()
    kind.classify_many(batch)
    assert not caplog.messages


def test_the_logger_of_a_class_has_its_lines_too(caplog: pytest.LogCaptureFixture) -> None:
    class Watched(ErrorClassifier):
        DEBUG_LOGGER: ClassVar = logging.getLogger("watched")

    with caplog.at_level(logging.DEBUG, logger="watched"):
        Watched.classify_many(["no such image", "x"])
    assert caplog.messages == ["Classified as PERMANENT: no such image", "Classified as UNKNOWN"]


@pytest.fixture
def _held_lock() -> Iterator[None]:
    """No thread has to give the interpreter's lock away; what lets others run does so by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_held_lock")
@pytest.mark.parametrize("kind", [ErrorClassifier, CLASSES["packs"]])
def test_other_threads_run_meanwhile(kind: type[ErrorClassifier]) -> None:
    batch = many(20_000)
    gate = threading.Lock()
    ran: list[bool] = []

    def other() -> None:
        with gate:
            ran.append(True)

    gate.acquire()
    thread = threading.Thread(target=other)
    thread.start()
    gate.release()
    rounds = 0
    while not ran and rounds < 1000:
        kind.classify_many(batch)
        rounds += 1
    seen = bool(ran)
    sys.setswitchinterval(0.005)
    thread.join(timeout=60)
    assert seen


@pytest.mark.usefixtures("_held_lock")
def test_an_interrupt_ends_a_batch() -> None:
    gate = threading.Lock()

    def interrupt() -> None:
        with gate:
            _thread.interrupt_main()

    gate.acquire()
    thread = threading.Thread(target=interrupt)
    thread.start()
    gate.release()
    done: list[object] = []
    # The interpreter itself would look after the last batch only.
    with pytest.raises(KeyboardInterrupt):
        done.extend(map(ErrorClassifier.classify_many, [many(20_000)] * 1000))
    thread.join(timeout=60)
    assert len(done) < 1000


def test_threads_see_a_state_of_the_lists_that_existed() -> None:
    class Made(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = ["busy"]
        PERMANENT_PATTERNS: ClassVar = ["gone"]

    states = [(["busy"], ["gone"]), (["gone"], ["busy"]), ([r"bus[y]", r"gon[e]"], []), ([], ["busy", "gone"])]
    batch = [f"{number} {word}" for number in range(1500) for word in ("busy", "gone")]
    possible = [[TRANSIENT, PERMANENT], [PERMANENT, TRANSIENT], [TRANSIENT] * 2, [PERMANENT] * 2]
    wrong: list[object] = []

    def classify() -> None:
        verdicts = Made.classify_many(batch)
        # One state decides over the whole batch.
        if verdicts[:2] not in possible or verdicts != verdicts[:2] * 1500:
            wrong.append(verdicts[:2])

    while_edited(Made, states, 300, [classify] * 3)
    assert not wrong


@every_class
def test_threads_run_batches_side_by_side(kind: type[ErrorClassifier]) -> None:
    batch = many()
    verdicts = kind.classify_many(batch)
    explained = kind.explain_many(batch[:200])
    same: list[bool] = []

    def work() -> None:
        same.append(kind.classify_many(batch) == verdicts and kind.explain_many(batch[:200]) == explained)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert same == [True] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_runs_batches_as_its_parent_does() -> None:
    batch = many()
    expected = ErrorClassifier.classify_many(batch)
    child = os.fork()
    if child == 0:
        os._exit(ErrorClassifier.classify_many(batch) != expected)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
