"""Classifiers with rule packs and rules of the program."""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import Any, ClassVar

import job_retry
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry import ErrorClassifier, ErrorType, check_rules, rule_packs

TRANSIENT, PERMANENT, UNKNOWN = ErrorType.TRANSIENT, ErrorType.PERMANENT, ErrorType.UNKNOWN

WIDGET: dict[str, Any] = {
    "id": "widget-gone",
    "verdict": "permanent",
    "why": "nobody makes widgets any more",
    "message": "widget (?:gone|lost)",
    "examples": ["The widget gone"],
}

ALL = ErrorClassifier.with_packs()
OWN = ErrorClassifier.with_rules([WIDGET])


def test_the_plain_class_uses_no_packs() -> None:
    assert (ErrorClassifier.RULE_PACKS, ErrorClassifier.RULES) == ((), ())
    assert ErrorClassifier.classify_error("FATAL: deadlock detected") is UNKNOWN
    assert ALL.classify_error("FATAL: deadlock detected") is TRANSIENT


def test_packs_are_named_in_any_order_and_all_are_used_where_none_is_named() -> None:
    assert tuple(rule_packs()) == ALL.RULE_PACKS
    some = ErrorClassifier.with_packs("redis", "postgres", "redis")
    assert some.RULE_PACKS == ("postgres", "redis")
    assert issubclass(some, ErrorClassifier)
    assert some.with_packs("posix").RULE_PACKS == ("posix",)


@pytest.mark.parametrize("name", ["nosuch", "", "Redis", "\udc80"])
def test_an_unknown_pack_is_refused_and_those_that_exist_are_listed(name: str) -> None:
    with pytest.raises(ValueError, match=r"there is no rule pack .*; the shipped ones are amqp, aws, .*redis"):
        ErrorClassifier.with_packs("redis", name)
    with pytest.raises(TypeError, match="the name of a rule pack must be a str, not int"):
        ErrorClassifier.with_packs(1)  # type: ignore[arg-type]


def test_what_a_subclass_overrides_still_counts() -> None:
    class Loud(ErrorClassifier):
        heard: ClassVar[list[str]] = []

        @classmethod
        def classify_error(cls, error_message: str) -> ErrorType:
            cls.heard.append(error_message)
            return super().classify_error(error_message)

    packed = Loud.with_packs("postgres")
    assert packed.classify_error("deadlock detected") is TRANSIENT
    assert Loud.heard == ["deadlock detected"]

    class Further(packed):  # type: ignore[misc, valid-type]
        TRANSIENT_PATTERNS: ClassVar = [*packed.TRANSIENT_PATTERNS, "widget"]

    assert Further.classify_error("widget") is TRANSIENT
    assert packed.classify_error("widget") is UNKNOWN


def test_rules_then_added_patterns_then_packs_then_the_shipped_patterns() -> None:
    message = "widget gone: SQLSTATE 40P01: no such image"

    class Edited(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = list(ErrorClassifier.TRANSIENT_PATTERNS)
        PERMANENT_PATTERNS: ClassVar = list(ErrorClassifier.PERMANENT_PATTERNS)

    packed = Edited.with_packs("postgres")
    assert packed.explain(message).rule == "postgres/deadlock"
    assert packed.explain("no such image").rule == "no such image"
    assert packed.explain("no such image").pack == "lists"
    packed.PERMANENT_PATTERNS.append(r"40\w+")
    assert packed.explain(message).rule == r"40\w+"
    assert packed.explain(message).span == (22, 27)
    both = packed.with_rules([WIDGET])
    assert (both.explain(message).rule, both.explain(message).pack) == ("project/widget-gone", "project")
    assert both.RULE_PACKS == ("postgres",)
    packed.PERMANENT_PATTERNS.clear()
    assert packed.classify_error("no such image") is UNKNOWN
    assert packed.explain(message).rule == "postgres/deadlock"


def test_a_pattern_moved_to_the_other_list_counts_as_added() -> None:
    class Moved(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = ["permission denied"]
        PERMANENT_PATTERNS: ClassVar = []

    assert Moved.with_packs("posix").classify_error("permission denied") is TRANSIENT
    assert ErrorClassifier.with_packs("posix").classify_error("permission denied") is PERMANENT


def test_rules_and_packs_combine_in_either_order() -> None:
    first = OWN.with_packs("postgres")
    second = ErrorClassifier.with_packs("postgres").with_rules([WIDGET])
    for cls in (first, second):
        assert cls.RULE_PACKS == ("postgres",)
        assert cls.RULES == (WIDGET,)
        assert cls.classify_error("SQLSTATE 40P01, WIDGET LOST") is PERMANENT
    assert first.with_rules([]).classify_error("widget lost") is UNKNOWN


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"id": "Widget"}, 'rule project/#1: id is "Widget"; write it in kebab-case'),
    ({"verdict": "maybe"}, 'verdict is "maybe"; write one of transient, permanent, unknown'),
    ({"verdict": None}, "verdict is None; write a text"),
    ({"why": "two\nlines"}, "write one line without a full stop"),
    ({"strength": "very"}, "write one of decisive, cause, code, status, symptom, class, hint"),
    ({"message": "Widget"}, "write it in lower case"),
    ({"message": "widget("}, "it is no pattern"),
    ({"message": ["w.dg"]}, "a literal of 3 bytes or more"),
    ({"message": 5}, "message is 5; write texts"),
    ({"message": []}, "nothing says what the rule matches"),
    ({"errno": "ENOWIDGET"}, 'errno is "ENOWIDGET"; Linux has no such errno'),
    ({"http_status": 12}, "http_status is 12; write the status"),
    ({"http_status": True}, "http_status is True; write texts or whole numbers"),
    ({"exception": "no name"}, "write the dotted name of a class"),
    ({"examples": [5]}, "examples is 5; write a text, or a table of evidence"),
    ({"examples": [{"mesage": "x"}]}, 'mesage is "x"; there is no such key'),
    ({"colour": "red"}, "there is no such key; known are id, verdict, why"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED, ids=[str(change) for change, _ in REFUSED])
