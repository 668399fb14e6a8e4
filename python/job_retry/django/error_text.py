"""From whatever a launcher hands back as its error to a text that can be classified, stored, logged and sent."""

from __future__ import annotations

import traceback
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from job_retry._native import ErrorTextCleaner
from job_retry._native import fingerprint as native_fingerprint
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Self

REPR_LIMIT_CHARACTERS = 200
"""How much of an unusable launcher result is shown."""


def error_text(error: object, *, launcher_result: object = None) -> str:
    """Return the full text of ``error``, in the form that is classified.

    A ``str`` as it is, a lazy translation too; an exception ``TypeName: message``, or ``TypeName`` where it has no
    message; bytes as UTF-8 with ``backslashreplace``; None and empty ones a sentence that shows ``launcher_result``
    (by default the error itself); anything else its ``repr``. Never raises.
    """
    if isinstance(error, BaseException):
        return _exception_text(error)
    if isinstance(error, (bytes, bytearray, memoryview)):
        error = bytes(error).decode("utf-8", "backslashreplace")
    if isinstance(error, Promise):
        error = _translated(error)
    if isinstance(error, str):
        # An exact str: a subclass may carry behaviour of its own, as Django's SafeString does.
        text = str.__str__(error)
        if text:
            return text
    if error is None or isinstance(error, str):
        shown = _safe_repr(error if launcher_result is None else launcher_result)
        return f"Unknown error: launcher returned {shown[:REPR_LIMIT_CHARACTERS]}"
    return _safe_repr(error)


class RaisedErrorText(str):
    """The text of an exception together with the exception, so that either can be asked for."""

    __slots__ = ("_traceback", "exception")
    exception: BaseException
    _traceback: str | None

    def __new__(cls, exception: BaseException) -> Self:
        """Take the text of `error_text`."""
        text = super().__new__(cls, error_text(exception))
        text.exception = exception
        text._traceback = None
        return text

    @property
    def traceback(self) -> str:
        """The traceback as `clean_traceback` gives it, which is asked for more than once."""
        if self._traceback is None:
            self._traceback = clean_traceback(self.exception)
        return self._traceback


def exception_of(error: object) -> BaseException | None:
    """Return the exception that ``error`` is, or is the text of; None where it is neither."""
    if isinstance(error, RaisedErrorText):
        return error.exception
    return error if isinstance(error, BaseException) else None


def clean_error_text(text: str) -> str:
    """Return ``text`` in the form that is stored, logged and sent: see `job_retry._native.ErrorTextCleaner`."""
    return _cleaner(tuple(get_settings().mask)).clean(text)


def error_fingerprint(error: str | None) -> str:
    """Return the id of the cause that an error text speaks of; "" where there is no error."""
    return native_fingerprint(error).id if error else ""


def error_columns(error: str, now: datetime, fingerprint: str | None = None) -> dict[str, Any]:
    """Return the columns that tell which error a job met last, as a cleaned text, and when.

    ``fingerprint`` is the error's, where it is known already.
    """
    of_cause = error_fingerprint(error) if fingerprint is None else fingerprint
    return {"last_error": error, "last_error_at": now, "error_fingerprint": of_cause}


def clean_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` as text in which secrets are masked, as they are in the error itself."""
    try:
        return clean_error_text("".join(traceback.format_exception(error)))
    except Exception:
        return clean_error_text(error_text(error))


def traceback_of(error: object) -> str:
    """Return the traceback of the exception that ``error`` is, or is the text of; "" where nothing was raised."""
    exception = exception_of(error)
    if exception is None or (exception.__traceback__ is None and exception.__cause__ is None):
        return ""
    return error.traceback if isinstance(error, RaisedErrorText) else clean_traceback(exception)


def exception_class(error: object) -> str:
    """Return the class of the exception that ``error`` is, or is the text of, with its module; "" where it is none."""
    exception = exception_of(error)
    if exception is None:
        return ""
    name = type(exception).__qualname__
    return name if type(exception).__module__ == "builtins" else f"{type(exception).__module__}.{name}"


@lru_cache(maxsize=8)
def _cleaner(mask: tuple[str, ...]) -> ErrorTextCleaner:
    return ErrorTextCleaner(mask)


def _translated(lazy: Promise) -> object:
    try:
        return str(lazy)
    except Exception:
        return lazy


def _exception_text(error: BaseException) -> str:
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:
        return name
    return f"{name}: {message}" if message else name


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__} object whose repr() fails>"
