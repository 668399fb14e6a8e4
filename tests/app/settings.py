"""Settings of the tests: SQLite in a file of its own, or the database that DATABASE_URL names."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import dj_database_url

# A file, not memory: several threads and processes look at it, each with a connection of its own.
SQLITE_FILE = Path(tempfile.gettempdir()) / f"job-retry-tests-{os.getpid()}.sqlite3"

SECRET_KEY = "only for tests"
USE_TZ = os.environ.get("JOB_RETRY_TESTS_USE_TZ", "1") == "1"
TIME_ZONE = "Europe/Berlin"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "job_retry.django",
    "tests.app",
    "tests.adoption.exports",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.app.urls"
STATIC_URL = "static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

database: dict[str, Any] = dict(dj_database_url.config(default=f"sqlite:///{SQLITE_FILE}"))
if database["ENGINE"].endswith("sqlite3"):
    database["OPTIONS"] = {
        "timeout": 60,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    database["TEST"] = {"NAME": str(SQLITE_FILE)}
elif database["ENGINE"].endswith("mysql"):
    import pymysql  # needs no compiler and no headers

    pymysql.install_as_MySQLdb()
# A second one, for what happens to jobs that come from, or go to, another database.
DATABASES = {"default": database, "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

JOB_RETRY: dict[str, Any] = {
    "QUEUES": {
        "default": {"MODEL": "app.ContainerJob", "LAUNCH": "tests.app.services.job_service.launch_job"},
        "reports": {"MODEL": "app.ReportJob", "LAUNCH": "tests.app.services.launch_report"},
    },
}
