"""The contract of the native classes, restated in plain Python."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TRANSIENT_PATTERNS = [
    r"connection.*refused",
    r"docker.*daemon.*not.*running",
    r"timeout.*connecting",
    r"out of memory",
    r"no space left",
    r"resource temporarily unavailable",
    r"network.*timeout",
    r"connection.*reset",
    r"temporary failure in name resolution",
    r"system overloaded",
    r"too many open files",
    r"cannot allocate memory",
]

PERMANENT_PATTERNS = [
    r"image.*not found",
    r"no such image",
    r"repository.*not found",
    r"invalid.*configuration",
    r"permission denied",
    r"access denied",
    r"authorization.*failed",
    r"executable.*not found",
    r"command.*not found",
    r"invalid.*command",
]

PRESETS = {
    "default": (3, 2.0, 60.0),
    "aggressive": (5, 1.0, 30.0),
    "conservative": (2, 5.0, 300.0),
    "high_priority": (5, 0.5, 15.0),
}
"""Attempts, base and cap in seconds; the factor is 2."""


def deciding_pattern(
    message: str,
    transient: Sequence[str] = TRANSIENT_PATTERNS,
    permanent: Sequence[str] = PERMANENT_PATTERNS,
) -> tuple[str, str | None]:
    """Return the value of the verdict and the pattern that decides it."""
    lowered = message.lower()
    for verdict, patterns in (("transient", transient), ("permanent", permanent)):
        for pattern in patterns:
            if re.search(pattern, lowered):
                return verdict, pattern
    return "unknown", None


def verdict(
    message: str,
    transient: Sequence[str] = TRANSIENT_PATTERNS,
    permanent: Sequence[str] = PERMANENT_PATTERNS,
) -> str:
    return deciding_pattern(message, transient, permanent)[0]


def retry_delay(base: float, cap: float, factor: float, attempt_count: int) -> float:
    if attempt_count <= 1:
        return 0.0
    try:
        return min(base * factor ** (attempt_count - 2), cap)
    except OverflowError:
        return cap


def unit_hash(key: bytes) -> float:
    """64-bit FNV-1a, then the finaliser of SplitMix64; the upper 53 bits as a fraction."""
    mask = 2**64 - 1
    value = 0xCBF29CE484222325
    for byte in key:
        value = ((value ^ byte) * 0x100000001B3) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    value ^= value >> 31
    return (value >> 11) / 2**53


def jittered_delay(delay: float, base: float, cap: float, jitter: float, key: bytes) -> float:
    return min(delay + unit_hash(key) * jitter * max(delay, base), cap)


def next_retry_at(now: datetime, delay: float) -> datetime:
    return (now.astimezone(timezone.utc) + timedelta(seconds=delay)).astimezone(now.tzinfo)
