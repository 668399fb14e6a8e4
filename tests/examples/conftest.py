"""The example project as a user has it: a copy in a folder of its own, with a database of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.examples.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "container_jobs"


@pytest.fixture(scope="session")
def database_url() -> Iterator[str | None]:
    """A database beside the one that DATABASE_URL names; None: the project's own SQLite file."""
    server = os.environ.get("DATABASE_URL")
    if server is None:
        yield None
        return
    import psycopg

    name = f"container_jobs_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, database_url: str | None) -> Project:
    """The project, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("a folder") / "container jobs"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__"))
    return Project(folder, database_url)
