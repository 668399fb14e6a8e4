"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class TestAppConfig(AppConfig):
    """The tests' own app."""

    name = "tests.app"
    label = "app"
    default_auto_field = "django.db.models.BigAutoField"