def test_a_rule_that_cannot_be_used_is_named_with_the_way_out(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match="rule project/") as refusal:
        ErrorClassifier.with_rules([{**WIDGET, **change}])
    assert reason in str(refusal.value)
    [problem] = check_rules([{**WIDGET, **change}])
    assert (problem.kind, reason in problem.message) == ("invalid", True)


@pytest.mark.parametrize("rules", [None, "rule", {"id": "x"}, [["id", "x"]], [None], [{1: "x"}]])
def test_what_is_no_list_of_dicts_is_refused(rules: Any) -> None:
    with pytest.raises(TypeError, match="must be a"):
        ErrorClassifier.with_rules(rules)
    with pytest.raises(TypeError, match="must be a"):
        check_rules(rules)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="another rule has it"):
        ErrorClassifier.with_rules([WIDGET, WIDGET])


def test_problems_of_rules_are_found() -> None:
    assert check_rules([WIDGET]) == []
    late = {**WIDGET, "id": "late", "message": "widget late", "examples": ["widget gone"]}
    bare = {key: value for key, value in WIDGET.items() if key != "examples"}
    assert [(problem.rule, problem.kind) for problem in check_rules([WIDGET, late])] == [("project/late", "example")]
    assert [problem.kind for problem in check_rules([bare], packs=[])] == ["no-example"]
    with pytest.raises(ValueError, match="there is no rule pack"):
        check_rules([WIDGET], packs=["nosuch"])
    with pytest.raises(TypeError, match="packs must be a sequence of str"):
        check_rules([WIDGET], packs="redis")


SPANS = [
    ("The WIDGET gone", "WIDGET gone"),
    ("\u0130\u0130 \u212a WIDGET lost \u0130", "WIDGET lost"),
    ("\U0001f600 widget gone \U0001f600", "widget gone"),
    ("\udc80\udcff widget gone\ud83d", "widget gone"),
    ("line one\nw\u0130dget gone\nwidget lost", "widget lost"),
]


@pytest.mark.parametrize(("message", "matched"), SPANS)
def test_the_span_of_a_rule_is_in_characters_of_the_original(message: str, matched: str) -> None:
    explained = OWN.explain(message)
    assert explained.rule == "project/widget-gone"
    assert explained.span is not None
    assert explained.matched_text == message[slice(*explained.span)] == matched


@pytest.mark.parametrize(
    ("message", "matched"),
    [
        ("\u0130\u0130 no such \u0130mage", None),
        ("\u0130\u0130 NO SUCH IMAGE", "NO SUCH IMAGE"),
        ("\u0130 too many open files", "too many open files"),
        ("\udc80 Connection was\udc80 refused", "Connection was\udc80 refused"),
        ("\U0001f600\u212a INVALID\u0130 COMMAND", "INVALID\u0130 COMMAND"),
    ],
)
def test_so_is_that_of_a_pattern_of_the_lists(message: str, matched: str | None) -> None:
    explained = ErrorClassifier.explain(message)
    assert explained.matched_text == matched
    assert explained.span is None or message[slice(*explained.span)] == matched


