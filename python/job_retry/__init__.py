"""Error classification and retry schedules for job queues. Imports no Django; see `job_retry.django` for that half."""

from __future__ import annotations

from job_retry._native import RETRY_STRATEGIES, ErrorClassifier, RetryStrategy, __version__
from job_retry.error_type import ErrorType

__all__ = ["RETRY_STRATEGIES", "ErrorClassifier", "ErrorType", "RetryStrategy", "__version__"]
