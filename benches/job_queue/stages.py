"""What a worker spends an attempt on: its own functions, timed where they are called.

A stage's time is that of its functions without the time of other stages that they call. Two clocks are read: the
processor time of the thread, and what passed meanwhile. The second also grows while the thread waits: for the server,
and for its turn beside the worker's other threads.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage(NamedTuple):
    """A part of the work, and the functions that do it."""

    title: str
    functions: tuple[str, ...]
    """As `module:name` or `module:Class.name`, where they are looked up when they are called."""
    is_of_its_caller: bool = False
    """Whether it is told apart by the stage that it is called from: a statement of a claim is not one of an update."""


STATEMENTS = "statements"
STAGES = (
    Stage("claim: building its statements", ("job_retry.django.claims:ColumnClaims.claim_next",)),
    Stage("claim: instances of the rows", ("job_retry.django.protection:EngineColumnsProtected.from_db",)),
    Stage(
        "claim: looking at waiting claims again",
        ("job_retry.django.worker.loop:Worker._leave_out_what_passed_on",),
    ),
    Stage("launch: calling, and reading the result", ("job_retry.django.worker.launches:launch",)),
    Stage("launch: the launcher itself", ("job_queue.launcher:launch",)),
    Stage("decision: the error's text, cleaned", ("job_retry.django.failures:clean_error_text",)),
    Stage("decision: classification", ("job_retry.django.failures:judge",)),
    Stage("decision: fingerprint", ("job_retry.django.failures:error_columns",)),
    Stage(
        "decision: whether, when, which columns",
        ("job_retry.django.outcomes:decide_failure", "job_retry.django.outcomes:success_values"),
    ),
    Stage("update: building its statements", ("job_retry.django.worker.launches:record_all",)),
    Stage(
        "update: signals and logs",
        ("job_retry.django.outcomes:announce_failure", "job_retry.django.outcomes:announce_success"),
    ),
    Stage(
        STATEMENTS,
        (
            "django.db.backends.utils:CursorWrapper.execute",
            "django.db.backends.base.base:BaseDatabaseWrapper._commit",
        ),
        is_of_its_caller=True,
    ),
)


class Spent(NamedTuple):
    """Seconds, by both clocks."""

    processor: float
    passed: float


@dataclass
class _Frame:
    group: str
    processor: float
    passed: float
    inner_processor: float = 0.0
    inner_passed: float = 0.0


@dataclass
class Stopwatch:
    """Adds up what the stages take, in all threads; both clocks return seconds."""

    processor_clock: Callable[[], float] = time.thread_time
    clock: Callable[[], float] = time.perf_counter
    _local: threading.local = field(default_factory=threading.local)
    _spent: dict[str, list[Spent]] = field(default_factory=lambda: defaultdict(list))

    def watch(self, stages: tuple[Stage, ...] = STAGES) -> None:
        """Time the functions of ``stages`` from now on; AttributeError where there is none of such a name."""
        for stage in stages:
            for path in stage.functions:
                owner, name = resolve(path)
                found = vars(owner)[name]
                if isinstance(found, classmethod):
                    setattr(owner, name, classmethod(self._timed(stage, found.__func__)))
                else:
                    setattr(owner, name, self._timed(stage, found))

    def total(self) -> dict[str, Spent]:
        """Return what was spent, by the title of the stage."""
        return {title: Spent(*map(sum, zip(*spent, strict=True))) for title, spent in self._spent.items()}

    def _timed(self, stage: Stage, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            frames = self._frames()
            group = frames[-1].group if frames else "other"
            title = f"{group}: {stage.title}" if stage.is_of_its_caller else stage.title
            frame = _Frame(title.partition(":")[0], self.processor_clock(), self.clock())
            frames.append(frame)
            try:
                return function(*args, **kwargs)
            finally:
                frames.pop()
                spent = Spent(self.processor_clock() - frame.processor, self.clock() - frame.passed)
                own = Spent(spent.processor - frame.inner_processor, spent.passed - frame.inner_passed)
                self._spent[title].append(own)
                if frames:
                    frames[-1].inner_processor += spent.processor
                    frames[-1].inner_passed += spent.passed

        return timed

    def _frames(self) -> list[_Frame]:
        if not hasattr(self._local, "frames"):
            self._local.frames = []
        frames: list[_Frame] = self._local.frames
        return frames


def resolve(path: str) -> tuple[Any, str]:
    """Return the owner of a function, and its name there."""
    module, _, names = path.partition(":")
    *owners, name = names.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    vars(owner)[name]
    return owner, name
