"""The admin at the root, and another one beside it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from tests.app.admin import staff_site

# The last one takes whatever path is left.
urlpatterns = [path("staff/", staff_site.urls), path("", admin.site.urls)]
