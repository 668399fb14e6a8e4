"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

pytest_plugins = ["job_retry.django.testing.fixtures", "tests.browsing"]

# Who starts the tests in the background of a script has them ignore Ctrl-C, and with them all that they start; then
# the tests that stop a process by Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example may take is no question for tests: the first one compiles what all others use.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
