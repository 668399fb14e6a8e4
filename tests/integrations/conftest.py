"""The tests of an integration are collected where the package that it adapts is installed."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("container_manager") else ["container_manager"]
