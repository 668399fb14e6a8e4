"""What the names in ``JOB_RETRY["QUEUES"]`` stand for: a queue's model and classifier, and the names that exist."""

from __future__ import annotations

from pkgutil import iter_modules, resolve_name
from types import ModuleType
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from job_retry.django.models import RetryableJob
from job_retry.django.settings import get_settings

if TYPE_CHECKING:
    from job_retry.django.settings import QueueSettings

_SHOWN_NAMES = 10


def job_models() -> list[type[RetryableJob]]:
    """Return the project's own models that are a `RetryableJob`, in the order of the apps."""
    return [model for model in apps.get_models() if issubclass(model, RetryableJob)]


def why_no_queue_model(model: object) -> str | None:
    """Return why ``model`` cannot have a queue, or None if it can."""
    if not (isinstance(model, type) and issubclass(model, RetryableJob)):
        return f"{getattr(getattr(model, '_meta', None), 'label', repr(model))} is no RetryableJob"
    if model._meta.abstract:
        return f"{model.__name__} is abstract"
    owner = model._meta.get_field("status").model
    if owner is not model._meta.concrete_model:
        # An update of a parent's columns is two statements, between which another worker may claim the job.
        return f"{model._meta.label} keeps its status in the table of {owner._meta.label}, which is to have the queue"
    return None


def queue_model(queue: QueueSettings) -> type[RetryableJob]:
    """Return the model of ``queue``; `ImproperlyConfigured` lists the job models that exist."""
    found: str | None
    try:
        model = apps.get_model(queue.model)
        found = why_no_queue_model(model)
    except (LookupError, ValueError):
        found = "there is no such model"
    else:
        if found is None and issubclass(model, RetryableJob):
            return model
    known = ", ".join(model._meta.label for model in job_models() if why_no_queue_model(model) is None) or "none"
    raise ImproperlyConfigured(
        f"JOB_RETRY['QUEUES'][{queue.name!r}]['MODEL'] is {queue.model!r}, but {found}. Job models: {known}."
    )


def model_queue(model: type[RetryableJob]) -> QueueSettings:
    """Return the queue that serves ``model``, the model it is a proxy of, or the parent that keeps its status.

    `ImproperlyConfigured` lists the queues that exist, and their models.
    """
    queues = get_settings().queues.values()
    owner = model._meta.get_field("status").model
    for queue in queues:
        if queue_model(queue)._meta.concrete_model is owner:
            return queue
    known = ", ".join(f"{queue.name} ({queue.model})" for queue in queues) or "none"
    raise ImproperlyConfigured(
        f"No queue in JOB_RETRY['QUEUES'] has {model._meta.label} as its MODEL. Queues: {known}."
    )


def queue_classifier(queue: QueueSettings) -> Any:
    """Return the classifier that ``queue`` names, or None; `ImproperlyConfigured` says what is wrong with it."""
    if queue.classifier is None:
        return None
    where = f"JOB_RETRY['QUEUES'][{queue.name!r}]['CLASSIFIER'] is {queue.classifier!r}"
    try:
        classifier = resolve_name(queue.classifier)
    except Exception as error:
        beside = names_beside(queue.classifier)
        raise ImproperlyConfigured(f"{where}: {type(error).__name__}: {error}. {beside}".rstrip()) from error
    if not callable(getattr(classifier, "classify_error", None)):
        raise ImproperlyConfigured(f"{where}, which has no method classify_error.")
    return classifier


def names_beside(path: object) -> str:
    """Say, in a sentence, what there is where the dotted ``path`` leads to nothing; "" where that is unknown."""
    if not isinstance(path, str):
        return ""
    parent, _, _ = path.replace(":", ".").rpartition(".")
    while parent:
        try:
            found = resolve_name(parent)
        except Exception:
            parent, _, _ = parent.rpartition(".")
            continue
        names = sorted(_public_names(found))
        shown = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
        return f"{parent} has: {shown or 'nothing'}."
    return ""


def _public_names(found: Any) -> set[str]:
    """Return what a module declares public, or defines itself and has as submodules; of an object, its methods."""
    if not isinstance(found, ModuleType):
        return {name for name in dir(found) if not name.startswith("_") and callable(getattr(found, name, None))}
    if hasattr(found, "__all__"):
        return set(found.__all__)
    defined = {name for name, value in vars(found).items() if getattr(value, "__module__", None) == found.__name__}
    submodules = {module.name for module in iter_modules(getattr(found, "__path__", []))}
    return {name for name in defined | submodules if not name.startswith("_")}
