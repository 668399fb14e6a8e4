"""The example as a Django project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.examples.project import Project


@pytest.mark.parametrize(
    "command",
    [("check", "--fail-level=WARNING"), ("makemigrations", "--check", "--dry-run")],
    ids=lambda command: command[0],
)
def test_django_finds_nothing_wrong(project: Project, command: tuple[str, ...]) -> None:
    result = project.run("manage.py", *command)
    assert result.returncode == 0, result.stdout + result.stderr
