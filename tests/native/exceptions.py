"""Exceptions made by hand: with the class names, attributes and vices of others."""

from __future__ import annotations

from typing import Any


def make(name: str, *arguments: Any, bases: tuple[type, ...] = (Exception,), **attributes: Any) -> BaseException:
    """Return an exception whose class has the dotted name ``name`` and whose attributes are these."""
    module, _, qualname = name.rpartition(".")
    kind = type(qualname, bases, {"__module__": module or "builtins", "__qualname__": qualname})
    error: BaseException = kind(*arguments)
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


class Holder:
    """An object with any attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)
