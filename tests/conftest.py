"""What all tests share."""

from __future__ import annotations

pytest_plugins = ["job_retry.django.testing.fixtures", "tests.browsing"]
