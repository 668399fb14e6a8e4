"""``settings.JOB_RETRY``: one dictionary, read lazily, checked option by option.

`read_settings` turns the raw dictionary into `JobRetrySettings` and a list of problems; the system checks report the
problems, `get_settings` raises them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from job_retry._native import ErrorClassifier, ErrorTextCleaner

if TYPE_CHECKING:
    from job_retry import RetryStrategy

DEFAULT_QUEUE = "default"


def is_dotted_path(value: object) -> bool:
    """Return whether ``value`` looks like ``package.module.name`` (or ``package.module:name``)."""
    if not isinstance(value, str):
        return False
    parts = value.replace(":", ".", 1).split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


@dataclass(frozen=True)
class QueueSettings:
    """One entry of ``JOB_RETRY["QUEUES"]``."""

    name: str
    model: str
    """``MODEL``: the job model as ``"app_label.ModelName"``."""
    launch: str | Callable[..., Any]
    """``LAUNCH``: dotted path of the launcher, resolved at each call."""
    max_concurrent: int = 5
    """``MAX_CONCURRENT``: launches one worker runs at once; detached runs count until they end."""
    claim_batch: int | None = None
    """``CLAIM_BATCH``: jobs claimed in one statement; None: as many as may be launched at once."""
    queue_limit: int | None = None
    """``QUEUE_LIMIT``: launching and running jobs over all workers, never exceeded; None: no limit."""
    strategy: str | None = None
    """``STRATEGY``: for jobs that name none and whose model names none."""
    priority_strategies: bool = True
    """``PRIORITY_STRATEGIES``: priority 80 and above uses ``high_priority``, 20 and below ``conservative``."""
    run_lease_seconds: float | None = None
    """``RUN_LEASE_SECONDS``: how long a detached run may go without a `heartbeat`; None: it needs none."""
    classifier: str | None = None
    """``CLASSIFIER``: dotted path of a class with ``classify_error``; None: that of ``RULE_PACKS`` and ``RULES``."""
    listen: bool = True
    """``LISTEN``: on PostgreSQL, workers are told of new jobs at once; False: they look for them."""
    on_retry: str | Callable[..., Any] | None = None
    """``ON_RETRY``: called with a job and the decision on it when a retry is scheduled; resolved at each call."""
    on_dead_letter: str | Callable[..., Any] | None = None
    """``ON_DEAD_LETTER``: called with a job and the decision on it when it is a dead letter; resolved at each call."""


@dataclass(frozen=True)
class JobRetrySettings:
    """``settings.JOB_RETRY``, checked."""

    queues: Mapping[str, QueueSettings] = field(default_factory=dict)
    """``QUEUES``: name to queue."""
    strategies: Mapping[str, RetryStrategy] = field(default_factory=dict)
    """``STRATEGIES``: added to `job_retry.RETRY_STRATEGIES`."""
    jitter: float = 0.0
    """``JITTER``: fraction from 0 to 1, for strategies whose own jitter is 0."""
    mask: Sequence[str] = ()
    """``MASK``: further patterns of secrets, in the syntax of Rust's regex crate."""
    rule_packs: tuple[str, ...] | None = None
    """``RULE_PACKS``: the packs that classify errors, () for the shipped lists alone; None: all."""
    rules: Sequence[Mapping[str, Any]] = ()
    """``RULES``: the project's own rules, asked before all others."""
    max_retry_after_seconds: float = 86_400.0
    """``MAX_RETRY_AFTER_SECONDS``: the longest wait that an error may ask for."""
    lease_seconds: float = 60.0
    """``LEASE_SECONDS``: how long a worker is believed to live without a sign of it."""
    renew_seconds: float | None = None
    """``RENEW_SECONDS``: how often it gives that sign, and looks for lost workers; None: three times a lease."""
    max_worker_losses: int = 3
    """``MAX_WORKER_LOSSES``: workers that one job may cost before it is a dead letter."""
    outage_seconds: float = 300.0
    """``OUTAGE_SECONDS``: for how long a worker waits for a database that does not answer before it gives up."""


class Problem(NamedTuple):
    """One thing wrong with the settings."""

    code: str
    """Of the system check, without the prefix ``job_retry.``."""
    message: str
    hint: str


