"""Give the exports of before the queue their place in it."""

from django.db import migrations
from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

FORWARD = {
    "waiting": "queued",
    "failed": "retrying",
    "running": "failed",  # its process is gone: a person decides whether it may run twice
    "dead": "failed",
    "done": "completed",
    "stopped": "cancelled",
}
BACKWARD = {
    "pending": "stopped",
    "queued": "waiting",
    "retrying": "failed",
    "launching": "running",
    "running": "running",
    "failed": "dead",
    "timeout": "dead",
    "completed": "done",
    "cancelled": "stopped",
}


def forward(apps, schema_editor):
    exports = rows(apps, schema_editor, FORWARD)
    now = Value(timezone.now())
    ended = Coalesce("ended_at", "started_at", "created_at")
    failures = {"waiting": F("attempts"), "failed": F("attempts"), "running": F("attempts"), "dead": F("attempts")}
    interrupted = Value("Interrupted: it was running when the queue took over", TextField())
    exports.update(
        queued_at=by_status({"waiting": F("created_at"), "failed": F("created_at"), "done": F("created_at")}),
        scheduled_for=by_status({"failed": Coalesce("next_try_at", now)}),
        launched_at=by_status({"done": Coalesce("started_at", "created_at")}),
        completed_at=by_status({"done": ended}),
        failed_at=by_status({"running": now, "dead": ended}),
        retry_count=by_status({**failures, "done": Greatest("attempts", 1) - 1}, default=0),
        attempt_serial=F("attempts"),
        last_error=by_status({"running": interrupted, "failed": F("error"), "dead": F("error")}),
        last_error_at=by_status({"running": now, "failed": ended, "dead": ended}),
        # The last one: MariaDB and MySQL assign from left to right, and what stands above asks for the old status.
        status=by_status({old: Value(new) for old, new in FORWARD.items()}),
    )


def backward(apps, schema_editor):
    exports = rows(apps, schema_editor, BACKWARD)
    # What the queue has no record of stays as the old program left it.
    exports.update(
        attempts=F("attempt_serial"),
        error=Coalesce("last_error", "error"),
        started_at=Coalesce("launched_at", "started_at"),
        ended_at=Coalesce("completed_at", "failed_at", "last_error_at", "ended_at"),
        next_try_at=F("scheduled_for"),
        status=by_status({new: Value(old) for new, old in BACKWARD.items()}),
    )


def rows(apps, schema_editor, statuses):
    """Return all exports; ValueError, before anything is written, where one has a status without a row above."""
    exports = apps.get_model("exports", "Export").objects.using(schema_editor.connection.alias).order_by()
    unknown = sorted(set(exports.exclude(status__in=statuses).values_list("status", flat=True)))
    if unknown:
        raise ValueError(f"Nothing was changed. Say in {__name__} what becomes of exports in status {unknown}.")
    return exports


def by_status(values, default=None):
    return Case(*(When(status=status, then=value) for status, value in values.items()), default=Value(default))


class Migration(migrations.Migration):
    dependencies = [("exports", "0002_queue_columns")]

    operations = [migrations.RunPython(forward, backward)]
