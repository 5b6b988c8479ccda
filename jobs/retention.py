"""EVERY retention period. What is past its time is answered 410, whether or not a purge has run."""

from datetime import timedelta

# "Transcript JSON downloads are typically available for about 7 days after job completion". Source audio is kept as
# long.
RESULT_RETENTION = timedelta(days=7)

# A voice in an account's speaker library is forgotten this long after it was added or last recognised in a job.
VOICE_RETENTION = timedelta(days=365)
