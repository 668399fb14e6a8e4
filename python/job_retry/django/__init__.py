"""The Django half: job models, their state machine, the queue manager and its worker.

Add ``"job_retry.django"`` to ``INSTALLED_APPS``. Nothing in this module imports a model, so it may be imported
from anywhere, settings and ``apps.py`` included.
"""
