"""Telling of failed attempts once they are written: the signal, and the hook that the queue's settings name."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from job_retry.django import signals
from job_retry.django.error_text import clean_traceback
from job_retry.django.launcher import is_coroutine_function, named_callable

if TYPE_CHECKING:
    from job_retry.django.decision import FailureDecision
    from job_retry.django.models import RetryableJob
    from job_retry.django.queue import JobQueueManager

logger = logging.getLogger("job_retry.queue")

Hook = Callable[..., Any]
"""Takes a job and the `FailureDecision` on it, in this order; what it returns is ignored."""


def tell_of_failure(manager: JobQueueManager, job: RetryableJob, decision: FailureDecision) -> None:
    """Send the signal of a decision that is written, and call the queue's hook; what they raise changes nothing."""
    if decision.will_retry:
        signal, option, hook = signals.job_retry_scheduled, "ON_RETRY", manager.options.on_retry
    else:
        signal, option, hook = signals.job_dead_lettered, "ON_DEAD_LETTER", manager.options.on_dead_letter
    sender = type(job)
    if signal.has_listeners(sender):
        signal.send_robust(
            sender=sender,
            job=job,
            manager=manager,
            decision=decision,
            is_final=decision.is_final,
            verdict=decision.verdict,
            fingerprint=decision.fingerprint,
        )
    if hook is not None:
        try:
            named_callable(hook)(job, decision)
        except Exception as error:
            logger.error(
                "Job %s: %s failed; what it was told of is written.\n%s", job.pk, option, clean_traceback(error)
            )


def resolve_hook(hook: Hook | str) -> Hook:
    """Return the callable behind ``hook``; an ImportError, AttributeError or TypeError says what is wrong with it."""
    found = named_callable(hook)
    if not callable(found):
        raise TypeError(f"{type(found).__name__} is not callable")
    if is_coroutine_function(found):
        raise TypeError("a coroutine function, and nobody would await it: wrap it in asgiref.sync.async_to_sync")
    try:
        signature = inspect.signature(found)
    except ValueError:  # builtins and some extension functions have none
        return found
    signature.bind("job", "decision")
    return found
