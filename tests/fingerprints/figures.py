"""How well fingerprints group messages: counted in pairs.

Of all pairs of messages: precision is how many of those with one fingerprint have one cause, recall how many of those
with one cause have one fingerprint.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from job_retry import Fingerprint

    from tests.fingerprints.groups import Message


@dataclass(frozen=True)
class Figures:
    """What was counted."""

    messages: int
    causes: int
    right: int
    """Pairs of one cause with one fingerprint."""
    together: int
    """Pairs with one fingerprint."""
    related: int
    """Pairs of one cause."""
    joined: dict[str, list[str]] = field(repr=False)
    """By template, the causes that it does not tell apart."""
    split: dict[str, list[str]] = field(repr=False)
    """By cause, the templates that it falls into."""

    @property
    def precision(self) -> float:
        """Share from 0 to 1; 1 where no two messages have one fingerprint."""
        return self.right / self.together if self.together else 1.0

    @property
    def recall(self) -> float:
        """Share from 0 to 1; 1 where no two messages have one cause."""
        return self.right / self.related if self.related else 1.0


def measure(messages: Sequence[Message], fingerprint: Callable[[str], Fingerprint]) -> Figures:
    """Compare the causes of ``messages`` with what ``fingerprint`` makes of them."""
    found = [(message.cause, fingerprint(message.text)) for message in messages]
    causes: dict[str, set[str]] = defaultdict(set)
    templates: dict[str, set[str]] = defaultdict(set)
    for cause, print_ in found:
        causes[print_.template].add(cause)
        templates[cause].add(print_.template)
    return Figures(
        messages=len(messages),
        causes=len(templates),
        right=_pairs(Counter((cause, print_.id) for cause, print_ in found)),
        together=_pairs(Counter(print_.id for _, print_ in found)),
        related=_pairs(Counter(cause for cause, _ in found)),
        joined={template: sorted(names) for template, names in causes.items() if len(names) > 1},
        split={cause: sorted(texts) for cause, texts in templates.items() if len(texts) > 1},
    )


def _pairs(sizes: Counter[object]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())
