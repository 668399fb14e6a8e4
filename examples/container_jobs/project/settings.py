"""Settings of the example: one app with one job model, and one queue for it."""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example has no secrets"
DEBUG = True
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "job_retry.django",
    "jobs",
]

# What Django's admin asks for; the queue itself needs none of it.
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "project.urls"
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

# For PostgreSQL: DATABASE_URL=postgresql://user:password@host/name
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}
DATABASE_URL = os.environ.get("DATABASE_URL")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL) if DATABASE_URL else SQLITE}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The worker launches in threads. Write-ahead logging lets one of them write while others read; a transaction that
    # takes the write lock at its start waits for its turn, up to `timeout` seconds, instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
    }

JOB_RETRY = {
    "QUEUES": {
        "default": {
            "MODEL": "jobs.ContainerJob",
            "LAUNCH": "jobs.services.launch_job",
            "MAX_CONCURRENT": 5,
        },
    },
}

# What `jobs.services` calls an image: a folder in which the job's command runs.
IMAGES_DIR = BASE_DIR / "images"
# Where its jobs look for programs first.
TOOLS_DIR = BASE_DIR / "tools"
JOB_TIMEOUT_SECONDS = 60
