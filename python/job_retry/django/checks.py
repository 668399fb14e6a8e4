"""System checks: what is wrong with ``JOB_RETRY`` and the job models is said at start, with the names that exist.

Each check below is a pure function from what is configured to a list of `Problem`; only `run_checks` knows Django's
messages. The codes:

====  ==========================================================
E001  ``JOB_RETRY`` is no dict, or has an unknown option
E002  an option has a value that it cannot have
E003  a queue lacks ``MODEL`` or ``LAUNCH``
E004  ``MODEL`` is no job model
E005  two queues share a model
E006  ``LAUNCH`` cannot be imported, or cannot be called
E007  a strategy that is not registered
E008  ``CLASSIFIER`` cannot be imported, or cannot classify
E009  a job model's ``Meta`` drops that of `RetryableJob`
E010  an admin's ``list_editable`` has a column of the queue
E012  ``ON_RETRY`` or ``ON_DEAD_LETTER`` cannot be imported, or cannot be called with a job and a decision
E013  a job model's key may be longer than the ledger of failed attempts keeps it
E014  a job model's ``dead_letter_fields`` names what is no field
W001  a rule of ``RULES`` has no example
W002  another rule decides an example, or the rule itself a counterexample
W003  a rule that another always hides
====  ==========================================================
"""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db.models import CharField, TextField

from job_retry import check_rules
from job_retry.django.history.models import KEY_CHARACTERS
from job_retry.django.hooks import resolve_hook
from job_retry.django.launcher import resolve_launcher
from job_retry.django.models import RetryableJob
from job_retry.django.querysets import JobQuerySet
from job_retry.django.registry import job_models, names_beside, queue_classifier, queue_model
from job_retry.django.settings import JobRetrySettings, Problem, QueueSettings, read_settings
from job_retry.django.strategies import get_strategies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model

    from job_retry.django.hooks import Hook


