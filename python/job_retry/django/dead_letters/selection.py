"""Which dead letters: the conditions that the console, the command and a bulk action share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from job_retry.django.history.keys import keys_of, model_of
from job_retry.django.history.models import DeadLetter
from job_retry.django.querysets import JobQuerySet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

_COLUMNS = ("verdict", "rule", "reason", "strategy", "exception_class")
"""Conditions that compare a column of the same name."""


@dataclass(frozen=True)
class Selection:
    """A choice of dead letters: those for which all conditions hold that are given."""

    model: str = ""
    """Label of the job model, ``app_label.modelname``; "": any."""
    state: str = DeadLetter.State.OPEN.value
    """A `DeadLetter.State`; "": any."""
    fingerprint: str | None = None
    """The group; "" is that of letters without an error, None: any."""
    verdict: str = ""
    rule: str = ""
    """As ``pack/rule``."""
    reason: str = ""
    """A `DeadLetter.Reason`."""
    strategy: str = ""
    exception_class: str = ""
    """With its module."""
    died_from: datetime | None = None
    """Not dead before."""
    died_until: datetime | None = None
    """Dead before."""
    search: str = ""
    """A part of the error in any case of letters, or the whole key of a job, or a fingerprint."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """A field that the job model names in ``dead_letter_fields`` to its value; ``model`` must be given."""
    ids: tuple[int, ...] | None = None
    """Keys of the letters; None: any."""

    def letters(self, using: str) -> QuerySet[DeadLetter]:
        """Return the letters in the database ``using``, in no order.

        ValueError names a condition that cannot be, such as a field that the job model has not.
        """
        letters = DeadLetter.objects.using(using)
        given = {name: getattr(self, name) for name in ("state", *_COLUMNS) if getattr(self, name)}
        if self.model:
            given["job_model"] = self.model
        if self.fingerprint is not None:
            given["fingerprint"] = self.fingerprint
        if self.died_from is not None:
            given["died_at__gte"] = self.died_from
        if self.died_until is not None:
            given["died_at__lt"] = self.died_until
        if self.ids is not None:
            given["pk__in"] = self.ids
        letters = letters.filter(**given)
        if self.search:
            text = self.search.strip()
            letters = letters.filter(Q(failure__error__icontains=text) | Q(job_key=text) | Q(fingerprint=text))
        if self.fields:
            letters = letters.filter(job_key__in=keys_of(self._jobs(using)))
        return letters

    def _jobs(self, using: str) -> QuerySet[Any]:
        model = model_of(self.model) if self.model else None
        if model is None:
            names = ", ".join(self.fields)
            raise ValueError(f"{names}: fields of a job need a job model, and there is no model {self.model!r}.")
        known = getattr(model, "dead_letter_fields", ())
        unknown = [name for name in self.fields if name not in known]
        if unknown:  # not just any field: a lookup may lead to what nobody is to see
            shown = ", ".join(known) or "none"
            raise ValueError(
                f"{model._meta.label}.dead_letter_fields does not name {', '.join(unknown)}, but: {shown}."
            )
        try:
            return JobQuerySet(model, using=using).filter(**self.fields)
        except (FieldError, ValidationError, ValueError) as error:
            raise ValueError(f"{model._meta.label} cannot be filtered by {dict(self.fields)!r}: {error}") from error

    def only(self, **conditions: Any) -> Selection:
        """Return this selection with other values for some of its conditions."""
        return replace(self, **conditions)

    def as_json(self) -> dict[str, Any]:
        """Return the conditions that are given, in a form that JSON knows; `from_json` reads it."""
        given = {name: value for name, value in asdict(self).items() if value != _DEFAULTS[name]}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Selection:
        """Return the selection that `as_json` has described; ValueError names what it does not know."""
        unknown = [name for name in given if name not in _DEFAULTS]
        if unknown:
            raise ValueError(f"Unknown conditions: {', '.join(unknown)}. Known: {', '.join(_DEFAULTS)}.")
        read = dict(given)
        for name in ("died_from", "died_until"):
            if isinstance(read.get(name), str):
                read[name] = parse_datetime(read[name])
                if read[name] is None:
                    raise ValueError(f"{name} is {given[name]!r}, which is no date and time.")
        if read.get("ids") is not None:
            read["ids"] = tuple(read["ids"])
        return cls(**read)


_DEFAULTS: dict[str, Any] = {each.name: getattr(Selection(), each.name) for each in fields(Selection)}
