"""``dead_letters show``: all that has happened to one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.dead_letters.timeline import read_timeline
from job_retry.django.decision import LOSSES
from job_retry.django.history.models import DeadLetter
from job_retry.django.management.arguments import positive_integer
from job_retry.django.management.dead_letters.choice import add_queue, chosen_queues
from job_retry.django.management.dead_letters.listing import letter_as_json
from job_retry.django.management.dead_letters.subcommand import Subcommand
from job_retry.django.management.text import harmless
from job_retry.django.management.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.core.management.base import CommandParser

    from job_retry.django.dead_letters.timeline import Generation, Timeline
    from job_retry.django.history.models import FailedAttempt


class Show(Subcommand):
    """Shows the timeline of the job of a letter."""

    name = "show"
    help = "Show all that has happened to the job of a dead letter: each failed attempt, and what became of the job."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("id", type=positive_integer, metavar="ID", help="a dead letter, as `list` shows it")
        add_queue(parser)
        parser.add_argument("--tracebacks", action="store_true", help="tracebacks too")

    def run(self, options: Mapping[str, Any]) -> None:
        """Print the timeline, the first attempt first."""
        using = chosen_queues(options)[0].using
        letter = DeadLetter.objects.using(using).filter(pk=options["id"]).first()
        if letter is None:
            raise CommandError(f"There is no dead letter {options['id']}. `dead_letters list --state any` lists them.")
        generations = [each for page in _pages(letter, using) for each in page.generations]
        if options["json"]:
            self.write_json(_as_json(letter, generations))
            return
        self.stdout.write(f"{letter.job_model} {letter.job_key}")
        for generation in generations:
            self._write(generation, tracebacks=options["tracebacks"])

    def _write(self, generation: Generation, *, tracebacks: bool) -> None:
        for attempt in generation.attempts:
            self.stdout.write("")
            self.stdout.write(
                f"{shown_moment(attempt.failed_at)}  {_what_failed(attempt)} "
                f"in generation {attempt.generation}: {_verdict(attempt)}; {_what_follows(attempt)}"
            )
            self._write_indented(attempt.error)
            if tracebacks and attempt.traceback:
                self._write_indented(attempt.traceback)
        if generation.letter is not None:
            self.stdout.write("")
            self.stdout.write(_death(generation.letter))

    def _write_indented(self, text: str) -> None:
        for line in harmless(text).splitlines():
            self.stdout.write(f"    {line}".rstrip())


def _pages(letter: DeadLetter, using: str) -> Iterator[Timeline]:
    """Yield the pages of a job's timeline, that of the first attempts first."""
    number = read_timeline(letter.job_model, letter.job_key, using).pages
    for page in range(number, 0, -1):
        yield read_timeline(letter.job_model, letter.job_key, using, page=page)


def _what_failed(attempt: FailedAttempt) -> str:
    return "worker lost" if attempt.reason in LOSSES else f"attempt {attempt.attempt} failed"


def _verdict(attempt: FailedAttempt) -> str:
    decided = f"{attempt.verdict} by {attempt.rule}" if attempt.rule else attempt.verdict
    return f"{decided} ({harmless(attempt.why)})" if attempt.why else decided


def _what_follows(attempt: FailedAttempt) -> str:
    if attempt.delay_seconds is None:
        return attempt.reason
    return f"{attempt.reason}, the next in {attempt.delay_seconds:g} s"


def _death(letter: DeadLetter) -> str:
    died = f"{shown_moment(letter.died_at)}  dead letter {letter.pk}: {letter.reason}"
    if letter.state == DeadLetter.State.OPEN:
        return f"{died}; open"
    by = f" by {harmless(letter.settled_by)}" if letter.settled_by else ""
    note = f": {harmless(letter.note)}" if letter.note else ""
    return f"{died}; {letter.state} {shown_moment(letter.settled_at)}{by}{note}"


def _as_json(letter: DeadLetter, generations: list[Generation]) -> dict[str, Any]:
    return {
        "job_model": letter.job_model,
        "job_key": letter.job_key,
        "generations": [
            {
                "generation": generation.number,
                "attempts": [_attempt_as_json(attempt) for attempt in generation.attempts],
                "letter": None if generation.letter is None else letter_as_json(generation.letter),
            }
            for generation in generations
        ],
    }


def _attempt_as_json(attempt: FailedAttempt) -> dict[str, Any]:
    names = (
        "attempt",
        "started_at",
        "failed_at",
        "error",
        "traceback",
        "exception_class",
        "verdict",
        "rule",
        "why",
        "fingerprint",
        "reason",
        "delay_seconds",
        "strategy",
        "worker",
    )
    return {name: getattr(attempt, name) for name in names}
