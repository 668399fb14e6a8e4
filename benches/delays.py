"""Compare `RetryStrategy` with the same class in plain Python.

python benches/delays.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from job_retry import ErrorType, RetryStrategy
from side_by_side import Figure, Row, faster, main

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def figures() -> Iterator[Figure]:
    parameters = (10, 2.0, 60.0)
    plain, own = ReferenceStrategy(*parameters), RetryStrategy(*parameters)
    delays = Row("delays after attempts 1 to 10", [(attempt,) for attempt in range(1, 11)])
    yield faster("get_retry_delay", delays, ("reference", plain.get_retry_delay), ("native", own.get_retry_delay))
    for verdict in ErrorType:
        decisions = Row(verdict.name.lower(), [(attempt, verdict) for attempt in range(1, 11)])
        yield faster("should_retry", decisions, ("reference", plain.should_retry), ("native", own.should_retry))
    everything = Row("all parameters", [(10, 2.0, 60.0, 2.0)])
    yield faster("construction", everything, ("reference", ReferenceStrategy), ("native", RetryStrategy))


if __name__ == "__main__":
    main(figures, __doc__)
