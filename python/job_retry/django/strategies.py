"""Which strategy a job is retried by."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from job_retry import RETRY_STRATEGIES, RetryStrategy
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("job_retry.queue")

DEFAULT_STRATEGY = "default"

SHIPPED_DEFAULT = RetryStrategy(max_attempts=3, base_delay=2.0, max_delay=60.0)
"""The preset ``default`` as shipped, for where a program has removed or broken its own."""

HIGH_PRIORITY_FROM = 80
"""Jobs of this priority and above use ``high_priority``, whatever they name."""

LOW_PRIORITY_TO = 20
"""Jobs of this priority and below use ``conservative``, whatever they name."""


def get_strategies() -> dict[str, RetryStrategy]:
    """Return all registered strategies by name: `RETRY_STRATEGIES` and ``JOB_RETRY["STRATEGIES"]``."""
    return {**RETRY_STRATEGIES, **get_settings().strategies}


def retry_strategy_choices() -> list[tuple[str, str]]:
    """Return the choices of `RetryableJob.retry_strategy`; a callable, so that a new strategy makes no migration."""
    try:
        strategies = get_strategies()
    except ImproperlyConfigured:
        # Django asks for them in its own checks of the model, which must not end before ours say what is wrong.
        strategies = RETRY_STRATEGIES
    return [(name, strategy_label(name)) for name in strategies]


def strategy_label(name: str) -> str:
    """Return a strategy's name as people read it: ``High priority`` for ``high_priority``."""
    return name.replace("_", " ").capitalize()


def requested_strategy(*, priority: int, names: tuple[str | None, ...], by_priority: bool) -> str:
    """Return the name of the strategy that a job of ``priority`` asks for, whether it is registered or not.

    The first of ``names`` that is set counts, unless ``by_priority`` and the priority decides.
    """
    if by_priority and priority >= HIGH_PRIORITY_FROM:
        return "high_priority"
    if by_priority and priority <= LOW_PRIORITY_TO:
        return "conservative"
    return next((name for name in names if name), DEFAULT_STRATEGY)


def select_strategy(
    strategies: Mapping[str, RetryStrategy],
    *,
    priority: int,
    names: tuple[str | None, ...],
    by_priority: bool,
) -> RetryStrategy:
    """Return the `requested_strategy`; one that is not registered falls back to ``default`` with a warning."""
    name = requested_strategy(priority=priority, names=names, by_priority=by_priority)
    if name in strategies:
        return strategies[name]
    logger.warning(
        "Unknown retry strategy %r, using %r. Registered: %s.",
        name,
        DEFAULT_STRATEGY,
        ", ".join(sorted(strategies)),
    )
    # A manager may have been given strategies of its own without a default among them.
    return strategies.get(DEFAULT_STRATEGY) or RETRY_STRATEGIES.get(DEFAULT_STRATEGY, SHIPPED_DEFAULT)
