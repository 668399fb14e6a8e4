"""Error classification and retry schedules for job queues. Imports no Django; see `job_retry.django` for that half."""

from __future__ import annotations

from job_retry._native import (
    RETRY_STRATEGIES,
    ErrorClassifier,
    RetryStrategy,
    __version__,
    check_rules,
    fingerprint,
    rule_packs,
)
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
