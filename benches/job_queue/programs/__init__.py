"""One program for each queue; see `job_queue.program`."""
