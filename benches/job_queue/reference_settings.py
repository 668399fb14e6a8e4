"""Settings of a program that uses django-container-manager as it is."""

from __future__ import annotations

from job_queue.database import configured
from job_queue.program import SILENT_LOGS

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "container_manager"]
LOGGING = SILENT_LOGS

DATABASES = {"default": configured()}
