"""System checks: whether ``container_manager`` really uses the native classes.

====  =================================================================
E101  django-container-manager is not installed
E102  ``container_manager`` is not in ``INSTALLED_APPS``
E103  the classes could not be replaced; those in pure Python are in use
W101  this version of django-container-manager was not tested
W102  a class that the program replaced or patched stays in use
====  =================================================================
"""

from __future__ import annotations

from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks

from job_retry.integrations.container_manager.swap import MODULE, UPSTREAM, own_classes

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

APP = "job_retry.integrations.container_manager"
DISTRIBUTION = "django-container-manager"
TESTED_VERSION = "1.0.14"


@checks.register("job_retry")
def run_checks(**_kwargs: Any) -> list[CheckMessage]:
    """Report what keeps ``container_manager`` from the native classes, or may make it behave differently with them."""
    config = next((config for config in apps.get_app_configs() if config.name == APP), None)
    if config is None:  # a check once registered stays; the settings of tests come and go
        return []
    if not apps.is_installed(UPSTREAM):
        return [_upstream_missing()]
    failure = getattr(config, "failure", None)
    if failure is not None:
        message = f"{MODULE} could not be given the native classes: {type(failure).__name__}: {failure}."
        hint = f"{DISTRIBUTION} {TESTED_VERSION} is tested. Nothing was changed; without {APP!r} this message goes."
        return [checks.Error(message, hint=hint, id="job_retry.E103")]
    return [*_check_version(), *_check_own_classes()]


def _upstream_missing() -> CheckMessage:
    if find_spec(UPSTREAM) is None:
        message = f"{APP!r} is in INSTALLED_APPS, and {DISTRIBUTION} is not installed."
        hint = f"Install it (pip install {DISTRIBUTION}=={TESTED_VERSION}), or remove {APP!r}."
        return checks.Error(message, hint=hint, id="job_retry.E101")
    message = f"{APP!r} is in INSTALLED_APPS, and {UPSTREAM!r} is not."
    hint = f"Add {UPSTREAM!r}, before or after it, or remove {APP!r}."
    return checks.Error(message, hint=hint, id="job_retry.E102")


def _check_version() -> list[CheckMessage]:
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        version = "of an unknown version"
    if version == TESTED_VERSION:
        return []
    message = f"{DISTRIBUTION} {version} was not tested with the native classes; {TESTED_VERSION} was."
    hint = f"They are in use. Run your tests, then silence this, or remove {APP!r}."
    return [checks.Warning(message, hint=hint, id="job_retry.W101")]


def _check_own_classes() -> list[CheckMessage]:
    hint = f"It stays in use, in pure Python. Derive it from the class in job_retry to have {APP!r} matter."
    return [
        checks.Warning(f"This program has replaced or patched {MODULE}.{name}.", hint=hint, id="job_retry.W102")
        for name in own_classes(import_module(MODULE))
    ]
