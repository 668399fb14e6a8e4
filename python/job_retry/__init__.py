"""Error classification and retry schedules for job queues. Imports no Django; see `job_retry.django` for that half."""

from __future__ import annotations

from importlib import import_module

from job_retry._native import (
    RETRY_STRATEGIES,
    ErrorClassifier,
    RetryStrategy,
    __version__,
    check_rules,
    fingerprint,
    rule_packs,
)

# Known to type checkers by its name; the module that has it costs ten times as much as all that is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from job_retry.classification import Classification, NearMiss
    from job_retry.error_type import ErrorType
    from job_retry.fingerprints import Fingerprint
    from job_retry.rule_pack import Rule, RulePack, RuleProblem

__all__ = [
    "RETRY_STRATEGIES",
    "Classification",
    "ErrorClassifier",
    "ErrorType",
    "Fingerprint",
    "NearMiss",
    "RetryStrategy",
    "Rule",
    "RulePack",
    "RuleProblem",
    "__version__",
    "check_rules",
    "fingerprint",
    "rule_packs",
]

# What the native half returns, imported when it does or when somebody asks: the modules of the standard library that
# they are built with cost several times as much as all the rest.
_MODULES = {
    "Classification": "job_retry.classification",
    "ErrorType": "job_retry.error_type",
    "Fingerprint": "job_retry.fingerprints",
    "NearMiss": "job_retry.classification",
    "Rule": "job_retry.rule_pack",
    "RulePack": "job_retry.rule_pack",
    "RuleProblem": "job_retry.rule_pack",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
