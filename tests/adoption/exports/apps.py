"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Exports of reports."""

    name = "tests.adoption.exports"
    label = "exports"
    default_auto_field = "django.db.models.BigAutoField"
