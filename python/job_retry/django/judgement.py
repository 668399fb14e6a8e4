"""What a classifier says of an error: what kind it is, by which rule, and how long the error itself asks to wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from job_retry import ErrorClassifier, ErrorType
from job_retry.django.error_text import clean_traceback

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

logger = logging.getLogger("job_retry.queue")

# Taken when this module is loaded, so that a program that patches one of them later is noticed. With packs and without,
# a message takes different paths.
_SHIPPED = {
    name: [vars(base)[name] for base in ErrorClassifier.with_rules([]).__mro__ if name in vars(base)]
    for name in ("classify_error", "classify_exception", "explain")
}


@dataclass(frozen=True)
class Judgement:
    """What a classifier says of one error."""

    error_type: ErrorType
    rule: str | None = None
    """The rule that decided, as ``pack/rule``; None where none did, or the classifier does not name it."""
    why: str = ""
    """The reason; "" where the classifier gives none."""
    retry_after_seconds: float | None = None
    """How long the error itself asks to wait; None where it does not say."""


def judge(
    classifier: Any, error: str, exception: BaseException | None = None, now: datetime | None = None
) -> Judgement:
    """Return what ``classifier`` says of an error: of ``exception`` where there is one, else of its full text.

    How long the error asks to wait is looked for only where ``now`` is given. A classifier of the program's own that
    knows texts only, or replaces `classify_error`, is asked by the text. What fails in a classifier is logged, and
    counts as UNKNOWN, or as no request to wait.
    """
    subject = error if exception is None or not _knows_exceptions(classifier) else exception
    judgement = _or_logged(classifier, lambda: _verdict(classifier, subject)) or Judgement(ErrorType.UNKNOWN)
    if now is None or not _has_packs(classifier):
        return judgement
    aware = timezone.make_aware(now) if timezone.is_naive(now) else now  # without time zones in the project
    seconds = _or_logged(classifier, lambda: classifier.retry_after(subject, now=aware))
    return Judgement(judgement.error_type, judgement.rule, judgement.why, seconds)


def _verdict(classifier: Any, subject: str | BaseException) -> Judgement:
    if all(getattr_static(classifier, name, None) in shipped for name, shipped in _SHIPPED.items()):
        explained = classifier.explain(subject)
        return Judgement(explained.error_type, explained.rule, explained.why)
    classify = classifier.classify_error if isinstance(subject, str) else classifier.classify_exception
    verdict = classify(subject)
    return Judgement(ErrorType(getattr(verdict, "value", verdict)))


def _or_logged(classifier: Any, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as failure:  # a panic of an extension included
        logger.error("Classifier %r failed; the error is unknown.\n%s", classifier, clean_traceback(failure))
        return None


def _classes(classifier: Any) -> tuple[type, ...]:
    """Return the classes on which a classifier, itself a class or an instance of one, finds its methods.

    Its attributes would tell less: a Mock has any.
    """
    return (classifier if isinstance(classifier, type) else type(classifier)).__mro__


def _knows_exceptions(classifier: Any) -> bool:
    """Return whether `classify_exception` speaks for the program: not behind a `classify_error` that replaces it."""
    for base in _classes(classifier):
        if "classify_exception" in vars(base):
            return True
        if "classify_error" in vars(base):
            return False
    return False


def _has_packs(classifier: Any) -> bool:
    """Return whether the classifier reads more than the shipped lists do, which know nothing of waiting."""
    return any(getattr_static(classifier, name, ()) for name in ("RULE_PACKS", "RULES"))
