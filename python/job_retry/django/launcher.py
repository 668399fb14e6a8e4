"""Calling a launcher: finding it, giving it what its signature asks for, and reading what it hands back."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.functional import Promise

from job_retry.django.error_text import RaisedErrorText, error_text
from job_retry.django.settings import is_dotted_path

if TYPE_CHECKING:
    from job_retry.django.models import RetryableJob

logger = logging.getLogger("job_retry.queue")

Launcher = Callable[..., Any]
"""Takes a job, and ``idempotency_key`` where its signature names it; returns a mapping or an object with ``success``,
``error``, ``execution_id`` and ``completed``, or raises."""


@dataclass(frozen=True)
class LaunchOutcome:
    """What one call of a launcher came to."""

    success: bool
    completed: bool = False
    """The call was the whole run: the launcher is a blocking one."""
    execution_id: str | None = None
    error: str = ""
    """The full error text where it did not succeed; of an exception, raised or handed back, as `RaisedErrorText`."""


def validate_launcher(launch: object) -> None:
    """Raise TypeError or ValueError, saying what is wrong, unless ``launch`` can serve as a launcher.

    A dotted path is only looked at, not imported: it is resolved at each call, so that it can be patched.
    """
    if isinstance(launch, str):
        if not is_dotted_path(launch):
            raise ValueError(f"launch={launch!r} is no dotted path such as 'jobs.services.launch_job'.")
        return
    if not callable(launch):
        raise TypeError(f"launch must be a callable or a dotted path, not {type(launch).__name__} ({launch!r:.200}).")
    if is_coroutine_function(launch):
        raise TypeError(
            f"launch={launch!r} is a coroutine function; the queue calls launchers in threads. "
            "Wrap it: asgiref.sync.async_to_sync(...)."
        )


def is_coroutine_function(launch: object) -> bool:
    """Return whether calling ``launch`` would give a coroutine instead of a result."""
    call = getattr(launch, "__call__", None)  # noqa: B004 - the bound method is what is inspected
    return inspect.iscoroutinefunction(launch) or inspect.iscoroutinefunction(call)


def resolve_launcher(launch: Launcher | str) -> Launcher:
    """Return the callable behind ``launch``; ImportError, AttributeError or TypeError say what is wrong with it."""
    launcher = named_callable(launch)
    validate_launcher(launcher)
    return launcher


def named_callable(launch: Launcher | str) -> Launcher:
    """Return what the dotted path ``launch`` leads to now, so that it can be patched; a callable is what it is."""
    found = resolve_name(_with_colon(launch)) if isinstance(launch, str) else launch
    if isinstance(found, str):
        raise TypeError(f"{launch!r} names a string, not a callable.")
    launcher: Launcher = found
    return launcher


@lru_cache(maxsize=64)
def _with_colon(path: str) -> str:
    """Return a dotted path with a colon behind its module, if it can be resolved; else the error says why not.

    Without one, each call would look on the disk for a module that is called like the function.
    """
    resolve_name(path)
    module, attributes = path, ""
    while ":" not in path and module not in sys.modules and "." in module:
        module, _, attribute = module.rpartition(".")
        attributes = f"{attribute}.{attributes}" if attributes else attribute
    return f"{module}:{attributes}" if attributes and module in sys.modules else path


def call_launcher(launch: Launcher | str, job: RetryableJob, idempotency_key: str) -> LaunchOutcome:
    """Call ``launch`` for ``job`` and return its outcome; only KeyboardInterrupt and SystemExit come through."""
    try:
        launcher = named_callable(launch)
        result = launcher(job, idempotency_key=idempotency_key) if _names_idempotency_key(launcher) else launcher(job)
        return read_result(result)
    except (KeyboardInterrupt, SystemExit):
        raise
    # Also what is no Exception, such as a cancelled coroutine or a panic of an extension: the job must not hang on it.
    except BaseException as error:
        return LaunchOutcome(success=False, error=RaisedErrorText(error))


def read_result(result: object) -> LaunchOutcome:
    """Read what a launcher returned. A result without ``success`` is a failure that shows the result."""
    if inspect.iscoroutine(result):
        result.close()  # never awaited: without this Python warns about it at some later time
        return LaunchOutcome(success=False, error=error_text(None, launcher_result=result))
    if not _has(result, "success"):
        return LaunchOutcome(success=False, error=error_text(None, launcher_result=result))
    success = _value(result, "success")
    if isinstance(success, str) and success:
        logger.warning("A launcher returned success=%r, a text, which counts as true; return True or False.", success)
    if not success:
        error = _value(result, "error")
        if isinstance(error, BaseException):
            return LaunchOutcome(success=False, error=RaisedErrorText(error))
        return LaunchOutcome(success=False, error=error_text(error, launcher_result=result))
    return LaunchOutcome(
        success=True,
        # `is True`, since a Mock answers to any attribute and a stray truthy value must not end a job.
        completed=_value(result, "completed") is True,
        execution_id=_execution_id(result),
    )


def _has(result: object, name: str) -> bool:
    return name in result if isinstance(result, Mapping) else hasattr(result, name)


def _value(result: object, name: str) -> Any:
    if isinstance(result, Mapping):
        return result.get(name)
    return getattr(result, name, None)


def _execution_id(result: object) -> str | None:
    """Return the id as text; None where there is none, or nothing that could be one."""
    value = _value(result, "execution_id")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (str, Promise, int, UUID)) and not isinstance(value, bool):
        return str(value)
    # A Mock has any attribute, so only what stands in a mapping has been put there by somebody.
    if value is not None and isinstance(result, Mapping):
        logger.warning("A launcher returned execution_id=%.200r, which is no text; it is not kept.", value)
    return None


def _names_idempotency_key(launcher: Launcher) -> bool:
    """Return whether ``launcher`` asks for the idempotency key; raises what `validate_launcher` does."""
    try:
        return _signature_names_idempotency_key(launcher)
    except TypeError:  # of a kind that has no hash; or none that can serve, which is said once more
        return _signature_names_idempotency_key.__wrapped__(launcher)


@lru_cache(maxsize=64)
def _signature_names_idempotency_key(launcher: Launcher) -> bool:
    # Remembered: to look into a function costs more than many a launch, and finds the same each time.
    validate_launcher(launcher)
    try:
        return "idempotency_key" in inspect.signature(launcher).parameters
    except (TypeError, ValueError):  # builtins and some extension functions have no signature
        return False
