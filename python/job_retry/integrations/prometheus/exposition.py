"""Showing metrics: those of this process, or of all processes of this host, and those of the database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from job_retry.integrations.prometheus.collector import DatabaseCollector

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer


def process_registry() -> CollectorRegistry:
    """Return the metrics of this process; with ``PROMETHEUS_MULTIPROC_DIR``, of all that share that folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def whole_registry() -> CollectorRegistry:
    """Return those metrics, and the figures of the database."""
    registry = CollectorRegistry()
    registry.register(_Of(process_registry()))
    registry.register(DatabaseCollector())
    return registry


def serve(port: int) -> WSGIServer:
    """Show the metrics of this process on ``port`` of all its addresses, in a thread of its own; port 0: any free one.

    OSError where it cannot be had. Nothing here asks the database.
    """
    server, _thread = start_http_server(port, registry=process_registry())
    return server


class _Of:
    """The metrics of another registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def describe(self) -> list[Any]:
        """Return nothing, so that nothing is collected to learn the names."""
        return []

    def collect(self) -> Any:
        """Return what the other registry has."""
        return self._registry.collect()
