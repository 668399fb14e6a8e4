"""Tables of provoked exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from job_retry import ErrorClassifier

from tests.provoked.known_wrong import KNOWN_WRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLASSIFIER = ErrorClassifier.with_packs()


@dataclass(frozen=True)
class Row:
    """An exception, how it is provoked, and what an operator would say of it."""

    name: str
    exception: str
    """Dotted name of its class, or of a base where that depends on a version."""
    verdict: str
    why: str
    provoke: Callable[..., object]
    """Raises it."""

    def check(self, *arguments: Any) -> None:
        """Provoke the exception, with the servers it needs, and ask the classifier."""
        error = self.provoked(*arguments)
        names = [class_name(kind) for kind in type(error).__mro__]
        assert self.exception in names, f"{self.name}: {names[0]}: {error}"
        said = CLASSIFIER.explain(error)
        expected = KNOWN_WRONG.get(self.name, self.verdict)
        if self.name in KNOWN_WRONG:
            assert said.error_type.value != self.verdict, f"{self.name} is right now: take it out of KNOWN_WRONG"
        assert said.error_type.value == expected, f"{self.name}: {self.why}\n{names[0]}: {error}\n{said}"

    def provoked(self, *arguments: Any) -> BaseException:
        """Return what the row raises."""
        try:
            self.provoke(*arguments)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.exception != "KeyboardInterrupt":
                raise
            return error
        raise AssertionError(f"{self.name} raised nothing")


@dataclass
class Table:
    """The exceptions of one system."""

    system: str
    rows: list[Row] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def add(self, exception: str, verdict: str, why: str, provoke: Callable[..., object], name: str = "") -> None:
        """Add a row; its name is that of the function unless another is given."""
        assert verdict in ("transient", "permanent", "unknown")
        name = f"{self.system}: {name or provoke.__name__.replace('_', ' ')}"
        assert all(row.name != name for row in self.rows), name
        self.rows.append(Row(name, exception, verdict, why, provoke))

    def row(self, exception: str, verdict: str, why: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
        """Add the function below as a row."""

        def added(provoke: Callable[..., object]) -> Callable[..., object]:
            self.add(exception, verdict, why, provoke)
            return provoke

        return added

    def each(self, test: Callable[..., None]) -> Callable[..., None]:
        """Run a test once for each row."""
        return pytest.mark.parametrize("row", self.rows, ids=[row.name for row in self.rows])(test)


def class_name(kind: type) -> str:
    """Return the dotted name of a class, as rules write it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
