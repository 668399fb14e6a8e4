"""One part of the measurement, in a process of its own, whose peak of memory is the part's.

python -m many_letters.program PART

PART is a key of `PARTS`; the database is that of DATABASE_URL. Prints what it measured as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from io import StringIO
from typing import Any

import django
from django.core.management import call_command


def fill() -> Any:
    """Make the tables, and fill them."""
    from many_letters.fill import fill as fill_tables

    call_command("migrate", run_syncdb=True, verbosity=0)
    return fill_tables()


def pages() -> Any:
    """Look at the console."""
    from many_letters.pages import measure

    return measure()


ACTS = {
    "requeue": ("dead_letters", "requeue", "--all", "--yes", "--json"),
    "put back": ("dead_letters", "put-back", "1", "--json"),
    "discard": ("dead_letters", "discard", "--all", "--yes", "--json", "--note", "a benchmark"),
    "prune": ("prune_job_history", "--older-than", "1s"),
}
"""What is typed; one after the other, since each takes up what the one before it has left."""


def act(name: str) -> dict[str, float]:
    """Type a command, and return the seconds and the memory that it takes."""
    before = _peak_bytes()
    start = time.perf_counter()
    call_command(*ACTS[name], stdout=StringIO())
    return {"seconds": time.perf_counter() - start, "bytes": _peak_bytes() - before}


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


PARTS = {"fill": fill, "pages": pages}


if __name__ == "__main__":
    [part] = sys.argv[1:]
    os.environ["DJANGO_SETTINGS_MODULE"] = "many_letters.settings"
    django.setup()
    print(json.dumps(PARTS[part]() if part in PARTS else act(part)))
