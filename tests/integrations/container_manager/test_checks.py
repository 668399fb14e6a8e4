"""The system checks say what keeps the package from the native classes."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest
from container_manager import retry
from django.core.checks import run_checks
from django.test import override_settings
from job_retry.integrations.container_manager import disable, enable

APP = "job_retry.integrations.container_manager"
OTHERS = ["django.contrib.contenttypes", "django.contrib.auth"]


def problems() -> list[tuple[str | None, str]]:
    return [(problem.id, f"{problem.msg} {problem.hint}") for problem in run_checks(tags=["job_retry"])]


def assert_one(code: str, *said: str) -> None:
    [(found, text)] = problems()
    assert found == f"job_retry.{code}"
    assert [part for part in said if part not in text] == [], text


def test_the_tested_version_gives_no_message() -> None:
    assert problems() == []


def test_the_package_must_be_among_the_apps() -> None:
    disable()
    with override_settings(INSTALLED_APPS=[*OTHERS, APP]):
        assert_one("E102", "'container_manager' is not", "before or after")
        assert retry.ErrorType.__module__ == "container_manager.retry"


def test_without_the_app_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "9.9.9")
    with override_settings(INSTALLED_APPS=[*OTHERS, "container_manager"]):
        assert problems() == []


def test_another_version_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.0.99")
    assert_one("W101", "django-container-manager 1.0.99", "1.0.14")


def test_a_copy_without_metadata_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert_one("W101", "unknown version", "1.0.14")


def test_a_version_that_cannot_be_switched_is_an_error_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    disable()
    monkeypatch.delattr(retry, "RETRY_STRATEGIES")
    with override_settings(INSTALLED_APPS=[*OTHERS, "container_manager", APP]):
        assert_one("E103", "AttributeError", "RETRY_STRATEGIES", "1.0.14", "Nothing was changed")
        assert retry.ErrorType.__module__ == "container_manager.retry"


@pytest.mark.parametrize("name", ["ErrorClassifier", "RetryStrategy"])
def test_a_class_of_the_programs_own_is_a_warning(name: str) -> None:
    disable()
    setattr(retry, name, type("Own", (getattr(retry, name),), {}))
    enable()
    assert_one("W102", f"container_manager.retry.{name}", "job_retry")


def test_a_patched_method_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def classify_error(cls: type, message: str) -> Any:
        return retry.ErrorType.UNKNOWN

    disable()
    monkeypatch.setattr(retry.ErrorClassifier, "classify_error", classmethod(classify_error))
    enable()
    assert_one("W102", "container_manager.retry.ErrorClassifier")
