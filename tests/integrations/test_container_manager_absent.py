"""The app for ``container_manager`` where that package is not installed, as here."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings
from job_retry.integrations.container_manager import disable, enable

APP = "job_retry.integrations.container_manager"

pytestmark = pytest.mark.skipif(find_spec("container_manager") is not None, reason="the package is installed here")


def test_a_check_says_what_to_install() -> None:
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, APP]):
        [problem] = run_checks(tags=["job_retry"])
    assert problem.id == "job_retry.E101"
    assert "django-container-manager is not installed" in problem.msg
    assert "pip install django-container-manager==1.0.14" in str(problem.hint)
    assert run_checks(tags=["job_retry"]) == []


def test_switching_by_hand_says_so_too() -> None:
    with pytest.raises(ImportError, match="container_manager"):
        enable()
    disable()
