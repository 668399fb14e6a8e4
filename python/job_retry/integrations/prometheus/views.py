"""The view that Prometheus scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from job_retry.integrations.prometheus.exposition import whole_registry

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics in the format that the request asks for. Open to everybody who reaches its address."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(whole_registry()), content_type=content_type)
