"""The three verdicts on an error."""

from __future__ import annotations

from enum import Enum


class ErrorType(Enum):
    """What kind of failure an error is."""

    TRANSIENT = "transient"
    """Another attempt may succeed with nobody changing anything."""

    PERMANENT = "permanent"
    """The same job will fail again until somebody changes something."""

    UNKNOWN = "unknown"
    """The message alone cannot tell; retried like a transient one, up to the limit."""
