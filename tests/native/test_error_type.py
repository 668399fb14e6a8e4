"""The verdicts are members of a real enum."""

from __future__ import annotations

import copy
import enum
import json
import pickle

from job_retry import ErrorClassifier, ErrorType

MESSAGES = {
    ErrorType.TRANSIENT: "connection refused",
    ErrorType.PERMANENT: "no such image",
    ErrorType.UNKNOWN: "exit status 1",
}


def test_it_is_an_enum_of_three_verdicts() -> None:
    assert issubclass(ErrorType, enum.Enum)
    assert {member.name: member.value for member in ErrorType} == {
        "TRANSIENT": "transient",
        "PERMANENT": "permanent",
        "UNKNOWN": "unknown",
    }


def test_native_code_returns_its_very_members() -> None:
    for member, message in MESSAGES.items():
        verdict = ErrorClassifier.classify_error(message)
        assert verdict is member is ErrorType(member.value) is ErrorType[member.name]
        assert {verdict: 1}[member] == 1
        assert json.dumps(verdict.value) == f'"{member.value}"'


def test_members_survive_pickle_and_copy() -> None:
    for member in ErrorType:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(member, protocol)) is member
        assert copy.copy(member) is copy.deepcopy(member) is member