def test_an_explanation_names_what_came_near() -> None:
    explained = OWN.with_packs("postgres").explain("SQLSTATE 40P01: widget gone")
    assert (explained.error_type, explained.why) == (PERMANENT, "nobody makes widgets any more")
    [miss] = [miss for miss in explained.near_misses if miss.rule == "postgres/deadlock"]
    assert miss.error_type is TRANSIENT
    assert "the rules of the project come before" in miss.why
    assert "near: transient: postgres/deadlock" in str(explained)
    with pytest.raises(dataclasses.FrozenInstanceError):
        explained.rule = "other"  # type: ignore[misc]
    assert OWN.explain("nothing at all") == OWN.explain("nothing at all")
    assert OWN.explain("nothing at all").rule is None


@pytest.mark.parametrize("error", [None, b"widget gone", 5])
def test_what_is_neither_message_nor_exception_is_refused(error: Any) -> None:
    with pytest.raises(TypeError, match="error must be a str or an exception"):
        OWN.explain(error)
    with pytest.raises(TypeError, match="error_message must be a str"):
        OWN.classify_error(error)


WORDS = st.sampled_from(
    [
        *(
            "widget gone",
            "connection",
            " refused",
            "\n",
            "attempt 1",
            "attempt 2 ",
            "timed out",
            "SQLSTATE 40P01 ",
            "503 ",
        ),
        *(
            "permission denied",
            "ECONNRESET",
            "not found",
            "\u0130",
            "\u212a",
            "\udc80",
            "no space left",
            "TimeoutError: ",
        ),
    ]
)


@given(st.lists(WORDS | st.text(max_size=3), max_size=12).map("".join))
def test_classifying_and_explaining_agree(message: str) -> None:
    for cls in (ErrorClassifier, ALL, OWN):
        explained = cls.explain(message)
        assert explained.error_type is cls.classify_error(message)
        if explained.span is not None:
            assert message[slice(*explained.span)] == explained.matched_text


def test_in_a_log_of_attempts_the_last_line_of_the_projects_own_rules_decides() -> None:
    rules = [
        {**WIDGET, "id": "strong", "message": "widget gone", "strength": "cause"},
        {**WIDGET, "id": "weak", "message": "widget late", "examples": ["widget late"], "strength": "class"},
    ]
    cls = ErrorClassifier.with_rules([{**rules[0], "verdict": "permanent"}, {**rules[1], "verdict": "transient"}])
    log = "attempt 1: widget gone\nattempt 2: widget late\nattempt 3: no space left on device"
    assert cls.classify_error(log) is TRANSIENT
    assert cls.explain(log).rule == "project/weak"


@given(st.lists(WORDS, max_size=12).map("".join))
def test_classifying_an_exception_and_explaining_it_agree(message: str) -> None:
    error = OSError(111, message)
    for cls in (ErrorClassifier, ALL, OWN):
        assert cls.explain(error).error_type is cls.classify_exception(error)


def test_the_log_names_the_rule(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "job_retry"):
        OWN.classify_error("widget gone")
    assert caplog.messages == ["Classified as PERMANENT: project/widget-gone"]


def test_every_pack_says_what_it_is_and_every_rule_has_an_example() -> None:
    packs = rule_packs()
    assert len(packs) >= 20
    for name, pack in packs.items():
        assert pack.name == name
        assert pack.title
        assert pack.about
        assert all(rule.id.startswith(f"{name}/") and rule.why and rule.examples for rule in pack.rules), name
    assert packs == rule_packs()
    assert isinstance(packs["redis"], job_retry.RulePack)


def test_many_threads_may_use_and_edit_classifiers_at_once() -> None:
    cls = ErrorClassifier.with_packs("git", "ssh", "smtp")
    messages = ["widget gone", "deadlock", "fatal: repository not found", "ssh: connect to host x port 22: timed out"]
    expected = [cls.classify_error(message) for message in messages]
    start = threading.Barrier(8)
    verdicts: list[list[ErrorType]] = []

    def work() -> None:
        start.wait()
        own = cls.with_rules([])
        verdicts.extend([own.classify_error(message) for message in messages] for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts) == 400
    assert all(verdict == expected for verdict in verdicts)


HOSTILE = {
    "one anchor": "connection ",
    "an anchor a line": "connection reset\n",
    "many anchors": "error cannot connect to timeout while failed to not found invalid denied ",
    "attempts": "attempt 1 failed\nretrying ",
    "tracebacks": '  File "x.py", line 1, in f\n    raise OSError(111)\n',
    "no anchor": "\u00e9",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_long_hostile_messages_get_the_verdict_of_their_end(piece: str) -> None:
    ending = "\nFATAL: quota widget gone"
    assert OWN.with_packs("redis").classify_error(piece * (1_000_000 // len(piece)) + ending) is PERMANENT
