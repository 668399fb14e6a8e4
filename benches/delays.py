"""Compare `RetryStrategy` with the same class in plain Python.

python benches/delays.py
"""

from __future__ import annotations

from job_retry import ErrorType, RetryStrategy
from side_by_side import Row, report


class ReferenceStrategy:
    """The strategy in plain Python."""

    def __init__(
        self, max_attempts: int = 3, base_delay: float = 1.0, max_delay: float = 300.0, backoff_factor: float = 2.0
    ) -> None:
        self.max_attempts = max_attempts
        self.base_delay = base_delay
        self.max_delay = max_delay
        self.backoff_factor = backoff_factor

    def should_retry(self, attempt_count: int, error_type: ErrorType) -> bool:
        if error_type == ErrorType.PERMANENT:
            return False
        return attempt_count < self.max_attempts

    def get_retry_delay(self, attempt_count: int) -> float:
        if attempt_count <= 1:
            return 0
        delay: float = self.base_delay * (self.backoff_factor ** (attempt_count - 2))
        return min(delay, self.max_delay)


def main() -> None:
    reference, native = ReferenceStrategy(10, 2.0, 60.0), RetryStrategy(10, 2.0, 60.0)
    attempts = range(1, 11)
    delays = [Row("attempts 1 to 10", [(attempt,) for attempt in attempts])]
    report("get_retry_delay", delays, reference.get_retry_delay, native.get_retry_delay)
    decisions = [Row(verdict.name.lower(), [(attempt, verdict) for attempt in attempts]) for verdict in ErrorType]
    report("should_retry", decisions, reference.should_retry, native.should_retry)
    report("construction", [Row("all parameters", [(10, 2.0, 60.0, 2.0)])], ReferenceStrategy, RetryStrategy)


if __name__ == "__main__":
    main()
