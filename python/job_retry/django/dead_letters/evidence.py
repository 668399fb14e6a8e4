"""What in an error's text the verdict on it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from job_retry.django.history.models import FailedAttempt
from job_retry.django.judgement import explanation

if TYPE_CHECKING:
    from typing import Final

_RULE_CHARACTERS: Final = FailedAttempt._meta.get_field("rule").max_length


def matched_span(classifier: Any, attempt: FailedAttempt) -> tuple[int, int] | None:
    """Return where in its error the rule stands that decided on ``attempt``, in characters.

    None where no rule did, where it went by an exception's class or code, and where ``classifier`` now decides by
    another rule or cannot say.
    """
    if not attempt.rule:
        return None
    explained = explanation(classifier, attempt.error)
    if explained is None or explained.span is None or (explained.rule or "")[:_RULE_CHARACTERS] != attempt.rule:
        return None
    return explained.span
