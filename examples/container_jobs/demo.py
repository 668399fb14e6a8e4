"""The example at work: queue jobs of all kinds, let the worker drain the queue, judge what became of each job.

    python demo.py

Exit status 0: each job went as its row in `demonstration.kinds` says; 1: not so; 130: interrupted.
"""

import os
import sys

import django
from django.core.management import CommandError
from django.db import OperationalError

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()
    from demonstration.run import INTERRUPTED, main

    try:
        sys.exit(main())
    except CommandError as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"The database does not do its part (DATABASE_URL names it): {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
