"""What a classifier says of an error: what kind it is, by which rule, and how long the error itself asks to wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from job_retry import ErrorClassifier, ErrorType
from job_retry.django.error_text import clean_traceback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from job_retry import Classification

    Namespace = Mapping[str, Any]

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
    namespaces = _namespaces(classifier)
    subject = error if exception is None or not _knows_exceptions(namespaces) else exception
    judgement = _or_logged(classifier, lambda: _verdict(classifier, namespaces, subject))
    judgement = judgement or Judgement(ErrorType.UNKNOWN)
    if now is None or not _has_packs(namespaces):
        return judgement
    aware = timezone.make_aware(now) if timezone.is_naive(now) else now  # without time zones in the project
    seconds = _or_logged(classifier, lambda: classifier.retry_after(subject, now=aware))
    return Judgement(judgement.error_type, judgement.rule, judgement.why, seconds)


def explanation(classifier: Any, error: str) -> Classification | None:
    """Return how ``classifier`` explains its verdict on a text; None where it is one of the program's own."""
    if not _is_explained(_namespaces(classifier)):
        return None
    explained: Classification | None = _or_logged(classifier, lambda: classifier.explain(error))
    return explained


def _verdict(classifier: Any, namespaces: list[Namespace], subject: str | BaseException) -> Judgement:
    if _is_explained(namespaces):
        explained = classifier.explain(subject)
        return Judgement(explained.error_type, explained.rule, explained.why)
    classify = classifier.classify_error if isinstance(subject, str) else classifier.classify_exception
    verdict = classify(subject)
    return Judgement(ErrorType(getattr(verdict, "value", verdict)))


def _is_explained(namespaces: list[Namespace]) -> bool:
    """Return whether verdicts are those of the shipped methods, and `explain` speaks of the same."""
    return all(_found(namespaces, name) in shipped for name, shipped in _SHIPPED.items())


def _or_logged(classifier: Any, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as failure:  # a panic of an extension included
        logger.error("Classifier %r failed; the error is unknown.\n%s", classifier, clean_traceback(failure))
        return None


def _namespaces(classifier: Any) -> list[Namespace]:
    """Return where the attributes of a classifier, itself a class or an instance of one, are found, first things first.

    Asking for the attributes would tell less: a Mock has any. `inspect.getattr_static` would tell the same, and cost
    more than the verdict.
    """
    if isinstance(classifier, type):
        return [vars(base) for base in classifier.__mro__]
    return [getattr(classifier, "__dict__", {}), *(vars(base) for base in type(classifier).__mro__)]


def _found(namespaces: list[Namespace], name: str, default: Any = None) -> Any:
    for namespace in namespaces:
        if name in namespace:
            return namespace[name]
    return default


def _knows_exceptions(namespaces: list[Namespace]) -> bool:
    """Return whether `classify_exception` speaks for the program: not behind a `classify_error` that replaces it."""
    for namespace in namespaces:
        if "classify_exception" in namespace:
            return True
        if "classify_error" in namespace:
            return False
    return False


def _has_packs(namespaces: list[Namespace]) -> bool:
    """Return whether the classifier reads more than the shipped lists do, which know nothing of waiting."""
    return any(_found(namespaces, name, ()) for name in ("RULE_PACKS", "RULES"))
