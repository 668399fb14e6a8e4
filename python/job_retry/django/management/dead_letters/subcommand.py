"""What the subcommands have in common: where they write, and that all of them speak JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.core.management.base import CommandParser, OutputWrapper


class Subcommand:
    """One of the things that ``manage.py dead_letters`` does."""

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        self.stdout = stdout
        self.stderr = stderr
        """For what is no result: questions and progress."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments of this subcommand."""

    def run(self, options: Mapping[str, Any]) -> None:
        """Do it, and print what came of it."""
        raise NotImplementedError

    def write_json(self, value: Any) -> None:
        """Print one value."""
        self.stdout.write(_as_json(value))

    def write_json_list(self, values: Iterable[Any]) -> None:
        """Print a list, which need not be in memory as a whole."""
        self.stdout.write("[", ending="")
        separator = "\n"
        for value in values:
            self.stdout.write(separator + _as_json(value), ending="")
            separator = ",\n"
        self.stdout.write("\n]")


def _as_json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
