"""`ErrorType` and an enum class of the same name that another package has: they agree where their members meet."""

from __future__ import annotations

from enum import Enum, IntEnum

import pytest
from job_retry import RETRY_STRATEGIES, ErrorType

Other = Enum("ErrorType", {"TRANSIENT": "transient", "PERMANENT": "permanent", "UNKNOWN": "unknown", "FATAL": "fatal"})
Text = Enum("ErrorType", {"PERMANENT": "permanent"}, type=str)
AnotherName = Enum("Verdict", {"PERMANENT": "permanent"})


class NoEnum:
    """Named the same, with the same value, and no enum."""

    value = _value_ = "permanent"


NoEnum.__name__ = "ErrorType"


@pytest.mark.parametrize("ours", ErrorType)
@pytest.mark.parametrize("other", Other)
def test_members_with_the_same_value_are_equal_both_ways(ours: ErrorType, other: Enum) -> None:
    same = ours.value == other.value
    assert (ours == other, other == ours, ours != other, other != ours) == (same, same, not same, not same)
    assert (ours in [other], other in [ours]) == (same, same)
    assert (ours in {other}, other in {ours}, {ours: 1}.get(other), {other: 1}.get(ours)) == (
        (True, True, 1, 1) if same else (False, False, None, None)
    )


@pytest.mark.parametrize("ours", ErrorType)
def test_a_member_hashes_as_any_enums_member_of_its_name(ours: ErrorType) -> None:
    assert hash(ours) == hash(Other[ours.name]) == Enum.__hash__(ours)


def test_a_text_enum_of_the_name_is_equal_too() -> None:
    assert ErrorType.PERMANENT == Text.PERMANENT
    assert Text.PERMANENT == ErrorType.PERMANENT
    assert ErrorType.TRANSIENT != Text.PERMANENT


@pytest.mark.parametrize(
    "other",
    ["permanent", "PERMANENT", None, 1, AnotherName.PERMANENT, NoEnum(), IntEnum("ErrorType", ["PERMANENT"]).PERMANENT],
    ids=repr,
)
def test_nothing_else_is_equal(other: object) -> None:
    ours = ErrorType.PERMANENT
    assert (ours == other, other == ours, ours != other, other != ours) == (False, False, True, True)


def test_a_strategy_refuses_by_either() -> None:
    for permanent in (ErrorType.PERMANENT, Other.PERMANENT, Text.PERMANENT):  # type: ignore[attr-defined]
        assert not RETRY_STRATEGIES["default"].should_retry(1, permanent)
