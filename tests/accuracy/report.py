"""The figures as text for people and as JSON for machines."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.accuracy.figures import (
    Judged,
    Share,
    buried_share,
    confusion,
    decided_counts,
    grouped,
    right_share,
)
from tests.accuracy.groups import group_of
from tests.accuracy.rows import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.accuracy.folds import Folded
    from tests.accuracy.rows import Row

WIDTH = 120
SHOWN_CHARACTERS = 300
"""So much of a message is shown; the place says where the rest stands."""

LEGEND = """\
lists: the two shipped lists alone. packs: with all packs. folds: each fifth of the messages with only those rules that
another fifth supports. t>p: labelled transient, called permanent with all packs; and so on."""

MISTAKES = tuple((label, verdict) for label in LABELS for verdict in LABELS if label != verdict)


@dataclass(frozen=True)
class Accuracy:
    """The same rows, judged by the shipped lists alone, with all packs, and by folds."""

    lists: Sequence[Judged]
    packs: Sequence[Judged]
    folded: Folded
    rules: int
    """How many rules the packs have."""

    @property
    def single(self) -> Share:
        """Rules that decide a single message, of all rules."""
        return Share(sum(count == 1 for count in decided_counts(self.packs).values()), self.rules)


def as_text(accuracy: Accuracy, *, wrong: bool = False) -> str:
    """Return the report for people; with ``wrong``, each wrong verdict first."""
    parts = [_mistakes(accuracy.packs)] if wrong else []
    parts += [
        _table("group", accuracy, group_of),
        _table("family", accuracy, lambda row: row.family),
        LEGEND,
        _totals(accuracy),
    ]
    if accuracy.folded.unsupported:
        listed = ", ".join(_counted(rule, count) for rule, count in accuracy.folded.unsupported.items())
        parts.append(f"Rules that a single fold supports:\n{_wrapped(listed)}")
    return "\n\n".join(parts)


def as_json(accuracy: Accuracy) -> dict[str, Any]:
    """Return the report for machines; shares are from 0 to 1."""
    judged = {"lists": accuracy.lists, "packs": accuracy.packs, "folds": accuracy.folded.judged}
    decided = decided_counts(accuracy.packs)
    return {
        "total": {name: _figures(rows) for name, rows in judged.items()},
        "groups": _by(group_of, judged),
        "families": _by(lambda row: row.family, judged),
        "rules": {
            "all": accuracy.rules,
            "deciding": len(decided),
            "deciding_one_message": accuracy.single.part,
            "share_deciding_one_message": accuracy.single.ratio,
            "supported_by_one_fold": dict(accuracy.folded.unsupported),
        },
        "wrong": [
            {
                "place": one.row.place,
                "family": one.row.family,
                "message": one.row.message,
                "label": one.row.label,
                "verdict": one.decision.verdict,
                "decided_by": one.decision.reason,
                "why": one.row.why,
            }
            for one in accuracy.packs
            if not one.right
        ],
    }


def _by(key: Callable[[Row], str], judged: Mapping[str, Sequence[Judged]]) -> dict[str, dict[str, Any]]:
    groups = {name: grouped(rows, key) for name, rows in judged.items()}
    return {group: {name: _figures(groups[name][group]) for name in judged} for group in groups["packs"]}


def _figures(judged: Sequence[Judged]) -> dict[str, Any]:
    right, buried, confused = right_share(judged), buried_share(judged), confusion(judged)
    return {
        "messages": right.whole,
        "right": right.part,
        "share_right": right.ratio,
        "retryable": buried.whole,
        "retryable_called_permanent": buried.part,
        "share_retryable_called_permanent": buried.ratio,
        "confusion": {label: {verdict: confused[label, verdict] for verdict in LABELS} for label in LABELS},
    }


def _table(title: str, accuracy: Accuracy, key: Callable[[Row], str]) -> str:
    heads = [f"{label[0]}>{verdict[0]}" for label, verdict in MISTAKES]
    lines = [
        f"{title:<30}{'messages':>9}{'lists':>8}{'packs':>8}{'folds':>8}  {''.join(f'{head:>5}' for head in heads)}"
    ]
    lists, packs, folds = (grouped(judged, key) for judged in (accuracy.lists, accuracy.packs, accuracy.folded.judged))
    lines += [_line(name, lists[name], packs[name], folds[name]) for name in packs]
    lines.append(_line("all", accuracy.lists, accuracy.packs, accuracy.folded.judged))
    return "\n".join(lines)


def _line(name: str, lists: Sequence[Judged], packs: Sequence[Judged], folds: Sequence[Judged]) -> str:
    shares = "".join(f"{_percent(right_share(judged)):>8}" for judged in (lists, packs, folds))
    confused = confusion(packs)
    mistakes = "".join(f"{confused[pair] or '-':>5}" for pair in MISTAKES)
    return f"{name:<30}{len(packs):>9}{shares}  {mistakes}"


def _totals(accuracy: Accuracy) -> str:
    decided = decided_counts(accuracy.packs)
    rows = [
        ("right with all packs", right_share(accuracy.packs)),
        ("retryable called permanent", buried_share(accuracy.packs)),
        ("right with the shipped lists alone", right_share(accuracy.lists)),
        ("retryable called permanent by them", buried_share(accuracy.lists)),
        ("right by folds", right_share(accuracy.folded.judged)),
        ("retryable called permanent by folds", buried_share(accuracy.folded.judged)),
        ("rules that decide a message", Share(len(decided), accuracy.rules)),
        ("rules that decide a single message", accuracy.single),
    ]
    return "\n".join(f"{name:<36}{share.part:>6} of {share.whole:<6}{_percent(share):>8}" for name, share in rows)


def _mistakes(judged: Sequence[Judged]) -> str:
    mistakes = [one for one in judged if not one.right]
    if not mistakes:
        return "Every verdict is right."
    return "\n".join(
        f"{one.row.place} ({one.row.family}): labelled {one.row.label}: {one.row.why}\n"
        f"    {_shortened(one.row.message)}\n"
        f"    called {one.decision.verdict}: {one.decision.reason}"
        for one in mistakes
    )


def _shortened(message: str) -> str:
    shown = message if len(message) <= SHOWN_CHARACTERS else f"{message[:SHOWN_CHARACTERS]}..."
    return repr(shown)


def _counted(rule: str, count: int) -> str:
    return rule if count == 1 else f"{rule} ({count})"


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _percent(share: Share) -> str:
    return f"{share.ratio:.1%}" if share.whole else "-"
