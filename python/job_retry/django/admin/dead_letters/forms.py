"""What is asked of a person before something is done with dead letters."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from job_retry.django.dead_letters.options import MOST_CANARIES
from job_retry.django.strategies import get_strategies, strategy_label

MINUTE_SECONDS = 60.0
HIGHEST_PRIORITY = 100
MOST_MINUTES = 60 * 24 * 30
"""A month: whoever wants to wait longer means something else."""

CANARIES = 10
CANARY_RATE_PER_MINUTE = 60.0


def _strategy_choices() -> list[tuple[str, Any]]:
    return [("", _("As each job has it")), *((name, strategy_label(name)) for name in get_strategies())]


class ActForm(forms.Form):
    """A form whose fields are arguments of an act."""

    def options(self) -> dict[str, Any]:
        """Return the arguments that the fields stand for."""
        return dict(self.cleaned_data)


class RequeuedAs(ActForm):
    """As what the jobs come back into the queue."""

    fresh_count = forms.BooleanField(
        label=_("Fresh count"),
        required=False,
        help_text=_("The jobs have all attempts before them; without it, one is granted."),
    )
    strategy = forms.ChoiceField(label=_("Retry strategy"), choices=_strategy_choices, required=False)
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=0,
        max_value=HIGHEST_PRIORITY,
        required=False,
        help_text=_("0 to 100; empty: as each job has it."),
    )


class RequeueForm(RequeuedAs):
    """How jobs are requeued."""

    spread_minutes = forms.FloatField(
        label=_("Spread over minutes"),
        min_value=0,
        max_value=MOST_MINUTES,
        required=False,
        help_text=_("They start evenly over this time; empty: as soon as workers are free."),
    )
    field_order = ("spread_minutes",)

    def options(self) -> dict[str, Any]:
        """Return the arguments of `begin`."""
        options = super().options()
        options["spread_seconds"] = (options.pop("spread_minutes") or 0.0) * MINUTE_SECONDS
        return options


class CanaryForm(RequeuedAs):
    """How a canary redrive goes on."""

    canary_size = forms.IntegerField(label=_("Canaries"), min_value=1, max_value=MOST_CANARIES, initial=CANARIES)
    rate_per_minute = forms.FloatField(
        label=_("Jobs a minute after them"),
        min_value=0.001,
        initial=CANARY_RATE_PER_MINUTE,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    field_order = ("canary_size", "rate_per_minute")


class DiscardForm(ActForm):
    """Why jobs are given up."""

    note = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}))


class NoteForm(ActForm):
    """What is known of a cause."""

    note = forms.CharField(label=_("Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
