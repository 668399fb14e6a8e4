"""Why an error was classified as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from job_retry.error_type import ErrorType


@dataclass(frozen=True)
class NearMiss:
    """A rule that came near: it matches but is weaker, or something kept it back."""

    rule: str
    """Full id, such as ``docker/daemon-unreachable``."""
    error_type: ErrorType
    """What it says."""
    why: str
    """Why it did not decide."""


@dataclass(frozen=True)
class Classification:
    """A verdict and what it rests on."""

    error_type: ErrorType
    """The verdict."""
    rule: str | None
    """Full id of the rule that decided; the pattern itself where one of the two lists did; None where nothing did."""
    pack: str | None
    """Pack of the rule; ``"project"`` for a rule of the program, ``"lists"`` for a pattern of the lists."""
    why: str
    """Why another attempt may or cannot succeed."""
    matched_text: str | None
    """What was recognised: a part of the text, or the class or code of an exception."""
    span: tuple[int, int] | None
    """Where in the text, in characters; None where it was the exception itself."""
    near_misses: tuple[NearMiss, ...] = ()
    """Rules that came near, those that match first."""
    source: str | None = None
    """Class of the exception that decided, of those that were chained; None for a message."""

    def __str__(self) -> str:
        decider = "nothing matches" if self.rule is None else self.rule
        lines = [f"{self.error_type.value}: {decider}", f"  why: {self.why}"]
        if self.matched_text is not None:
            where = "" if self.span is None else f", characters {self.span[0]} to {self.span[1]}"
            lines.append(f"  matched: {self.matched_text!r}{where}")
        if self.source is not None:
            lines.append(f"  in: {self.source}")
        lines += [f"  near: {miss.error_type.value}: {miss.rule}: {miss.why}" for miss in self.near_misses]
        return "\n".join(lines)
