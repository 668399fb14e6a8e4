"""A subclass or a program replaces and edits the lists of patterns, in many threads at once."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

import pytest
from job_retry import ErrorClassifier, ErrorType

from tests.native.editing import while_edited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRANSIENT, PERMANENT, UNKNOWN = ErrorType.TRANSIENT, ErrorType.PERMANENT, ErrorType.UNKNOWN


class PickledClassifier(ErrorClassifier):
    name: str
    TRANSIENT_PATTERNS: ClassVar = ["quota exceeded"]


@pytest.fixture
def made() -> type[ErrorClassifier]:
    """A class with lists of its own."""
    return type(
        "Made", (ErrorClassifier,), {"TRANSIENT_PATTERNS": ["busy", "gone.*back"], "PERMANENT_PATTERNS": ["gone"]}
    )


@pytest.fixture
def restored_base() -> Iterator[None]:
    """Put the shipped lists back."""
    lists = [ErrorClassifier.TRANSIENT_PATTERNS, ErrorClassifier.PERMANENT_PATTERNS]
    contents = [list(patterns) for patterns in lists]
    yield
    for patterns, content in zip(lists, contents, strict=True):
        patterns[:] = content
    ErrorClassifier.TRANSIENT_PATTERNS, ErrorClassifier.PERMANENT_PATTERNS = lists


def test_a_subclass_that_replaces_one_list_inherits_the_other() -> None:
    class Quota(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = [*ErrorClassifier.TRANSIENT_PATTERNS, "quota exceeded"]

    class Strict(Quota):
        PERMANENT_PATTERNS: ClassVar = ["exit status 137"]

    assert Quota.classify_error("Quota exceeded") is TRANSIENT
    assert Quota.classify_error("image x not found") is PERMANENT
    assert Strict.classify_error("quota exceeded") is TRANSIENT
    assert Strict.classify_error("image x not found") is UNKNOWN
    assert Strict.classify_error("exit status 137") is PERMANENT
    assert ErrorClassifier.classify_error("quota exceeded") is UNKNOWN


def test_an_instance_classifies_by_its_class(made: type[ErrorClassifier]) -> None:
    assert made().classify_error("busy") is TRANSIENT
    assert ErrorClassifier().classify_error(error_message="busy") is UNKNOWN


EDITS: list[tuple[str, Callable[[Any], object], ErrorType]] = [
    ("append", lambda cls: cls.TRANSIENT_PATTERNS.append("full"), TRANSIENT),
    ("insert", lambda cls: cls.TRANSIENT_PATTERNS.insert(0, r"disk \w+"), TRANSIENT),
    ("extend the other", lambda cls: cls.PERMANENT_PATTERNS.extend(["disk"]), PERMANENT),
    ("set an item", lambda cls: cls.TRANSIENT_PATTERNS.__setitem__(0, "disk"), TRANSIENT),
    ("set a slice", lambda cls: cls.PERMANENT_PATTERNS.__setitem__(slice(None), ["full"]), PERMANENT),
    ("replace by a list", lambda cls: setattr(cls, "TRANSIENT_PATTERNS", ["disk"]), TRANSIENT),
    ("replace by a tuple", lambda cls: setattr(cls, "PERMANENT_PATTERNS", ("disk",)), PERMANENT),
    ("replace by another sequence", lambda cls: setattr(cls, "PERMANENT_PATTERNS", {"disk": 1}.keys()), PERMANENT),
    ("clear", lambda cls: cls.TRANSIENT_PATTERNS.clear(), UNKNOWN),
]


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_an_edit_counts_from_the_next_message_on(
    made: type[ErrorClassifier], edit: Callable[[Any], object], expected: ErrorType
) -> None:
    assert made.classify_error("disk full") is UNKNOWN
    edit(made)
    assert made.classify_error("disk full") is expected
    assert made.classify_error("disk full") is expected


def test_removing_a_pattern_counts_too(made: type[ErrorClassifier]) -> None:
    assert made.classify_error("gone and back") is TRANSIENT
    made.TRANSIENT_PATTERNS.pop()
    assert made.classify_error("gone and back") is PERMANENT
    del made.PERMANENT_PATTERNS[:]
    assert made.classify_error("gone and back") is UNKNOWN


@pytest.mark.usefixtures("restored_base")
def test_editing_the_base_class_reaches_the_subclasses_that_inherit() -> None:
    class Inheriting(ErrorClassifier):
        pass

    assert Inheriting.classify_error("quota exceeded") is UNKNOWN
    ErrorClassifier.TRANSIENT_PATTERNS.append("quota exceeded")
    assert Inheriting.classify_error("quota exceeded") is TRANSIENT
    ErrorClassifier.TRANSIENT_PATTERNS = ["something else"]
    assert Inheriting.classify_error("connection refused") is UNKNOWN
    assert ErrorClassifier.classify_error("something else") is TRANSIENT


def test_a_list_is_looked_for_where_the_class_has_it_at_that_moment(made: type[ErrorClassifier]) -> None:
    class Inheriting(made):  # type: ignore[misc, valid-type]
        pass

    class Elsewhere(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = ["idle"]

    def verdicts() -> list[ErrorType]:
        return [Inheriting.classify_error(message) for message in ("busy", "full", "idle", "gone")] * 2

    assert verdicts() == [TRANSIENT, UNKNOWN, UNKNOWN, PERMANENT] * 2
    Inheriting.TRANSIENT_PATTERNS = ["full"]
    assert verdicts() == [UNKNOWN, TRANSIENT, UNKNOWN, PERMANENT] * 2
    del Inheriting.TRANSIENT_PATTERNS
    assert verdicts() == [TRANSIENT, UNKNOWN, UNKNOWN, PERMANENT] * 2
    Inheriting.__bases__ = (Elsewhere,)
    assert verdicts() == [UNKNOWN, UNKNOWN, TRANSIENT, UNKNOWN] * 2
    del Elsewhere.TRANSIENT_PATTERNS
    assert verdicts() == [UNKNOWN] * 8


def test_a_class_that_takes_the_place_of_another_is_not_mistaken_for_it() -> None:
    for number in range(50):
        kind = type("Kind", (ErrorClassifier,), {"TRANSIENT_PATTERNS": [f"kind{number}x"]})
        for _ in range(2):
            assert kind.classify_error(f"kind{number}x") is TRANSIENT
            assert kind.classify_error(f"kind{number - 1}x") is UNKNOWN
        del kind


def test_a_descriptor_is_asked_for_each_message() -> None:
    class Turns:
        calls = 0

        def __get__(self, instance: object, owner: type) -> list[str]:
            Turns.calls += 1
            return first if Turns.calls % 2 else second

    first, second = ["busy"], ["full"]
    turning = type("Turning", (ErrorClassifier,), {"TRANSIENT_PATTERNS": Turns()})
    assert [turning.classify_error("busy") for _ in range(6)] == [TRANSIENT, UNKNOWN] * 3


def test_a_message_may_have_a_length_of_its_own() -> None:
    class Odd(str):
        def __len__(self) -> int:
            return len(self.encode())

    assert ErrorClassifier.classify_error(Odd("DOC\u212aER DAEMON NOT RUNNING")) is TRANSIENT
    assert ErrorClassifier.classify_error(Odd("INVAL\u0130D COMMAND")) is UNKNOWN


def test_a_list_made_anew_for_each_message_works() -> None:
    class Computed(type):
        @property
        def TRANSIENT_PATTERNS(cls) -> list[str]:  # noqa: N802
            return ["".join(["qu", "ota"]), "".join([r"\d+", " left"])]

    class Fresh(ErrorClassifier, metaclass=Computed):
        pass

    # The metaclass's property wins over the inherited attribute.
    assert [Fresh.classify_error(message) for message in ("quota", "5 left", "quote")] == [
        TRANSIENT,
        TRANSIENT,
        UNKNOWN,
    ]


def test_patterns_may_be_a_subclass_of_str(made: type[ErrorClassifier]) -> None:
    class Odd(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    made.TRANSIENT_PATTERNS = [Odd("full"), Odd(r"\d+ left")]
    assert made.classify_error("full") is made.classify_error("5 left") is TRANSIENT
    made.TRANSIENT_PATTERNS = [Odd("empty"), Odd(r"\d+ right")]
    assert made.classify_error("full") is made.classify_error("5 left") is UNKNOWN


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["ok", b"busy"], "a pattern in Made.TRANSIENT_PATTERNS must be a str, not b'busy'"),
        ([None], "a pattern in Made.TRANSIENT_PATTERNS must be a str, not None"),
        ([("a", "b")], "a pattern in Made.TRANSIENT_PATTERNS must be a str, not ('a', 'b')"),
        ("busy", "Made.TRANSIENT_PATTERNS must be a list of str, not 'busy'"),
        (None, "Made.TRANSIENT_PATTERNS must be a list of str, not None"),
        (iter(["busy"]), "Made.TRANSIENT_PATTERNS must be a list of str, not <list_iterator"),
        ([["long" * 1000]], "must be a str, not ['longlong"),
    ],
)
def test_lists_of_something_else_are_refused_by_name(made: type[ErrorClassifier], patterns: Any, message: str) -> None:
    made.TRANSIENT_PATTERNS = patterns
    for _ in range(2):
        with pytest.raises(TypeError) as refusal:
            made.classify_error("busy")
        assert message in str(refusal.value)
        assert len(str(refusal.value)) < 300


def test_a_pattern_that_re_refuses_is_named_when_the_list_is_first_used(made: type[ErrorClassifier]) -> None:
    made.PERMANENT_PATTERNS = ["gone", "un(closed"]
    for message in ("busy", "nothing"):
        with pytest.raises(ValueError, match=r"invalid pattern 'un\(closed': missing \), unterminated subpattern"):
            made.classify_error(message)
    made.PERMANENT_PATTERNS[1] = "un(closed)"
    assert made.classify_error("unclosed") is PERMANENT


def test_a_warning_of_re_is_passed_on(made: type[ErrorClassifier]) -> None:
    made.TRANSIENT_PATTERNS = ["[a&&b]"]
    with pytest.warns(FutureWarning, match="set intersection"):
        assert made.classify_error("&") is TRANSIENT
    made.TRANSIENT_PATTERNS = ["[a||b]"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FutureWarning, match="set union"):
            made.classify_error("|")


def test_what_a_foreign_pattern_raises_is_passed_on(made: type[ErrorClassifier], monkeypatch: Any) -> None:
    class Interrupting:
        def search(self, text: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("re.compile", lambda pattern: Interrupting())
    made.TRANSIENT_PATTERNS = [r"interrupt\d"]
    with pytest.raises(KeyboardInterrupt):
        made.classify_error("interrupt")
    assert made.classify_error("a message without the literal it requires") is UNKNOWN


def test_more_lists_than_are_kept_compiled_alternate() -> None:
    classes: list[type[ErrorClassifier]] = [
        type(f"Kind{number}", (ErrorClassifier,), {"TRANSIENT_PATTERNS": [f"k{number}x"]}) for number in range(40)
    ]
    for _ in range(3):
        for number, kind in enumerate(classes):
            assert kind.classify_error(f"K{number}X") is TRANSIENT
            assert kind.classify_error(f"k{(number + 1) % 40}x") is UNKNOWN


def test_threads_see_a_state_of_the_lists_that_existed(made: type[ErrorClassifier]) -> None:
    # Each state has one class of answer for each message; a mixture of two states would give another.
    states = [
        (["busy"], ["gone"]),
        (["gone"], ["busy"]),
        ([r"bus[y]", r"gon[e]"], []),
        (["k\u212a", "busy", "gone"], ["x"]),
    ]
    answers = {"busy": {TRANSIENT, PERMANENT}, "gone": {TRANSIENT, PERMANENT}}
    made.TRANSIENT_PATTERNS, made.PERMANENT_PATTERNS = (list(patterns) for patterns in states[0])
    wrong: list[object] = []

    def classify(message: str) -> None:
        verdict = made.classify_error(message)
        if verdict not in answers[message]:
            wrong.append((message, verdict))

    while_edited(made, states, 600, [partial(classify, message) for message in ("busy", "gone") * 2])
    assert not wrong
    transient, permanent = states[599 % len(states)]
    assert (transient, permanent) == (made.TRANSIENT_PATTERNS, made.PERMANENT_PATTERNS)


def test_threads_classify_long_messages_side_by_side() -> None:
    messages = {
        "connection " * 20_000 + "refused": TRANSIENT,
        "x" * 200_000: UNKNOWN,
        "no such image" * 9_000: PERMANENT,
    }
    results: list[bool] = []

    def classify() -> None:
        results.extend(ErrorClassifier.classify_error(message) is verdict for message, verdict in messages.items())

    threads = [threading.Thread(target=classify) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert results == [True] * 24


def test_a_finaliser_of_a_forgotten_pattern_may_classify(made: type[ErrorClassifier]) -> None:
    seen: list[ErrorType] = []

    class Watched(str):
        def __del__(self) -> None:
            seen.append(ErrorClassifier.classify_error("connection refused"))

    made.TRANSIENT_PATTERNS = [Watched("busy")]
    assert made.classify_error("busy") is TRANSIENT
    for number in range(40):
        made.TRANSIENT_PATTERNS = [f"pushes the list of {number} before out of what is kept"]
        made.classify_error("x")
    assert seen == [TRANSIENT]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_classifiers_can_be_copied_and_pickled(duplicate: Callable[[Any], Any]) -> None:
    classifier = PickledClassifier()
    classifier.name = "mine"
    twin = duplicate(classifier)
    assert type(twin) is PickledClassifier
    assert twin.name == "mine"
    assert twin.classify_error("quota exceeded") is TRANSIENT


def test_a_subclass_may_have_a_constructor_and_the_base_takes_nothing() -> None:
    class Named(ErrorClassifier):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    assert Named("a").name == "a"
    with pytest.raises(TypeError):
        ErrorClassifier("a")  # type: ignore[call-arg]


def test_lists_and_method_can_be_patched_for_a_while() -> None:
    with mock.patch.object(ErrorClassifier, "TRANSIENT_PATTERNS", ["quota"]):
        assert ErrorClassifier.classify_error("quota") is TRANSIENT
        assert ErrorClassifier.classify_error("connection refused") is UNKNOWN
    with mock.patch.object(ErrorClassifier, "classify_error", return_value=PERMANENT):
        assert ErrorClassifier.classify_error("connection refused") is PERMANENT
    assert ErrorClassifier.classify_error("connection refused") is TRANSIENT


def test_a_subclass_may_extend_the_method() -> None:
    class Codes(ErrorClassifier):
        @classmethod
        def classify_error(cls, error_message: str) -> ErrorType:
            if error_message == "exit status 75":
                return TRANSIENT
            return super().classify_error(error_message)

    assert Codes.classify_error("exit status 75") is TRANSIENT
    assert Codes.classify_error("permission denied") is PERMANENT
