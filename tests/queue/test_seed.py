"""The request that the project began with: its two critical tests and what else it asked to be tested.

A plain test case of Django's, the launcher patched where the settings name it, with a Mock as its result.
"""

# ruff: noqa: PT009 - the style of the request

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from django.test import TestCase
from django.utils import timezone
from job_retry import RETRY_STRATEGIES, ErrorClassifier, ErrorType
from job_retry.django.queue import get_queue_manager

from tests.app.models import ContainerJob

LAUNCHER = "tests.app.services.job_service.launch_job"
queue_manager = get_queue_manager()


class RetryTests(TestCase):
    def create_test_job(self, **fields):
        return ContainerJob.objects.create(name="test", **fields)

    def launch(self, job, error):
        with patch(LAUNCHER) as mock_launch:
            mock_launch.return_value.success = error is None
            mock_launch.return_value.error = error
            result = queue_manager.launch_job_with_retry(job)
        job.refresh_from_db()
        return result

    def test_transient_error_retry(self):
        """Test transient errors trigger retry with backoff"""
        job = self.create_test_job()
        queue_manager.queue_job(job)

        # Mock transient failure
        with patch("tests.app.services.job_service.launch_job") as mock_launch:
            mock_launch.return_value.success = False
            mock_launch.return_value.error = "Connection refused"

            result = queue_manager.launch_job_with_retry(job)

            self.assertFalse(result["success"])
            self.assertTrue(result["retry_scheduled"])

            job.refresh_from_db()
            self.assertEqual(job.status, "retrying")
            self.assertEqual(job.retry_count, 1)
            self.assertIsNotNone(job.scheduled_for)

    def test_permanent_error_no_retry(self):
        """Test permanent errors don't trigger retry"""
        job = self.create_test_job()
        queue_manager.queue_job(job)

        # Mock permanent failure
        with patch("tests.app.services.job_service.launch_job") as mock_launch:
            mock_launch.return_value.success = False
            mock_launch.return_value.error = "Image not found"

            result = queue_manager.launch_job_with_retry(job)

            self.assertFalse(result["success"])
            self.assertFalse(result["retry_scheduled"])

            job.refresh_from_db()
            self.assertEqual(job.status, "failed")
            self.assertIsNone(job.queued_at)  # Removed from queue

    def test_a_launch_that_succeeds_is_running(self):
        job = queue_manager.queue_job(self.create_test_job())
        self.assertEqual(self.launch(job, None), {"success": True, "retry_scheduled": False})
        self.assertEqual(job.status, "running")

    def test_the_whole_module_object_can_be_patched(self):
        job = queue_manager.queue_job(self.create_test_job())
        with patch("tests.app.services.job_service") as service:
            service.launch_job.return_value.success = False
            service.launch_job.return_value.error = "No space left on device"
            self.assertTrue(queue_manager.launch_job_with_retry(job)["retry_scheduled"])

    def test_errors_are_classified(self):
        for message, expected in {
            "dial tcp: connection refused": ErrorType.TRANSIENT,
            "Cannot allocate memory": ErrorType.TRANSIENT,
            "No such image: nginx:lates": ErrorType.PERMANENT,
            "permission denied": ErrorType.PERMANENT,
            "exit status 3": ErrorType.UNKNOWN,
        }.items():
            with self.subTest(message):
                self.assertIs(ErrorClassifier.classify_error(message), expected)

    def test_backoff_is_exponential_and_capped(self):
        strategy = RETRY_STRATEGIES["default"]
        self.assertEqual([strategy.get_retry_delay(n) for n in range(1, 9)], [0, 2, 4, 8, 16, 32, 60, 60])

    def test_retries_are_scheduled_with_their_delays(self):
        job = queue_manager.queue_job(self.create_test_job(retry_strategy="aggressive"))
        for delay in RETRY_STRATEGIES["aggressive"].schedule():
            before = timezone.now()
            result = self.launch(job, "Connection refused")
            self.assertEqual(result["retry_in_seconds"], delay)
            self.assertGreaterEqual(job.scheduled_for, before + timedelta(seconds=delay))
            self.assertLessEqual(job.scheduled_for, timezone.now() + timedelta(seconds=delay))
            ContainerJob.objects.filter(pk=job.pk).update(scheduled_for=before)  # time goes on
        self.assertFalse(self.launch(job, "Connection refused")["retry_scheduled"])

    def test_a_job_is_not_launched_before_its_retry_is_due(self):
        job = queue_manager.queue_job(self.create_test_job())
        self.launch(job, "Connection refused")
        ContainerJob.objects.filter(pk=job.pk).update(scheduled_for=timezone.now() + timedelta(hours=1))
        with patch(LAUNCHER) as mock_launch:
            result = queue_manager.launch_job_with_retry(job)
        mock_launch.assert_not_called()
        self.assertEqual(result["error"], f"Job {job.pk} no longer ready to launch")

    def test_the_limit_is_enforced_and_logged(self):
        job = queue_manager.queue_job(self.create_test_job())
        for attempt in (1, 2, 3):
            ContainerJob.objects.filter(pk=job.pk, status="retrying").update(scheduled_for=timezone.now())
            with self.assertLogs("job_retry.queue") as logs:
                result = self.launch(job, "Connection refused")
            self.assertEqual(job.retry_count, attempt)
            self.assertEqual(result["retry_scheduled"], attempt < 3)
        self.assertEqual(result["error"], "Permanently failed: Connection refused")
        self.assertEqual(job.status, "failed")
        self.assertIn("retry limit exceeded", logs.output[-1])
        self.assertEqual(logs.records[-1].levelname, "ERROR")

    def test_a_dead_letter_is_retried_by_hand(self):
        job = queue_manager.queue_job(self.create_test_job())
        self.launch(job, "Image not found")
        self.assertEqual(list(queue_manager.get_failed_jobs()), [job])

        self.assertTrue(queue_manager.retry_failed_job(job, reset_count=True))
        job.refresh_from_db()
        self.assertEqual((job.status, job.retry_count, job.last_error, job.failed_at), ("queued", 0, None, None))
        self.assertTrue(self.launch(job, None)["success"])

    def test_priority_selects_the_strategy(self):
        for priority, retry_strategy, expected in (
            (50, None, "default"),
            (50, "aggressive", "aggressive"),
            (80, "aggressive", "high_priority"),
            (79, None, "default"),
            (20, "aggressive", "conservative"),
            (21, None, "default"),
        ):
            job = ContainerJob(priority=priority, retry_strategy=retry_strategy)
            self.assertIs(queue_manager._get_retry_strategy(job), RETRY_STRATEGIES[expected])
