"""Sentry groups events as the console groups dead letters: by the fingerprint of the error.

    sentry_sdk.init(..., before_send=before_send)

An event gets ``fingerprint``, and the tags ``job_retry.verdict`` and ``job_retry.rule``. What the queue logs of a dead
letter is taken for its error, so that its issue in Sentry and its group in the console have the same id. An event that
has a fingerprint already keeps it, and one that has no error text is left alone. Imports neither Django nor Sentry.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from job_retry import ErrorClassifier, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    Event = MutableMapping[str, Any]
    BeforeSend = Callable[[Any, Any], Any]

logger = logging.getLogger("job_retry.sentry")

QUEUE_LOGGERS = ("job_retry.queue", "job_retry.worker")
"""Their lines end with an error, behind a colon and as the last argument."""
DEFAULT_GROUPING = "{{ default }}"
"""Stands in a fingerprint for Sentry's own grouping."""
TAG_VALUE_CHARACTERS = 200
"""Sentry drops a tag whose value is longer."""


def with_fingerprint(before_send: BeforeSend | None = None, *, classifier: Any = None) -> BeforeSend:
    """Return a ``before_send`` that groups an event, and then asks ``before_send``, if there is one.

    ``classifier`` gives verdict and rule (default: `ErrorClassifier` with all rule packs); a project whose rules are in
    its Django settings passes `job_retry.django.classifiers.project_classifier`.
    """
    judge = ErrorClassifier.with_packs() if classifier is None else classifier

    def send(event: Event, hint: Any) -> Any:
        try:
            _group(event, hint or {}, judge)
        except Exception:  # an event that is not grouped is better than none
            logger.debug("An event was not grouped.", exc_info=True)
        return event if before_send is None else before_send(event, hint)

    return send


def before_send(event: Event, hint: Any) -> Any:
    """Group an event by the fingerprint of its error, and return it."""
    return _ready(event, hint)


_ready = with_fingerprint()


def _group(event: Event, hint: MutableMapping[str, Any], classifier: Any) -> None:
    subject = _subject(event, hint)
    text = _text(subject)
    if not text.strip():
        return
    if event.get("fingerprint") in (None, [], [DEFAULT_GROUPING]):
        event["fingerprint"] = [fingerprint(text).id]
    explained = classifier.explain(subject)
    tags = event.setdefault("tags", {})
    tags.setdefault("job_retry.verdict", explained.error_type.value)
    if explained.rule is not None:
        tags.setdefault("job_retry.rule", explained.rule[:TAG_VALUE_CHARACTERS])


def _subject(event: Event, hint: MutableMapping[str, Any]) -> str | BaseException:
    """Return the exception or the text that an event is about; "" where there is none."""
    record = hint.get("log_record")
    if record is not None and record.name in QUEUE_LOGGERS and _ends_with_error(record):
        return str(record.args[-1])
    exception = (hint.get("exc_info") or (None, None))[1]
    if isinstance(exception, BaseException):
        return exception
    if record is not None:
        return str(record.getMessage())
    entry = event.get("logentry") or {}
    return str(entry.get("formatted") or entry.get("message") or event.get("message") or "")


def _ends_with_error(record: logging.LogRecord) -> bool:
    return isinstance(record.args, tuple) and bool(record.args) and str(record.msg).endswith(": %s")


def _text(subject: str | BaseException) -> str:
    """Return the text of an error, as the queue has it."""
    if isinstance(subject, str):
        return subject
    name, message = type(subject).__name__, str(subject)
    return f"{name}: {message}" if message else name
