"""What people know of the causes of dead letters: marks on groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from job_retry.django.claims import CHUNK_ROWS
from job_retry.django.dead_letters.groups import Tab, list_groups
from job_retry.django.dead_letters.letters import telling_line
from job_retry.django.dead_letters.preview import SHOWN_GROUPS, Preview, PreviewedGroup
from job_retry.django.history.models import GroupMark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from job_retry.django.dead_letters.selection import Selection


def groups_of(selection: Selection, using: str) -> list[str]:
    """Return the fingerprints of the selected letters."""
    return sorted(selection.letters(using).order_by().values_list("fingerprint", flat=True).distinct())


def preview_of_groups(using: str, selection: Selection, now: datetime) -> Preview:
    """Return the groups of the selected letters as a preview; nothing is skipped, since no job is touched."""
    listed = list_groups(selection, using, now=now, tab=Tab.ALL, page_size=SHOWN_GROUPS)
    groups = [PreviewedGroup(each.fingerprint, each.count, telling_line(each.sample)) for each in listed.groups]
    return Preview(listed.totals.letters, groups, listed.totals.groups[Tab.ALL], models={}, skipped={}, examined=0)


def mark_groups(
    using: str, fingerprints: Sequence[str], state: str, *, note: str, by: str, now: datetime
) -> list[GroupMark]:
    """Give groups the mark ``state``, a `GroupMark.State`, in place of what they have; return their marks."""
    given = {"state": state, "note": note, "marked_by": by, "marked_at": now}
    marks: list[GroupMark] = []
    with transaction.atomic(using=using):
        for chunk in _chunks(fingerprints):
            present = GroupMark.objects.using(using).filter(fingerprint__in=chunk)
            present.update(**given)
            missing = set(chunk).difference(present.values_list("fingerprint", flat=True))
            rows = [GroupMark(fingerprint=each, **given) for each in sorted(missing)]
            # Whoever marks the same group at the same moment knows as much.
            GroupMark.objects.using(using).bulk_create(rows, ignore_conflicts=True)
            marks += present.order_by("fingerprint")
    return marks


def unmark_groups(using: str, fingerprints: Sequence[str]) -> list[GroupMark]:
    """Take the marks of groups away; return those that there were."""
    marks: list[GroupMark] = []
    with transaction.atomic(using=using):
        for chunk in _chunks(fingerprints):
            present = GroupMark.objects.using(using).filter(fingerprint__in=chunk)
            marks += present.order_by("fingerprint")
            present.delete()
    return marks


def _chunks(fingerprints: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(fingerprints), CHUNK_ROWS):
        yield fingerprints[start : start + CHUNK_ROWS]
