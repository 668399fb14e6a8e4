"""Going on with a bulk action chunk by chunk, with a bar, until it ends or somebody says stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from job_retry.django.dead_letters import bulk
from job_retry.django.dead_letters.queues import clock_of
from job_retry.django.history.models import BulkAction
from job_retry.django.management.long_work import INTERRUPTED, progress, stopping_between_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from job_retry.django.dead_letters.chunks import Chunk
    from job_retry.django.management.dead_letters.subcommand import Subcommand

Kind, State = BulkAction.Kind, BulkAction.State

DOING = {Kind.REQUEUE: "Requeuing", Kind.DISCARD: "Discarding", Kind.CANARY: "Canary redrive"}
DONE = {Kind.REQUEUE: "requeued", Kind.DISCARD: "discarded", Kind.CANARY: "requeued"}


def work(subcommand: Subcommand, action: BulkAction, *, as_json: bool) -> None:
    """Go on with ``action`` until it ends, and say what was done; CommandError where it was told to stop before."""
    interrupted = _step_through(
        subcommand, bulk.run(action), DOING[Kind(action.kind)], max(0, action.total - action.handled)
    )
    if interrupted and action.is_live:
        bulk.stop(action, "interrupted", clock_of(str(action._state.db))())
    report(subcommand, action, as_json=as_json)
    if action.state == State.STOPPED:
        raise CommandError(
            f"Stopped after {action.handled:,} of {action.total:,} ({action.stopped_because}). {ways_on(action)}",
            returncode=INTERRUPTED,
        )


def put_back(subcommand: Subcommand, action: BulkAction, *, as_json: bool) -> None:
    """Put back what ``action`` has requeued and nobody has launched, and say what was done."""
    done, left = 0, 0
    reasons: dict[str, int] = {}

    def counted(chunks: Iterable[Chunk]) -> Iterable[Chunk]:
        nonlocal done, left
        for chunk in chunks:
            done += chunk.done
            for why, number in chunk.skipped.items():
                reasons[why] = reasons.get(why, 0) + number
            yield chunk

    interrupted = _step_through(subcommand, counted(bulk.put_back(action)), "Putting back", action.done)
    if as_json:
        subcommand.write_json({"id": action.pk, "put_back": done, "left": reasons, "ended": not interrupted})
    else:
        subcommand.stdout.write(f"Put back {done:,} dead letters.")
        write_reasons(subcommand, "left", reasons)
    if interrupted:
        raise CommandError(
            f"Stopped before the end. Go on: manage.py dead_letters put-back {action.pk}", returncode=INTERRUPTED
        )


def _step_through(subcommand: Subcommand, chunks: Iterable[Chunk], title: str, total: int) -> bool:
    """Have all of ``chunks`` done unless somebody says stop; return whether somebody did."""
    with stopping_between_chunks() as stop, progress(subcommand.stderr, title, total) as shown:
        for chunk in chunks:
            shown.advance(chunk.done + sum(chunk.skipped.values()))
            if stop.is_set() and not chunk.ended:
                return True
    return False


def report(subcommand: Subcommand, action: BulkAction, *, as_json: bool) -> None:
    """Say how far ``action`` is."""
    if as_json:
        subcommand.write_json(action_as_json(action))
        return
    subcommand.stdout.write(
        f"Bulk action {action.pk}: {action.done:,} of {action.total:,} dead letters {DONE[Kind(action.kind)]}"
        + (f", {action.put_back:,} put back since" if action.put_back else "")
        + "."
    )
    write_reasons(subcommand, "skipped", action.skipped)


def write_reasons(subcommand: Subcommand, what: str, reasons: Mapping[str, int]) -> None:
    """Say how many letters were left as they are, and why."""
    for why, number in sorted(reasons.items()):
        subcommand.stdout.write(f"{what} {number:,}: {why}")


def ways_on(action: BulkAction) -> str:
    """Say what can be done with an action that was stopped."""
    ways = [f"Go on: manage.py dead_letters resume {action.pk}"]
    if action.kind != Kind.DISCARD:
        ways.append(f"Put back what nobody has launched: manage.py dead_letters put-back {action.pk}")
    return "; ".join(ways)


def action_as_json(action: BulkAction) -> dict[str, Any]:
    """Return what there is to know of a bulk action."""
    names = (
        "kind",
        "state",
        "stopped_because",
        "selection",
        "total",
        "done",
        "skipped",
        "put_back",
        "fresh_count",
        "strategy",
        "priority",
        "spread_seconds",
        "note",
        "canary_size",
        "rate_per_minute",
        "started_by",
        "started_at",
        "stepped_at",
        "ended_at",
    )
    return {"id": action.pk, **{name: getattr(action, name) for name in names}}
