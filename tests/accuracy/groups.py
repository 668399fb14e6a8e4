"""Families gathered into groups, for a table that fits on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.accuracy.rows import Row

GROUPS = {
    "containers and orchestrators": (
        *("docker-daemon", "docker-py", "oci-runtime", "podman", "buildah", "registry"),
        *("kubernetes", "swarm", "nomad", "ecs", "aci", "cloudrun"),
    ),
    "cloud and model APIs": ("aws", "azure", "gcp", "llm-api"),
    "databases": ("postgres", "mysql", "sqlite", "mssql", "oracle", "mongodb", "redis", "search"),
    "message brokers": ("kafka", "rabbitmq"),
    "network": ("dns", "socket", "tls", "http", "grpc", "smtp"),
    "programs": ("python-exception", "process", "filesystem", "git", "ssh", "package-manager"),
}
OTHERS = "others"
_GROUP_OF = {family: group for group, families in GROUPS.items() for family in families}


def group_of(row: Row) -> str:
    """Return the group of a row's family; `OTHERS` for a family that no group names."""
    return _GROUP_OF.get(row.family, OTHERS)
