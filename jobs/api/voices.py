"""/account/voice-library and /account/voices: opt in, name a voice, list, rename, forget. A vector is never shown."""

import unicodedata
import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import limits
from accounts.api.authentication import account_of
from jobs import voices
from jobs.api.fields import Flag, Text
from jobs.models import Voice
from jobs.retention import VOICE_RETENTION
from tuplets.errors import Code, TupletsError
from tuplets.http import read_fields, utc


class VoiceName(Text):
    """What a voice is called: plain text, and not what a speaker without a voice is called."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=limits.VOICE_NAME_CHARACTERS_MAX, **kwargs)
        self.error_messages["required"] = "name is missing: say what the voice is to be called."
        self.error_messages["max_length"] = f"name may have at most {limits.VOICE_NAME_CHARACTERS_MAX} characters."

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise serializers.ValidationError("name must be plain text without control characters.")
        if name.casefold() == voices.UNKNOWN:
            message = f"name may not be '{voices.UNKNOWN}': that is what speakers without a known voice are called."
            raise serializers.ValidationError(message)
        return name


class SetLibrary(serializers.Serializer):
    enabled = Flag(error_messages={"required": "enabled is missing: send true or false."})


class AddVoice(serializers.Serializer):
    name = VoiceName()
    job_id = serializers.UUIDField(
        error_messages=dict.fromkeys(("required", "invalid"), "job_id must be the id of a completed job.")
    )
    speaker = Text(
        max_length=32,
        error_messages={"required": "speaker is missing: send one of the job's labels, such as SPEAKER_00."},
    )


class RenameVoice(serializers.Serializer):
    name = VoiceName()


def voice_row(voice: Voice) -> dict[str, Any]:
    return {
        "id": str(voice.id),
        "name": voice.name,
        "model": voice.model,
        "dimension": voice.dimension,
        "job_id": str(voice.source_job_id) if voice.source_job_id else None,
        "speaker": voice.source_speaker,
        "created_at": utc(voice.created_at),
        "expires_at": utc(voice.expires_at),
    }


def voice_of(request: Request, voice_id: str) -> Voice:
    """The account's own voice; a malformed id, a random one, an expired voice's and someone else's are the same 404."""
    try:
        voice = Voice.objects.owned_by(account_of(request)).filter(pk=uuid.UUID(voice_id)).first()
    except ValueError:
        voice = None
    if voice is None:
        raise TupletsError(Code.NOT_FOUND)
    return voice


class VoiceLibraryView(APIView):
    def get(self, request: Request) -> Response:
        return Response(self._row(request))

    def put(self, request: Request) -> Response:
        """Turning the library off deletes every voice in it, and the answer says how many."""
        account, enabled = account_of(request), read_fields(SetLibrary, request)["enabled"]
        deleted = 0
        if enabled:
            voices.enable_library(account=account)
        else:
            deleted = voices.disable_library(account=account)
        return Response({**self._row(request), "voices_deleted": deleted})

    @staticmethod
    def _row(request: Request) -> dict[str, Any]:
        return {
            **voices.library_of(account_of(request)),
            "voices_max": limits.VOICES_MAX,
            "retention_days": VOICE_RETENTION.days,
        }


class VoicesView(APIView):
    def get(self, request: Request) -> Response:
        kept = Voice.objects.owned_by(account_of(request)).defer("vector").order_by("-created_at", "-id")
        items = [voice_row(voice) for voice in kept]
        return Response({"items": items, "total_items": len(items)})

    def post(self, request: Request) -> Response:
        account, fields = account_of(request), read_fields(AddVoice, request)
        return Response(voice_row(voices.add_voice(account=account, **fields)), status=201)

    def delete(self, request: Request) -> Response:
        deleted = voices.forget_all(account=account_of(request))
        return Response({"status": "deleted", "voices_deleted": deleted})


class VoiceView(APIView):
    def patch(self, request: Request, voice_id: str) -> Response:
        voice = voice_of(request, voice_id)
        fields = read_fields(RenameVoice, request)
        return Response(voice_row(voices.rename_voice(voice=voice, **fields)))

    def delete(self, request: Request, voice_id: str) -> Response:
        voices.forget_voice(voice=voice_of(request, voice_id))
        return Response({"id": str(uuid.UUID(voice_id)), "status": "deleted"})
