"""EVERY rate limit and cap, with the promise in words beside each number. Nothing else states one."""

# A week: longer than any recording of 1 GB that can be heard.
ESTIMATE_SECONDS_MAX = 7 * 24 * 3600

# "Max 1 GB" for a recording, whichever way it comes in. 1 GB = 2^30 bytes.
RECORDING_BYTES_MAX = 2**30
# What a multipart body may hold beside the recording: the form fields and part headers.
FORM_OVERHEAD_BYTES_MAX = 2**20

# "Each job currently has a hard cap of 20 attachment downloads."
DOWNLOADS_PER_JOB_MAX = 20

# GET /jobs: "Max results (1-100). Default: 20."
LIST_LIMIT_MAX = 100
LIST_LIMIT_DEFAULT = 20
# "truncated to about 1,000 characters"
PREVIEW_CHARACTERS = 1_000

# How many speakers a customer may say there are: beyond this, diarization has nothing to go by.
SPEAKERS_MAX = 30
# Names and jargon of a recording. The decoder's prompt holds little more.
KEYTERMS_MAX = 100
KEYTERM_CHARACTERS_MAX = 60

# An account's speaker library. A name may stand for several voices: a person sounds different on each kind of line.
VOICES_MAX = 500
VOICE_NAME_CHARACTERS_MAX = 100

# Schemas of custom analytics that an account has saved; generous, as each is sent whole with the list.
SAVED_SCHEMAS_MAX = 100
SAVED_SCHEMA_NAME_CHARACTERS_MAX = 100

# Active API keys an account; generous: it only stops a runaway script.
ACTIVE_API_KEYS_MAX = 100
API_KEY_NAME_CHARACTERS_MAX = 100
# "rotation ... ends the old at once, unless grace_period_seconds (<= 7 days)"
ROTATION_GRACE_SECONDS_MAX = 7 * 24 * 3600
# "After 10 failed sign-ins for an e-mail, or 30 from an address, within 5 minutes: wait." The window is a fixed one.
FAILED_SIGN_INS_BY_EMAIL_MAX = 10
FAILED_SIGN_INS_BY_ADDRESS_MAX = 30
SIGN_IN_WINDOW_SECONDS = 5 * 60
# A key's last use is stored at most this often, so that polling does not write a row per request.
LAST_USED_RESOLUTION_SECONDS = 60
