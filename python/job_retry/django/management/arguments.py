"""Reading the arguments of commands: what is wrong with one is said with its value."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def positive_integer(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not {text!r}")
    return int(text)


def positive_seconds(text: str) -> float:
    """Read a number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def duration(text: str) -> timedelta:
    """Read a length of time such as ``90d``, ``12h`` or ``2w``."""
    read = re.fullmatch(r"(\d+)([smhdw])", text.strip(), re.ASCII)
    try:
        length = timedelta(**{_UNITS[read[2]]: int(read[1])}) if read else timedelta()
    except OverflowError:
        length = timedelta()
    if not length:
        raise argparse.ArgumentTypeError(f"must be a length of time such as 90d, 12h, 2w or 30m, not {text!r}")
    return length
