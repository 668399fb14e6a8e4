"""The errors that callers of the state machine may want to tell apart. All of them are ``ValueError``."""

from __future__ import annotations


class InvalidTransition(ValueError):  # noqa: N818 - named for what happened, as Django's own
    """A status was asked for that the transition table does not allow from the present one."""


class StaleJob(ValueError):  # noqa: N818
    """A save would have overwritten what the engine decided since the instance was loaded; nothing was written."""
