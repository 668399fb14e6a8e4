"""The classifier as it would be written in Python."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, ClassVar

from job_retry import ErrorClassifier, ErrorType

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("reference")


class ReferenceClassifier:
    """The classifier in plain Python, with a debug line a verdict."""

    TRANSIENT_PATTERNS: ClassVar[list[str]] = ErrorClassifier.TRANSIENT_PATTERNS
    PERMANENT_PATTERNS: ClassVar[list[str]] = ErrorClassifier.PERMANENT_PATTERNS

    @classmethod
    def classify_error(cls, error_message: str) -> ErrorType:
        error_lower = error_message.lower()
        for pattern in cls.TRANSIENT_PATTERNS:
            if re.search(pattern, error_lower):
                logger.debug(f"Classified as TRANSIENT: {pattern}")
                return ErrorType.TRANSIENT
        for pattern in cls.PERMANENT_PATTERNS:
            if re.search(pattern, error_lower):
                logger.debug(f"Classified as PERMANENT: {pattern}")
                return ErrorType.PERMANENT
        logger.debug("Classified as UNKNOWN")
        return ErrorType.UNKNOWN


def with_patterns(transient: list[str]) -> list[tuple[str, Callable[[str], ErrorType]]]:
    """Return the reference and the native classifier with these transient patterns and no others."""

    class Reference(ReferenceClassifier):
        TRANSIENT_PATTERNS = transient
        PERMANENT_PATTERNS: ClassVar[list[str]] = []

    class Native(ErrorClassifier):
        TRANSIENT_PATTERNS = transient
        PERMANENT_PATTERNS: ClassVar[list[str]] = []

    return [("reference", Reference.classify_error), ("native", Native.classify_error)]
