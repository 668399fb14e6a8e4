"""Which errors have the same cause."""

from __future__ import annotations

from typing import NamedTuple


class Fingerprint(NamedTuple):
    """The cause that an error text speaks of."""

    id: str
    """The same for all errors of one cause: the version, a colon and 32 hexadecimal digits; at most 64 characters."""
    template: str
    """The text with placeholders such as ``<number>`` for what varies; at most 2 KiB in UTF-8."""
