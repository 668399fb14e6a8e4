"""Metrics for Prometheus; needs ``pip install "django-job-retry[prometheus]"``.

Add ``"job_retry.integrations.prometheus"`` to ``INSTALLED_APPS``. Each process then counts what its own jobs do, and
``manage.py run_job_queue --metrics-port`` shows the counts of a worker. `job_retry.integrations.prometheus.urls` has a
view for the web process, which asks the database how the queues stand at each scrape.
"""