@checks.register("job_retry")
def run_checks(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Report every problem: one that keeps the queue from its work as an error, else as a warning."""
    read, problems = read_settings(getattr(settings, "JOB_RETRY", {}))
    if not problems:  # what could not be read would only be reported twice
        problems = [*check_queues(read), *check_models(job_models()), *check_project_rules(read)]
    levels = {"E": checks.Error, "W": checks.Warning}
    return [levels[code[0]](message, hint=hint, id=f"job_retry.{code}") for code, message, hint in problems]


def check_queues(read: JobRetrySettings) -> list[Problem]:
    """Return what is wrong with the configured queues."""
    problems: list[Problem] = []
    names_by_model: dict[type[Model], list[str]] = defaultdict(list)
    for queue in read.queues.values():
        try:
            queued = queue_model(queue)
            names_by_model[queued._meta.concrete_model or queued].append(queue.name)  # a proxy has its model's rows
        except ImproperlyConfigured as error:
            problems.append(Problem("E004", str(error), "Name a concrete subclass of RetryableJob."))
        problems += check_launcher(queue)
        problems += check_hooks(queue)
        problems += check_classifier(queue)
        problems += check_strategy(queue.strategy, f"{_where(queue)}['STRATEGY']")
    for model, names in names_by_model.items():
        if len(names) > 1:
            message = f"The queues {' and '.join(map(repr, names))} share the model {model._meta.label}."
            hint = "A job belongs to one queue: give each queue a model of its own, or merge them."
            problems.append(Problem("E005", message, hint))
    return problems


def check_launcher(queue: QueueSettings) -> list[Problem]:
    """Return what is wrong with the launcher of ``queue``."""
    try:
        resolve_launcher(queue.launch)
    except Exception as error:
        message = f"{_where(queue)}['LAUNCH'] is {queue.launch!r}: {type(error).__name__}: {error}"
        return [Problem("E006", message, names_beside(queue.launch) or "Name a function that takes a job.")]
    return []


def check_hooks(queue: QueueSettings) -> list[Problem]:
    """Return what is wrong with the hooks of ``queue``."""
    hooks = {"ON_RETRY": queue.on_retry, "ON_DEAD_LETTER": queue.on_dead_letter}
    return [problem for name, hook in hooks.items() if hook is not None for problem in _check_hook(queue, name, hook)]


def _check_hook(queue: QueueSettings, name: str, hook: Hook | str) -> list[Problem]:
    try:
        resolve_hook(hook)
    except Exception as error:
        message = f"{_where(queue)}[{name!r}] is {hook!r}: {type(error).__name__}: {error}"
        hint = names_beside(hook) or "Name a function that takes a job and the decision on it."
        return [Problem("E012", message, hint)]
    return []


def check_classifier(queue: QueueSettings) -> list[Problem]:
    """Return what is wrong with the classifier of ``queue``."""
    hint = "Name job_retry.ErrorClassifier, a subclass of it, or a class with a method classify_error."
    try:
        classifier = queue_classifier(queue)
        if classifier is not None:
            classifier.classify_error("")  # compiles its patterns, if it has any
    except ImproperlyConfigured as error:
        return [Problem("E008", str(error), hint)]
    except Exception as error:
        message = f"{_where(queue)}['CLASSIFIER'] is {queue.classifier!r}, which fails: {type(error).__name__}: {error}"
        return [Problem("E008", message, hint)]
    return []


RULE_CODES = {"no-example": "W001", "example": "W002", "counterexample": "W002", "hidden": "W003"}
"""Kinds of what `job_retry.check_rules` finds; a rule that cannot be used is no setting at all (E002)."""


def check_project_rules(read: JobRetrySettings) -> list[Problem]:
    """Return what is wrong with the project's own rules, apart from rules that cannot be used."""
    problems = []
    all_found = check_rules(read.rules, read.rule_packs)
    hidden = {found.rule for found in all_found if found.kind == "hidden"}
    for found in all_found:
        if found.kind == "example" and found.rule in hidden:  # said once: of course another decides its examples
            continue
        message, _, way_out = found.message.partition("; ")
        hint = way_out[:1].upper() + way_out[1:] + "."
        problems.append(Problem(RULE_CODES[found.kind], f"JOB_RETRY['RULES']: {found.rule}: {message}.", hint))
    return problems


def check_strategy(name: str | None, where: str) -> list[Problem]:
    """Return a problem unless ``name`` is None or registered."""
    strategies = get_strategies()
    if name is None or name in strategies:
        return []
    hint = f"Registered: {', '.join(sorted(strategies))}. Add others to JOB_RETRY['STRATEGIES']."
    return [Problem("E007", f"{where} is {name!r}, which is no registered strategy.", hint)]


def check_models(models: Iterable[type[RetryableJob]]) -> list[Problem]:
    """Return what is wrong with job models."""
    problems: list[Problem] = []
    for model in models:
        label = model._meta.label
        problems += [*check_key(model), *check_dead_letter_fields(model)]
        problems += check_strategy(model.default_retry_strategy, f"{label}.default_retry_strategy")
        if model._meta.get_field("status").model is not model:
            continue  # a proxy, or a child with a table of its own: the indexes are its parent's
        present = {tuple(index.fields) for index in model._meta.indexes}
        if not {tuple(index.fields) for index in RetryableJob.Meta.indexes} <= present:
            message = f"{label} has a Meta of its own that drops the indexes of RetryableJob.Meta."
            hint = "Declare it as `class Meta(RetryableJob.Meta):`, and repeat the base's indexes if it has its own."
            problems.append(Problem("E009", message, hint))
    return problems


def check_key(model: type[RetryableJob]) -> list[Problem]:
    """Return a problem where a key of ``model``, as text, may not fit into the ledger."""
    key = model._meta.pk
    if not isinstance(key, (CharField, TextField)) or (key.max_length or inf) <= KEY_CHARACTERS:
        return []
    longest = f"of up to {key.max_length} characters" if key.max_length else "without a limit"
    message = f"{model._meta.label} has a primary key {longest}; the ledger of failed attempts keeps {KEY_CHARACTERS}."
    hint = f"Give {key.name} a max_length of {KEY_CHARACTERS} or less."
    return [Problem("E013", message, hint)]


def check_dead_letter_fields(model: type[RetryableJob]) -> list[Problem]:
    """Return a problem for each of ``dead_letter_fields`` by which no job can be chosen."""
    problems = []
    for name in model.dead_letter_fields:
        try:
            JobQuerySet(model).filter(**{f"{name}__isnull": True})
        except FieldError as error:  # noqa: PERF203
            message = f"{model._meta.label}.dead_letter_fields names {name!r}: {error}"
            problems.append(Problem("E014", message, "Name fields of the model, or a__b through a relation."))
    return problems


def _where(queue: QueueSettings) -> str:
    return f"JOB_RETRY['QUEUES'][{queue.name!r}]"
