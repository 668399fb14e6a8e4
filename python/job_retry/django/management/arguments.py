"""Reading the arguments of commands: what is wrong with one is said with its value."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, time, timedelta

from django.utils.dateparse import parse_date, parse_datetime

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


def positive_number(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


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


def moment(text: str) -> datetime | timedelta:
    """Read a date, a date with a time, or how long ago it is, such as ``2h``."""
    try:
        read = parse_datetime(text)
        date = parse_date(text) if read is None else None
    except ValueError as error:  # of the right form, and in no calendar
        raise argparse.ArgumentTypeError(f"{text!r} is no date: {error}") from error
    if date is not None:
        read = datetime.combine(date, time())
    if read is not None:
        return read
    try:
        return duration(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"must be a date such as 2030-01-31 or '2030-01-31 09:00', or how long ago such as 2h, not {text!r}"
        ) from error


def field_value(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as image=busybox, not {text!r}")
    return name, value
