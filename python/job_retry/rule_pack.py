"""Rule packs as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from job_retry.error_type import ErrorType


@dataclass(frozen=True)
class Example:
    """Evidence that a rule has to decide, or must not."""

    message: str = ""
    """The text."""
    exception: tuple[str, ...] = ()
    """Dotted names of the exception's class and of its bases."""
    codes: tuple[tuple[str, str], ...] = ()
    """Codes that the exception holds: the key of a rule, such as ``errno``, and the value."""


@dataclass(frozen=True)
class Rule:
    """A cause of failure: how it is recognised, a verdict, why.

    One of the patterns, exceptions and codes is enough; ``also`` and ``unless`` restrict all of them.
    """

    id: str
    """Full id, such as ``docker/daemon-unreachable``."""
    verdict: ErrorType
    """What it says."""
    why: str
    """Why another attempt may or cannot succeed."""
    strength: str
    """How much it knows, from ``decisive`` to ``hint``; the stronger decides."""
    message: tuple[str, ...] = ()
    """Patterns of the text in lower case, in the syntax of Rust's regex crate."""
    also: tuple[str, ...] = ()
    """Patterns that have to be found as well, all of them."""
    unless: tuple[str, ...] = ()
    """Patterns of which none may be found."""
    exception: tuple[str, ...] = ()
    """Dotted names of exception classes, own or base."""
    errno: tuple[str, ...] = ()
    """Names of errnos."""
    sqlstate: tuple[str, ...] = ()
    """SQLSTATEs, or classes of them."""
    http_status: tuple[str, ...] = ()
    """Statuses of HTTP."""
    grpc: tuple[str, ...] = ()
    """Statuses of gRPC."""
    exit_code: tuple[str, ...] = ()
    """Exit codes of processes."""
    signal: tuple[str, ...] = ()
    """Names of signals."""
    code: tuple[str, ...] = ()
    """Codes of providers."""
    examples: tuple[Example, ...] = field(default=(), repr=False)
    """Evidence that it decides."""
    counterexamples: tuple[Example, ...] = field(default=(), repr=False)
    """Evidence that it must not decide."""


@dataclass(frozen=True)
class Noise:
    """Text that is never evidence, such as advice."""

    pattern: str
    """What it looks like."""
    why: str
    """Why it says nothing of the cause."""
    example: str
    """A text in which it stands."""


@dataclass(frozen=True)
class RulePack:
    """The rules of one system."""

    name: str
    """Name for ``ErrorClassifier.with_packs``."""
    title: str
    """What people call the system."""
    about: str
    """What of it the pack knows."""
    rules: tuple[Rule, ...] = field(repr=False)
    """Its rules, in the order in which they decide between equals."""
    noise: tuple[Noise, ...] = field(default=(), repr=False)
    """Text that it never takes for evidence."""


@dataclass(frozen=True)
class RuleProblem:
    """Something that is wrong with a rule of the program."""

    rule: str
    """Full id of the rule; its place where it has none."""
    kind: str
    """``invalid``, ``no-example``, ``example``, ``counterexample`` or ``hidden``."""
    message: str
    """What is wrong, and what would do."""
