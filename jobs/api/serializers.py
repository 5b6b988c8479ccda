"""What POST /jobs, GET /jobs and POST /jobs/cancel accept: the one list of accepted fields. How a job is shown:
jobs.api.rows.
"""

from typing import Any

from rest_framework import serializers

from accounts import limits
from analytics.requests import AnalyticsRequest, InvalidAnalytics, parse_request
from jobs.languages import LANGUAGES_BY_TIER, PREMIUM_LANGUAGES
from jobs.models import Job

_TRUE, _FALSE = {"true", "1", "on"}, {"false", "0", "off"}
SOURCES = ("audio_file", "remote_url", "uploaded_audio_key")


class Flag(serializers.Field):
    """true/false/1/0/on/off in any case."""

    def to_internal_value(self, data: Any) -> bool:
        text = str(data).strip().lower() if isinstance(data, str | bool | int) else ""
        if text not in _TRUE | _FALSE:
            raise serializers.ValidationError(f"{self.field_name} must be true or false (also 1, 0, on, off).")
        return text in _TRUE


class Choice(serializers.Field):
    """One of a few words, in any case."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        self.choices = choices
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = data.strip().lower() if isinstance(data, str) else ""
        if text not in self.choices:
            raise serializers.ValidationError(f"{self.field_name} must be one of: {', '.join(self.choices)}.")
        return text


class Text(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error_messages["invalid"] = "must be a string."


class Recording(serializers.FileField):
    default_error_messages = {
        "invalid": "audio_file must be a file part of a multipart/form-data body.",
        "no_name": "audio_file must have a file name.",
        "empty": "audio_file is empty: the file has no bytes.",
        "max_length": "audio_file's name is too long.",
    }


class Analytics(serializers.Field):
    """A JSON string (multipart and form posts) or an object (JSON posts); empty requests become None."""

    def to_internal_value(self, data: Any) -> AnalyticsRequest | None:
        try:
            return parse_request(data)
        except InvalidAnalytics as error:
            raise serializers.ValidationError(str(error)) from None


class SubmitJob(serializers.Serializer):
    """Every field that POST /jobs accepts."""

    audio_file = Recording(required=False)
    remote_url = Text(required=False, max_length=4096)
    uploaded_audio_key = Text(required=False, max_length=1024)
    uploaded_audio_token = Text(required=False, max_length=4096)
    language = Text(default="auto", max_length=35)
    transcription_model = Choice(("standard", "premium"), default="standard")
    diarization = Flag(default=False)
    speaker_embeddings = Flag(default=False)
    pii_processing = Flag(default=False)
    analytics = Analytics(default=None)

    def validate_language(self, value: str) -> str:
        """`auto`, or the primary subtag of a BCP-47 tag: `pt-BR` counts as `pt`."""
        return value.lower().replace("_", "-").partition("-")[0]

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        self._check_source(fields)
        self._check_language(fields)
        if fields["speaker_embeddings"] and not (fields["transcription_model"] == "premium" and fields["diarization"]):
            message = "speaker_embeddings requires transcription_model=premium and diarization=true."
            raise serializers.ValidationError({"speaker_embeddings": message})
        request = fields["analytics"]
        fields["analytics"] = request.normalised(diarization=fields["diarization"]) if request else None
        return fields

    def _check_source(self, fields: dict[str, Any]) -> None:
        given = [name for name in SOURCES if name in fields]
        if len(given) != 1:
            found = f"but {' and '.join(given)} were sent" if given else "but none was sent"
            message = f"Provide exactly one of {', '.join(SOURCES)}, {found}."
            raise serializers.ValidationError({given[1] if given else "audio_file": message})
        if ("uploaded_audio_key" in fields) != ("uploaded_audio_token" in fields):
            raise serializers.ValidationError(
                {"uploaded_audio_token": "uploaded_audio_key and uploaded_audio_token must be sent together."}
            )

    def _check_language(self, fields: dict[str, Any]) -> None:
        tier, language = fields["transcription_model"], fields["language"]
        if language != "auto" and language not in LANGUAGES_BY_TIER[tier]:
            hint = " It is available with transcription_model=premium." if language in PREMIUM_LANGUAGES else ""
            accepted = ", ".join(sorted(LANGUAGES_BY_TIER[tier]))
            message = (
                f"language '{language}' is not supported by the {tier} tier.{hint} Use auto or one of: {accepted}."
            )
            raise serializers.ValidationError({"language": message})


class ListJobs(serializers.Serializer):
    """The query of GET /jobs."""

    status = Choice(tuple(Job.Status.values), required=False)
    limit = serializers.IntegerField(
        min_value=1,
        max_value=limits.LIST_LIMIT_MAX,
        default=limits.LIST_LIMIT_DEFAULT,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_string_length"),
            f"limit must be a whole number from 1 to {limits.LIST_LIMIT_MAX}.",
        ),
    )
    cursor = Text(required=False, max_length=200)


class CancelByToken(serializers.Serializer):
    cancel_token = Text(
        max_length=200, error_messages={"required": "cancel_token is missing: send the token that POST /jobs returned."}
    )
