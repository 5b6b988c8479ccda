"""EVERY retention period. What is past its time is answered 410, whether or not a purge has run."""

from datetime import timedelta

# "Transcript JSON downloads are typically available for about 7 days after job completion". Source audio is kept as
# long.
RESULT_RETENTION = timedelta(days=7)
