"""Native classes for ``django-container-manager``.

Add ``"job_retry.integrations.container_manager"`` to ``INSTALLED_APPS``, anywhere. From then on its ``JobQueueManager``
classifies errors and computes delays natively; verdicts and delays stay as they were. `disable` takes it back at once,
`enable` switches it on again.
"""

from __future__ import annotations

from job_retry.integrations.container_manager.swap import disable, enable

__all__ = ["disable", "enable"]