class _Option(NamedTuple):
    attribute: str
    read: Callable[[Any], Any]
    """Returns the checked value, or raises ValueError or TypeError with what is allowed."""


def _integer(minimum: int, *, optional: bool = False) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        if optional and value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise ValueError(f"a whole number, {minimum} or more" + (", or None" if optional else ""))
        return value

    return read


def _seconds(*, optional: bool = False) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        if optional and value is None:
            return None
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
            raise ValueError("a number of seconds above 0" + (", or None" if optional else ""))
        return float(value)

    return read


def _fraction(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError("a fraction from 0 to 1")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("True or False")
    return value


def _name(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ValueError("a name, or None")
    return value


def _dotted_path(value: Any) -> str | None:
    if value is not None and not is_dotted_path(value):
        raise ValueError("a dotted path such as 'jobs.errors.Classifier', or None")
    return None if value is None else str(value)


def _model_label(value: Any) -> str:
    if not isinstance(value, str) or value.count(".") != 1:
        raise ValueError("a model as 'app_label.ModelName'")
    return value


def _launch(value: Any) -> Any:
    if not callable(value) and not is_dotted_path(value):
        raise ValueError("a dotted path such as 'jobs.services.launch_job', or a callable")
    return value


def _hook(value: Any) -> Any:
    if value is not None and not callable(value) and not is_dotted_path(value):
        raise ValueError("a dotted path such as 'jobs.alerts.tell', or a callable, or None")
    return value


def _strategies(value: Any) -> dict[str, RetryStrategy]:
    if not isinstance(value, Mapping):
        raise TypeError("a dict of name to RetryStrategy")
    for name, strategy in value.items():
        if not isinstance(name, str) or not callable(getattr(strategy, "should_retry", None)):
            raise ValueError(f"a dict of name to RetryStrategy ({name!r} is given {strategy!r:.100})")
    return dict(value)


def _mask(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError("a list of patterns")
    try:
        ErrorTextCleaner(value)
    except ValueError as error:
        raise ValueError(f"patterns in the syntax of Rust's regex crate ({error})") from error
    return tuple(value)


def _rule_packs(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise TypeError("a list of names of packs, or None for all")
    if value:
        try:
            ErrorClassifier.with_packs(*value)
        except ValueError as error:
            raise ValueError(f"a list of names of packs, or None for all ({error})") from error
    return tuple(value)


def _rules(value: Any) -> tuple[Mapping[str, Any], ...]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise TypeError("a list of rules, each a dict in the form of a rule of a pack")
    try:
        ErrorClassifier.with_rules(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a list of rules, each a dict in the form of a rule of a pack ({error})") from error
    return tuple(value)


_QUEUE_OPTIONS = {
    "MODEL": _Option("model", _model_label),
    "LAUNCH": _Option("launch", _launch),
    "MAX_CONCURRENT": _Option("max_concurrent", _integer(1)),
    "CLAIM_BATCH": _Option("claim_batch", _integer(1, optional=True)),
    "QUEUE_LIMIT": _Option("queue_limit", _integer(1, optional=True)),
    "STRATEGY": _Option("strategy", _name),
    "PRIORITY_STRATEGIES": _Option("priority_strategies", _boolean),
    "RUN_LEASE_SECONDS": _Option("run_lease_seconds", _seconds(optional=True)),
    "CLASSIFIER": _Option("classifier", _dotted_path),
    "LISTEN": _Option("listen", _boolean),
    "ON_RETRY": _Option("on_retry", _hook),
    "ON_DEAD_LETTER": _Option("on_dead_letter", _hook),
}
_REQUIRED_QUEUE_OPTIONS = ("MODEL", "LAUNCH")

_OPTIONS = {
    "STRATEGIES": _Option("strategies", _strategies),
    "JITTER": _Option("jitter", _fraction),
    "MASK": _Option("mask", _mask),
    "RULE_PACKS": _Option("rule_packs", _rule_packs),
    "RULES": _Option("rules", _rules),
    "MAX_RETRY_AFTER_SECONDS": _Option("max_retry_after_seconds", _seconds()),
    "LEASE_SECONDS": _Option("lease_seconds", _seconds()),
    "RENEW_SECONDS": _Option("renew_seconds", _seconds(optional=True)),
    "MAX_WORKER_LOSSES": _Option("max_worker_losses", _integer(1)),
    "OUTAGE_SECONDS": _Option("outage_seconds", _seconds()),
}


def read_settings(raw: Any) -> tuple[JobRetrySettings, list[Problem]]:
    """Return the settings that could be read, and what is wrong with the rest."""
    if not isinstance(raw, Mapping):
        hint = 'Set JOB_RETRY = {"QUEUES": {"default": {"MODEL": ..., "LAUNCH": ...}}}.'
        return JobRetrySettings(), [Problem("E001", f"JOB_RETRY must be a dict, not {raw!r:.100}.", hint)]
    problems: list[Problem] = []
    values = _read_options(raw, _OPTIONS, "JOB_RETRY", problems, also_known=("QUEUES",))
    problems += _check_lease(JobRetrySettings(**values))
    queues: dict[str, QueueSettings] = {}
    raw_queues = raw.get("QUEUES", {})
    if not isinstance(raw_queues, Mapping):
        problems.append(
            Problem("E002", f"JOB_RETRY['QUEUES'] is {raw_queues!r:.100}.", "Give a dict of name to queue.")
        )
        raw_queues = {}
    for name, raw_queue in raw_queues.items():
        if not isinstance(name, str) or not name:
            problems.append(
                Problem("E002", f"JOB_RETRY['QUEUES'] names a queue {name!r:.100}.", "Give a name that is a str.")
            )
            continue
        where = f"JOB_RETRY['QUEUES'][{name!r}]"
        if not isinstance(raw_queue, Mapping):
            problems.append(Problem("E002", f"{where} is {raw_queue!r:.100}.", "Give a dict with MODEL and LAUNCH."))
            continue
        missing = [key for key in _REQUIRED_QUEUE_OPTIONS if key not in raw_queue]
        if missing:
            problems.append(
                Problem("E003", f"{where} lacks {' and '.join(missing)}.", "Name the model and the launcher.")
            )
            continue
        queue_values = _read_options(raw_queue, _QUEUE_OPTIONS, where, problems)
        if all(_QUEUE_OPTIONS[key].attribute in queue_values for key in _REQUIRED_QUEUE_OPTIONS):
            queues[name] = QueueSettings(name=name, **queue_values)
    return JobRetrySettings(queues=queues, **values), problems


def _check_lease(read: JobRetrySettings) -> list[Problem]:
    """Return a problem where a lease would end before it is renewed."""
    if read.renew_seconds is None or read.renew_seconds < read.lease_seconds:
        return []
    message = f"JOB_RETRY['RENEW_SECONDS'] is {read.renew_seconds:g}, and a lease ends after {read.lease_seconds:g}."
    return [Problem("E002", message, "Renew at least twice a lease: give less than half of LEASE_SECONDS, or None.")]


def _read_options(
    raw: Mapping[Any, Any],
    options: Mapping[str, _Option],
    where: str,
    problems: list[Problem],
    also_known: tuple[str, ...] = (),
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in raw.items():
        option = options.get(key)
        if option is None:
            if key not in also_known:
                known = ", ".join((*also_known, *options))
                problems.append(Problem("E001", f"{where} has no option {key!r}.", f"Known options: {known}."))
            continue
        try:
            values[option.attribute] = option.read(value)
        except (TypeError, ValueError) as error:
            problems.append(Problem("E002", f"{where}[{key!r}] is {value!r:.100}.", f"Give {error}."))
    return values


@cache
def get_settings() -> JobRetrySettings:
    """Return ``settings.JOB_RETRY``, checked; `ImproperlyConfigured` names the first thing wrong with it."""
    read, problems = read_settings(getattr(settings, "JOB_RETRY", {}))
    if problems:
        raise ImproperlyConfigured(f"{problems[0].message} {problems[0].hint}")
    return read


def get_queue_settings(name: str = DEFAULT_QUEUE) -> QueueSettings:
    """Return the queue ``name``; `ImproperlyConfigured` lists those that exist."""
    queues = get_settings().queues
    if name not in queues:
        known = ", ".join(sorted(queues)) or "none"
        raise ImproperlyConfigured(f"JOB_RETRY['QUEUES'] has no queue {name!r}. Queues: {known}.")
    return queues[name]


def _forget(*, setting: str, **_kwargs: object) -> None:
    if setting == "JOB_RETRY":
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="job_retry.settings")
