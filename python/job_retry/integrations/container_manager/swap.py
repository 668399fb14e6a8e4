"""What is put into ``container_manager.retry``, and taken out again.

The package looks its classes and strategies up in that module at each use, so that is the only place to change. Nothing
that the program itself put there, or changed, is touched.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from job_retry import ErrorClassifier, ErrorType, RetryStrategy
from job_retry.django.classifiers import project_classifier
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from types import ModuleType

UPSTREAM = "container_manager"
MODULE = f"{UPSTREAM}.retry"
# What is replaced, and the methods by which each class decides.
CLASSES = {
    "ErrorType": (),
    "ErrorClassifier": ("classify_error",),
    "RetryStrategy": ("__init__", "should_retry", "get_retry_delay"),
}
LISTS = ("TRANSIENT_PATTERNS", "PERMANENT_PATTERNS")


class Parameters(NamedTuple):
    """Of a retry strategy; delays in seconds."""

    max_attempts: int
    base_delay: float
    max_delay: float
    backoff_factor: float = 2.0


# As django-container-manager ships them; one that differs was changed by the program, or is another version's.
PRESETS = {
    "default": Parameters(3, 2.0, 60.0),
    "aggressive": Parameters(5, 1.0, 30.0),
    "conservative": Parameters(2, 5.0, 300.0),
    "high_priority": Parameters(5, 0.5, 15.0),
}


@dataclass(frozen=True)
class Replaced:
    """One name, of the module or of ``RETRY_STRATEGIES``, and what stood and stands for it."""

    name: str
    original: Any
    native: Any


@dataclass(frozen=True)
class Swap:
    """What has been replaced."""

    module: ModuleType
    classes: tuple[Replaced, ...]
    strategies: dict[str, Any]
    """``container_manager.retry.RETRY_STRATEGIES`` itself."""
    presets: tuple[Replaced, ...]


_swap: Swap | None = None


def enable() -> None:
    """Put the native classes and presets into ``container_manager.retry``; does nothing if they are there.

    Jobs may be launched meanwhile: old and new classes understand each other.

    Raises:
        ImportError: django-container-manager is not installed, or has no ``container_manager.retry``.
        AttributeError: the module lacks a name that is to be replaced. Nothing has been changed.
    """
    global _swap  # noqa: PLW0603 the other package's module is as global as this
    if _swap is not None:
        return
    swap = _swap = _prepare(import_module(MODULE))
    for replaced in swap.classes:
        setattr(swap.module, replaced.name, replaced.native)
        if replaced.name == "ErrorClassifier":
            _share_texts(replaced.original)
    for replaced in swap.presets:
        swap.strategies[replaced.name] = replaced.native


def disable() -> None:
    """Put back what `enable` has replaced, except where the program has put something else since."""
    global _swap
    if _swap is None:
        return
    swap, _swap = _swap, None
    for replaced in swap.classes:
        if getattr(swap.module, replaced.name, None) is replaced.native:
            setattr(swap.module, replaced.name, replaced.original)
        if replaced.name == "ErrorClassifier":
            _hand_over_lists(replaced)
    for replaced in swap.presets:
        strategy = swap.strategies.get(replaced.name)
        if strategy is replaced.native and strategy == RetryStrategy(*PRESETS[replaced.name]):
            swap.strategies[replaced.name] = replaced.original


def own_classes(module: ModuleType) -> list[str]:
    """Return the names under which ``module`` holds a class of the program's own, or one whose methods it has replaced.

    Such a class stays where it is: its verdicts and delays are meant.
    """
    ours = {replaced.name for replaced in _swap.classes} if _swap is not None else set()
    return [name for name in CLASSES if name not in ours and not _is_as_shipped(getattr(module, name), name)]


def _prepare(module: ModuleType) -> Swap:
    """Decide what is to be replaced, without changing anything."""
    originals = {name: getattr(module, name) for name in CLASSES}
    strategies = module.RETRY_STRATEGIES
    natives: dict[str, Any] = {"ErrorType": ErrorType, "RetryStrategy": RetryStrategy}
    kept = own_classes(module)
    if "ErrorClassifier" not in kept:
        natives["ErrorClassifier"] = _native_classifier(originals["ErrorClassifier"])
    classes = tuple(Replaced(name, originals[name], natives[name]) for name in CLASSES if name not in kept)
    presets = tuple(
        Replaced(name, strategies[name], RetryStrategy(*parameters))
        for name, parameters in PRESETS.items()
        if "RetryStrategy" not in kept and _is_preset(strategies.get(name), originals["RetryStrategy"], parameters)
    )
    return Swap(module, classes, strategies, presets)


def _is_as_shipped(cls: Any, name: str) -> bool:
    made = {name: cls}
    for method in CLASSES[name]:
        found = inspect.getattr_static(cls, method, None)
        made[f"{name}.{method}"] = getattr(found, "__func__", found)  # what a classmethod wraps
    return all(
        isinstance(found, (type, FunctionType)) and (found.__module__, found.__qualname__) == (MODULE, place)
        for place, found in made.items()
    )


def _is_preset(strategy: Any, cls: type, parameters: Parameters) -> bool:
    return type(strategy) is cls and vars(strategy) == parameters._asdict()


def _native_classifier(original: type) -> Any:
    """Return a class that classifies natively, and whose lists are those of ``original`` as they are at each message.

    So what the program did to the lists holds, and what it will do to them by either class. Packs and rules come in
    only where the settings name packs: unasked, no verdict may change.
    """
    native = project_classifier() if get_settings().rule_packs else ErrorClassifier
    body = {
        "__doc__": ErrorClassifier.__doc__,
        "__module__": MODULE,  # with the name, where pickle looks for it
        "DEBUG_LOGGER": logging.getLogger(MODULE),
        # The one by which `native` itself classifies: `original` would come before it.
        "classify_error": inspect.getattr_static(native, "classify_error"),
    }
    return type(original.__name__, (original, native), body)


def _share_texts(original: type) -> None:
    """Put the native class's own strings in the place of equal ones: lists of the same objects need no comparing."""
    for name in LISTS:
        patterns = getattr(original, name, None)
        if isinstance(patterns, list):
            native = {text: text for text in getattr(ErrorClassifier, name)}
            patterns[:] = [native.get(text, text) for text in patterns]


def _hand_over_lists(classifier: Replaced) -> None:
    """Give the original class the lists that the program assigned to the native one."""
    for name in LISTS:
        if name in vars(classifier.native):
            setattr(classifier.original, name, vars(classifier.native)[name])
