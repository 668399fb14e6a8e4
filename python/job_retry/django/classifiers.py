"""The classifier that the settings describe."""

from __future__ import annotations

from job_retry import ErrorClassifier
from job_retry.django.settings import get_settings


def project_classifier() -> type[ErrorClassifier]:
    """Return the classifier of all that name none: first ``JOB_RETRY["RULES"]``, then ``JOB_RETRY["RULE_PACKS"]``."""
    read = get_settings()
    classifier = ErrorClassifier
    if read.rule_packs is None or read.rule_packs:
        classifier = classifier.with_packs(*(read.rule_packs or ()))
    return classifier.with_rules(read.rules) if read.rules else classifier
