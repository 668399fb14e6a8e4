"""The package as it was shipped, beside the one that is switched."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import pytest
from container_manager import retry
from container_manager.models import ContainerJob, ExecutorHost
from container_manager.queue import JobQueueManager
from job_retry.integrations.container_manager import disable, enable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

NAMES = ("ErrorType", "ErrorClassifier", "RetryStrategy")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """A second copy of ``container_manager.retry``, which nobody has changed."""
    assert retry.__spec__ is not None
    assert retry.__spec__.origin is not None
    spec = importlib.util.spec_from_file_location("reference_retry", retry.__spec__.origin)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference_retry"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _switched_on_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the module as `ready` left it, whatever a test does to it."""
    disable()
    names = {name: getattr(retry, name) for name in NAMES}
    strategies, entries = retry.RETRY_STRATEGIES, dict(retry.RETRY_STRATEGIES)
    parameters = {name: dict(vars(strategy)) for name, strategy in entries.items()}
    lists = {name: list(getattr(retry.ErrorClassifier, name)) for name in ("TRANSIENT_PATTERNS", "PERMANENT_PATTERNS")}
    enable()
    yield
    monkeypatch.undo()
    disable()
    for name, value in names.items():
        setattr(retry, name, value)
    for name, texts in lists.items():
        setattr(retry.ErrorClassifier, name, texts)
    retry.RETRY_STRATEGIES = strategies
    strategies.clear()
    strategies.update(entries)
    for name, values in parameters.items():
        vars(strategies[name]).clear()
        vars(strategies[name]).update(values)
    enable()


@pytest.fixture
def bound_before() -> Any:
    """What a program had imported before the switch."""
    disable()
    before = type("Before", (), {name: getattr(retry, name) for name in NAMES})
    before.presets = dict(retry.RETRY_STRATEGIES)  # type: ignore[attr-defined]
    enable()
    return before


@pytest.fixture
def job(db: None) -> Any:
    """A job in the package's own queue."""
    host = ExecutorHost.objects.create(
        name="local", host_type="unix", connection_string="unix:///var/run/docker.sock", executor_type="mock"
    )
    made = ContainerJob.objects.create(
        name="report", command="true", docker_image="python:3.11", docker_host=host, max_retries=9
    )
    return JobQueueManager().queue_job(made)
