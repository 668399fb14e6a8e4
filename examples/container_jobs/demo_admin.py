"""The demo's jobs in Django's admin, with a worker that runs what is retried there; for this machine only.

    python demo_admin.py [PORT]

Runs the demo first if there are no jobs of it. On PORT (default 8000), or a free one where that is taken, until Ctrl-C.
"""

import os
import sys

import django
from django.core.management import CommandError
from django.db import OperationalError

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()
    from demonstration.administration import DEFAULT_PORT, main
    from demonstration.run import INTERRUPTED

    arguments = sys.argv[1:] or [str(DEFAULT_PORT)]
    if len(arguments) > 1 or not arguments[0].isdecimal() or not 0 <= int(arguments[0]) < 2**16:
        sys.exit(f"usage: python demo_admin.py [PORT]; PORT is a number below 65536, not {' '.join(arguments)!r}")
    try:
        sys.exit(main(int(arguments[0])))
    except CommandError as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"The database does not do its part (DATABASE_URL names it): {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
