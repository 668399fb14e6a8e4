"""What a person may have done with dead letters: a table of acts, each with what is asked first and who may."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from job_retry.django.admin.dead_letters.forms import ActForm, CanaryForm, DiscardForm, NoteForm, RequeueForm
from job_retry.django.history.models import BulkAction, DeadLetter, GroupMark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

VIEW = "view"
REQUEUE = "requeue"
DISCARD = "discard"
MARK = "mark"
"""Permissions on dead letters; whoever has one of the others needs that to view as well."""

PERMISSION_OF_KIND = {
    BulkAction.Kind.REQUEUE.value: REQUEUE,
    BulkAction.Kind.CANARY.value: REQUEUE,
    BulkAction.Kind.DISCARD.value: DISCARD,
}
"""What somebody needs in order to begin a bulk action, to go on with it, to stop it, and to put it back."""


@dataclass(frozen=True)
class Act:
    """One thing that may be done with the dead letters of a selection."""

    name: str
    label: str | _StrPromise
    """On its button, before and after the question."""
    permission: str
    question: str | _StrPromise
    """Asked, with what it will touch, before anything is done."""
    form: type[ActForm]
    kind: str = ""
    """The `BulkAction.Kind` that it begins; "": it concerns groups, not their letters."""
    mark: str | None = None
    """The `GroupMark.State` that it gives to the groups of the selection; None: it takes their marks away."""
    initial: Mapping[str, Any] = field(default_factory=dict)
    """What the form says before somebody fills it in."""
    first_field: str = ""
    """The field that this act is about."""

    @property
    def url_name(self) -> str:
        """Name of the URL that the act is posted to."""
        return "job_retry_deadletter_act" if self.kind else "job_retry_deadletter_mark"


_REQUEUED = _("The jobs wait in the queue again. Until they are launched, they can be put back.")

ACTS = (
    Act("requeue", _("Requeue now"), REQUEUE, _REQUEUED, RequeueForm, BulkAction.Kind.REQUEUE),
    Act(
        "requeue_spread",
        _("Requeue spread over time"),
        REQUEUE,
        _REQUEUED,
        RequeueForm,
        BulkAction.Kind.REQUEUE,
        initial={"spread_minutes": 30},
        first_field="spread_minutes",
    ),
    Act(
        "requeue_afresh",
        _("Requeue with a fresh count"),
        REQUEUE,
        _REQUEUED,
        RequeueForm,
        BulkAction.Kind.REQUEUE,
        initial={"fresh_count": True},
        first_field="fresh_count",
    ),
    Act(
        "requeue_otherwise",
        _("Requeue with another strategy or priority"),
        REQUEUE,
        _REQUEUED,
        RequeueForm,
        BulkAction.Kind.REQUEUE,
        first_field="strategy",
    ),
    Act(
        "canary",
        _("Canary redrive"),
        REQUEUE,
        _(
            "A few jobs, the canaries, are requeued first and watched. When all of them have come through, the worker "
            "requeues the others at the rate below. As soon as one fails with the same fingerprint as before, it stops "
            "by itself and puts back what is not launched yet."
        ),
        CanaryForm,
        BulkAction.Kind.CANARY,
        first_field="canary_size",
    ),
    Act(
        "discard",
        _("Discard"),
        DISCARD,
        _("The jobs are cancelled and never run again. This cannot be undone; their history stays."),
        DiscardForm,
        BulkAction.Kind.DISCARD,
        first_field="note",
    ),
    Act(
        "mark_known",
        _("Mark as known"),
        MARK,
        _("The groups are shown as known until another job dies of the same cause."),
        NoteForm,
        mark=GroupMark.State.KNOWN,
        first_field="note",
    ),
    Act(
        "mark_resolved",
        _("Mark as resolved"),
        MARK,
        _("The groups are shown as resolved until another job dies of the same cause."),
        NoteForm,
        mark=GroupMark.State.RESOLVED,
        first_field="note",
    ),
    Act("unmark", _("Remove the mark"), MARK, _("The groups are shown as if nobody knew of them."), ActForm),
)

BY_NAME = {act.name: act for act in ACTS}


def allowed(request: HttpRequest, permission: str) -> bool:
    """Return whether the user has a permission on dead letters, and may view them."""
    user = request.user
    return user.has_perm("job_retry.view_deadletter") and user.has_perm(f"job_retry.{permission}_deadletter")


def actions_for(request: HttpRequest, state: str) -> list[Act]:
    """Return the acts that the user may have done with letters in ``state`` ("": any), as their buttons stand."""
    is_open = state in ("", DeadLetter.State.OPEN)
    return [act for act in ACTS if allowed(request, act.permission) and (is_open or not act.kind)]
