"""The messages that the benchmarks classify."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from side_by_side import Row

if TYPE_CHECKING:
    from side_by_side import Demand

ORDINARY = "error at line 12 of the file that is somewhere in the system and cannot be read by whoever asks for it: "

FIRST = "connection was refused"
"""Found by the first of the shipped patterns."""
LAST = "invalid command"
"""Found by the last one."""

DISTINCT = 2000


def text(size: int, ending: str = "") -> str:
    """Return an ordinary text of this size that ends so."""
    repeated = ORDINARY * (size // len(ORDINARY) + 1)
    return repeated[: size - len(ending)] + ending


def repeated(title: str, message: str, demand: Demand | None = None) -> Row:
    """One message again and again, which processors learn by heart."""
    return Row(title, [(message,)], demand, time.thread_time)


def distinct(title: str, size: int, ending: str = "", demand: Demand | None = None) -> Row:
    """Many messages, each with the words of the ordinary text in another order."""
    shuffled = random.Random(size)
    words = text(4 * size).split()
    messages = []
    for number in range(DISTINCT):
        shuffled.shuffle(words)
        messages.append((f"{number:05} {' '.join(words)}"[: size - len(ending)] + ending,))
    return Row(title, messages, demand, time.thread_time)
