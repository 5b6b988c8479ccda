"""What POST /jobs, GET /jobs, POST /jobs/estimate, POST /jobs/cancel and POST /jobs/{id}/analytics accept: the one list
of accepted fields. The kinds of field: jobs.api.fields. How a job is shown: jobs.api.rows.
"""

import math
from typing import Any

from rest_framework import serializers

from accounts import limits
from analytics.requests import AnalyticsRequest
from jobs.api.fields import Analytics, Choice, Flag, Keyterms, PiiTypes, Recording, Text, WholeNumber
from jobs.languages import LANGUAGES_BY_TIER, PREMIUM_LANGUAGES
from jobs.models import Job
from jobs.pipeline.pii_types import AUDIO_KINDS, SUBSTITUTIONS

SOURCES = ("audio_file", "remote_url", "uploaded_audio_key")
SPEAKER_COUNTS = ("num_speakers", "min_speakers", "max_speakers")


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
    pii_types = PiiTypes(default=list)
    pii_substitution = Choice(SUBSTITUTIONS, default="type")
    pii_audio = Choice(AUDIO_KINDS, default="")
    analytics = Analytics(default=None)
    num_speakers = WholeNumber(1, limits.SPEAKERS_MAX, default=None)
    min_speakers = WholeNumber(1, limits.SPEAKERS_MAX, default=None)
    max_speakers = WholeNumber(1, limits.SPEAKERS_MAX, default=None)
    multichannel = Flag(default=False)
    keyterms = Keyterms(default=list)

    def validate_language(self, value: str) -> str:
        """`auto`, or the primary subtag of a BCP-47 tag: `pt-BR` counts as `pt`."""
        return value.lower().replace("_", "-").partition("-")[0]

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        self._check_source(fields)
        self._check_language(fields)
        if fields["speaker_embeddings"] and not (fields["transcription_model"] == "premium" and fields["diarization"]):
            message = "speaker_embeddings requires transcription_model=premium and diarization=true."
            raise serializers.ValidationError({"speaker_embeddings": message})
        self._check_pii(fields)
        self._check_speakers(fields)
        self._check_multichannel(fields)
        request, speakers = fields["analytics"], fields["diarization"] or fields["multichannel"]
        fields["analytics"] = request.normalised(diarization=speakers) if request else None
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

    def _check_pii(self, fields: dict[str, Any]) -> None:
        for name, without in (("pii_types", []), ("pii_substitution", "type"), ("pii_audio", "")):
            if fields[name] != without and not fields["pii_processing"]:
                message = f"{name} requires pii_processing=true. Add pii_processing=true, or leave out {name}."
                raise serializers.ValidationError({name: message})

    def _check_speakers(self, fields: dict[str, Any]) -> None:
        exact, least, most = (fields[name] for name in SPEAKER_COUNTS)
        given = [name for name in SPEAKER_COUNTS if fields[name] is not None]
        if given and not (fields["diarization"] or fields["multichannel"]):
            message = f"{given[0]} requires diarization=true. Add diarization=true, or leave out {given[0]}."
            raise serializers.ValidationError({given[0]: message})
        if exact is not None and len(given) > 1:
            message = (
                f"num_speakers is exact and can't be combined with {given[1]}: "
                "send num_speakers alone, or min_speakers and max_speakers."
            )
            raise serializers.ValidationError({"num_speakers": message})
        if least is not None and most is not None and least > most:
            message = f"min_speakers ({least}) must not be greater than max_speakers ({most})."
            raise serializers.ValidationError({"min_speakers": message})

    def _check_multichannel(self, fields: dict[str, Any]) -> None:
        """What needs speakers that are told apart by their voices makes no sense where channels tell them apart."""
        if not fields["multichannel"]:
            return
        for name in SPEAKER_COUNTS:
            if fields[name] is not None:
                message = (
                    f"{name} can't be combined with multichannel=true, where every channel is one speaker. "
                    "Send one of the two."
                )
                raise serializers.ValidationError({name: message})
        if fields["speaker_embeddings"]:
            message = (
                "speaker_embeddings can't be combined with multichannel=true, where the channels tell the speakers "
                "apart and no voice vectors are made. Send one of the two."
            )
            raise serializers.ValidationError({"speaker_embeddings": message})


class EstimateJob(SubmitJob):
    """The same fields as a job's, of which the recording may be left out, and how long it is."""

    duration_seconds = serializers.FloatField(
        min_value=0,
        max_value=limits.ESTIMATE_SECONDS_MAX,
        error_messages={
            "required": "duration_seconds is missing: send the length of the recording in seconds.",
            **dict.fromkeys(
                ("invalid", "min_value", "max_value", "max_string_length"),
                f"duration_seconds must be a number from 0 to {limits.ESTIMATE_SECONDS_MAX}.",
            ),
        },
    )

    def validate_duration_seconds(self, value: float) -> float:
        if not math.isfinite(value):
            raise serializers.ValidationError("duration_seconds must be a finite number.")
        return value

    def _check_source(self, fields: dict[str, Any]) -> None:
        """Where the recording will come from changes no price."""
        for name in (*SOURCES, "uploaded_audio_token"):
            fields.pop(name, None)


class ListJobs(serializers.Serializer):
    """The query of GET /jobs."""

    status = Choice(tuple(Job.Status.values), required=False)
    limit = WholeNumber(1, limits.LIST_LIMIT_MAX, default=limits.LIST_LIMIT_DEFAULT)
    cursor = Text(required=False, max_length=200)


class CancelByToken(serializers.Serializer):
    cancel_token = Text(
        max_length=200, error_messages={"required": "cancel_token is missing: send the token that POST /jobs returned."}
    )


class RerunAnalytics(serializers.Serializer):
    """The body of POST /jobs/{id}/analytics; what is asked is read as in POST /jobs."""

    analytics = Analytics(
        error_messages={"required": "analytics is missing: send profile, domain or schema, as to POST /jobs."}
    )

    def validate_analytics(self, value: AnalyticsRequest | None) -> AnalyticsRequest:
        if value is None:
            raise serializers.ValidationError(
                "analytics asks for nothing: name a profile (basic, full), a domain or a schema."
            )
        return value
