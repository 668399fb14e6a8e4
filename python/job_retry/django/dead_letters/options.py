"""How a bulk action is to go about it, checked before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from job_retry.django.history.models import BulkAction
from job_retry.django.strategies import get_strategies

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CANARIES = 1000
"""What may be requeued before anything is known of the rest; these are all watched at every poll of a worker."""

Kind = BulkAction.Kind


@dataclass(frozen=True)
class Options:
    """What `begin` is told beside the selection; the defaults mean: as the jobs are, and at once."""

    fresh_count: bool = False
    strategy: str = ""
    priority: int | None = None
    spread_seconds: float = 0.0
    note: str = ""
    canary_size: int = 0
    rate_per_minute: float = 0.0


_DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in fields(Options)}

_REQUEUE = frozenset({"fresh_count", "strategy", "priority", "note"})

TAKEN: Mapping[str, frozenset[str]] = {
    Kind.REQUEUE: _REQUEUE | {"spread_seconds"},
    Kind.CANARY: _REQUEUE | {"canary_size", "rate_per_minute"},
    Kind.DISCARD: frozenset({"note"}),
}
"""Kind to the options that mean something for it."""


def check(kind: str, options: Options) -> None:
    """Raise the ValueError that names the first option that cannot be, and what can."""
    if kind not in Kind.values:
        raise ValueError(f"kind must be one of {', '.join(Kind.values)}, not {kind!r}.")
    for name, default in _DEFAULTS.items():
        if name not in TAKEN[kind] and getattr(options, name) != default:
            taken = ", ".join(each for each in _DEFAULTS if each in TAKEN[kind])
            raise ValueError(f"A {kind} takes no {name}, but: {taken}.")
    if options.strategy and options.strategy not in get_strategies():
        known = ", ".join(get_strategies())
        raise ValueError(f"strategy must be one of {known}, or empty for the jobs' own, not {options.strategy!r}.")
    if options.priority is not None and not (_is_whole(options.priority) and 0 <= options.priority <= 100):
        raise ValueError(f"priority must be a whole number from 0 to 100, or None, not {options.priority!r}.")
    if not (_is_number(options.spread_seconds) and options.spread_seconds >= 0):
        raise ValueError(f"spread_seconds must be a number of seconds, 0 or more, not {options.spread_seconds!r}.")
    if kind == Kind.DISCARD and not options.note.strip():
        raise ValueError("A discard needs a note that says why, for those who look for the jobs later.")
    if kind == Kind.CANARY:
        _check_canary(options)


def _check_canary(options: Options) -> None:
    size, rate = options.canary_size, options.rate_per_minute
    if not (_is_whole(size) and 1 <= size <= MOST_CANARIES):
        raise ValueError(f"canary_size must be a whole number from 1 to {MOST_CANARIES}, not {size!r}.")
    if not (_is_number(rate) and rate > 0):
        raise ValueError(f"rate_per_minute must be a number above 0, not {rate!r}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
