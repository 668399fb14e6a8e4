"""What is counted of judged messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.accuracy.rows import Row


@dataclass(frozen=True)
class Decision:
    """What a classifier says of a message."""

    verdict: str
    rule: str | None = None
    """Full id of the pack's rule that decided; None where a list entry did, or nothing."""
    reason: str = ""
    """What decided, in words for a person."""


@dataclass(frozen=True)
class Judged:
    """A row with what a classifier says of it."""

    row: Row
    decision: Decision

    @property
    def right(self) -> bool:
        """Whether the verdict is the label."""
        return self.decision.verdict == self.row.label

    @property
    def buried(self) -> bool:
        """Whether it would have succeeded later and is called permanent: work that is lost."""
        return self.row.label == "transient" and self.decision.verdict == "permanent"


def judge_rows(rows: Iterable[Row], judge: Callable[[str], Decision]) -> list[Judged]:
    """Return each row with what ``judge`` says of its message."""
    return [Judged(row, judge(row.message)) for row in rows]


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        """From 0 to 1; of nothing it is 0."""
        return self.part / self.whole if self.whole else 0.0


def right_share(judged: Sequence[Judged]) -> Share:
    """Return how many verdicts are right."""
    return Share(sum(one.right for one in judged), len(judged))


def buried_share(judged: Sequence[Judged]) -> Share:
    """Return how many of the retryable messages are called permanent."""
    return Share(sum(one.buried for one in judged), sum(one.row.label == "transient" for one in judged))


def confusion(judged: Iterable[Judged]) -> Counter[tuple[str, str]]:
    """Return how often which label was given which verdict."""
    return Counter((one.row.label, one.decision.verdict) for one in judged)


def grouped(judged: Iterable[Judged], key: Callable[[Row], str]) -> dict[str, list[Judged]]:
    """Return the judged rows by ``key``, in the order of the keys."""
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(key(one.row), []).append(one)
    return dict(sorted(groups.items()))


def decided_counts(judged: Iterable[Judged]) -> Counter[str]:
    """Return how many messages each rule of a pack decides."""
    return Counter(one.decision.rule for one in judged if one.decision.rule is not None)
