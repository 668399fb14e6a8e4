"""Settings of a program that uses django-container-manager, with the native classes switched on."""

from __future__ import annotations

from tests.integrations.container_manager.settings_off import *  # noqa: F403
from tests.integrations.container_manager.settings_off import INSTALLED_APPS

INSTALLED_APPS += ["job_retry.integrations.container_manager"]
