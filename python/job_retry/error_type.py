"""The three verdicts on an error."""

from __future__ import annotations

from enum import Enum


class ErrorType(Enum):
    """What kind of failure an error is.

    Equal to a member of another enum class named ``ErrorType`` with the same value, so that a program in which two such
    classes meet (one bound before the other took its place) cannot retry a permanent error by mistake. Strings are
    never equal to a member.
    """

    TRANSIENT = "transient"
    """Another attempt may succeed with nobody changing anything."""

    PERMANENT = "permanent"
    """The same job will fail again until somebody changes something."""

    UNKNOWN = "unknown"
    """The message alone cannot tell; retried like a transient one, up to the limit."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Enum) and type(other).__name__ == "ErrorType":
            return bool(self._value_ == other._value_)
        return NotImplemented

    # As `Enum` computes it, so that a member of the other class finds what is kept under ours.
    def __hash__(self) -> int:
        return hash(self._name_)
