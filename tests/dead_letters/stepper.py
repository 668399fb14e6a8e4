"""One of several who go on with the same bulk action at the same time.

    python -m tests.dead_letters.stepper ACTION CHUNK

Says when it is ready to begin, and begins with the next line of its standard input. At its end it says how many letters
it has done.
"""

from __future__ import annotations

import sys

import django


def main(pk: str, chunk: str) -> None:
    django.setup()
    from job_retry.django.dead_letters import bulk
    from job_retry.django.history.models import BulkAction

    action = BulkAction.objects.get(pk=pk)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(done.done for done in bulk.run(action, chunk=int(chunk))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
