"""Every error code of the API: code -> status and sentence.
Raised anywhere as `TupletsError(Code.X, ...)`, shown by tuplets.http.

A sentence says what happened and what to do about it. `detail` given at the place of raising replaces the default
sentence.
"""

from enum import Enum


class Code(Enum):
    """(code in the answer, HTTP status, default sentence)."""

    INVALID_REQUEST = ("invalid_request", 400, "The request could not be read. Check its body and content type.")
    INVALID_FIELD = ("invalid_field", 400, "A field of the request is invalid.")
    INVALID_AUDIO = ("invalid_audio", 400, "The file is not audio that can be transcribed.")
    FILE_TOO_LARGE = (
        "file_too_large",
        400,
        "The file is larger than the limit of 1 GB. Split or compress it and submit again.",
    )
    FEATURE_UNAVAILABLE = ("feature_unavailable", 400, "This option is not available on this server.")
    UNAUTHORIZED = (
        "unauthorized",
        401,
        "Missing or invalid API key. Send a valid key as 'Authorization: Bearer tb_…', or sign in.",
    )
    INSUFFICIENT_CREDIT = ("insufficient_credit", 402, "You do not have enough credit for this job.")
    EMAIL_UNVERIFIED = ("email_unverified", 403, "Verify your e-mail address first.")
    FORBIDDEN = ("forbidden", 403, "This action is not allowed.")
    CSRF_FAILED = ("csrf_failed", 403, "The CSRF check failed. Send the X-CSRFToken header, or use an API key.")
    NOT_FOUND = ("not_found", 404, "The requested resource does not exist. Check the ID or path.")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "This method is not allowed here.")
    JOB_NOT_COMPLETED = (
        "job_not_completed",
        409,
        "The job is not completed, so there is nothing to download. Wait for it to complete.",
    )
    JOB_FINISHED = ("job_finished", 409, "The job has already finished and can't be cancelled.")
    ANALYTICS_RUNNING = (
        "analytics_running",
        409,
        "The analytics of this job are being run again already. Wait until analytics_run says completed or failed.",
    )
    SCHEMA_NAME_TAKEN = ("schema_name_taken", 409, "The account has a saved schema of this name. Use another name.")
    TOO_MANY_SCHEMAS = ("too_many_schemas", 409, "The account has too many saved schemas. Delete one that is not used.")
    TOO_MANY_KEYS = ("too_many_keys", 409, "The account has too many active API keys. Revoke one that is not in use.")
    KEY_NOT_ACTIVE = ("key_not_active", 409, "The API key is no longer active and can't be rotated.")
    TOP_UPS_OFF = (
        "top_ups_off",
        409,
        "Top-ups by card are not set up on this server; its operator can grant credit.",
    )
    VOICE_LIBRARY_OFF = (
        "voice_library_off",
        409,
        'The account\'s speaker library is off. Turn it on with PUT /account/voice-library {"enabled": true}.',
    )
    VOICE_EXISTS = ("voice_exists", 409, "This speaker of this job is in the speaker library already.")
    TOO_MANY_VOICES = ("too_many_voices", 409, "The speaker library is full. Delete a voice that is not needed.")
    RESULT_EXPIRED = (
        "result_expired",
        410,
        "The result is no longer available: results are kept for 7 days after completion.",
    )
    DOWNLOAD_LIMIT = (
        "download_limit",
        410,
        "The result can't be downloaded again: the limit of 20 downloads a job is reached.",
    )
    BODY_TOO_LARGE = ("body_too_large", 413, "The request body is larger than this endpoint accepts.")
    RATE_LIMITED = ("rate_limited", 429, "Too many requests. Wait and retry with exponential delay.")
    INTERNAL = (
        "internal_error",
        500,
        "Something went wrong on the server. The request can be retried; its id is in request_id.",
    )
    UNAVAILABLE = ("service_unavailable", 503, "The service is temporarily unavailable. Retry after a short delay.")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def status(self) -> int:
        return self.value[1]

    @property
    def sentence(self) -> str:
        return self.value[2]


class TupletsError(Exception):
    """An answer to the customer: `detail` is one sentence, `errors` lists the fields at fault, `retry_after_s` is
    seconds.
    """

    def __init__(
        self,
        code: Code,
        detail: str | None = None,
        *,
        field: str | None = None,
        errors: list[dict[str, str]] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.code = code
        self.detail = detail or code.sentence
        self.errors = errors or ([{"field": field, "message": self.detail}] if field else [])
        self.retry_after_s = retry_after_s
        super().__init__(f"{code.code}: {self.detail}")
