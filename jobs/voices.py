"""An account's speaker library: voices that its people have named, and which of them a job's speakers sound like.

Opt-in: without a VoiceLibrary row nothing is kept and nothing is compared. A voice comes only from the embeddings of
one of the account's own jobs, is compared only with vectors of the same model, variant and length, and is forgotten
after jobs.retention.VOICE_RETENTION. jobs.api.voices and jobs.processing call this; vectors leave neither by log, by
admin nor by the API of the library.
"""

import math
import struct
import uuid
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from django.db import transaction

from accounts import limits
from accounts.models import Account
from jobs.models import Job, Voice, VoiceLibrary, voice_expiry
from jobs.pipeline.matching import best_pairs, similarity
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)

# From this cosine on two vectors count as the same person's. By `make bench-diarize`, one person in two recordings has
# 0.82 or more (4 pairs), two people in two recordings 0.59 or less, the two of a real call 0.64. It is the model's own.
SAME_VOICE_SIMILARITY = 0.7
SIMILARITY_DECIMALS = 3
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Embeddings:
    """What a result says of its speakers' voices. `model` names the variant too: what vectors must share."""

    model: str
    dimension: int
    vectors: dict[str, tuple[float, ...]]


def library_of(account: Account) -> dict[str, Any]:
    """Whether the account has opted in, and how many voices it keeps."""
    enabled = VoiceLibrary.objects.filter(account=account).exists()
    return {"enabled": enabled, "voices": Voice.objects.owned_by(account).count()}


def enable_library(*, account: Account) -> None:
    """Opts in; again changes nothing."""
    if VoiceLibrary.objects.get_or_create(account=account)[1]:
        log.info("voice_library_enabled")


@transaction.atomic
def disable_library(*, account: Account) -> int:
    """Opts out and deletes every voice; returns how many that were. Again changes nothing."""
    # Locked, so that a voice that is being added is there to be deleted, or finds the library gone.
    VoiceLibrary.objects.select_for_update().filter(account=account).first()
    deleted = forget_all(account=account)
    if VoiceLibrary.objects.filter(account=account).delete()[0]:
        log.info("voice_library_disabled")
    return deleted


@transaction.atomic
def add_voice(*, account: Account, name: str, job_id: uuid.UUID, speaker: str) -> Voice:
    """Keeps the voice of one speaker of one of the account's completed jobs under a name.

    404 for a job that is not the account's, 409 while the library is off or full, the job not completed or the speaker
    kept already, 410 for a result that is gone, 400 where the job has no vector of that speaker.
    """
    job = Job.objects.find(job_id, account)
    if job is None:
        raise TupletsError(Code.NOT_FOUND, "job_id names no job of this account. Check the id.")
    # Locked, so that two at once can't both take the last place and an opt-out leaves nothing behind.
    library = VoiceLibrary.objects.select_for_update().filter(account=account).first()
    if library is None:
        raise TupletsError(Code.VOICE_LIBRARY_OFF)
    embeddings, vector = _vector_of(job, speaker)
    if library.voices.filter(source_job=job, source_speaker=speaker).exists():
        raise TupletsError(Code.VOICE_EXISTS, f"{speaker} of this job is in the speaker library already. Rename it.")
    if Voice.objects.owned_by(account).count() >= limits.VOICES_MAX:
        raise TupletsError(Code.TOO_MANY_VOICES)
    voice = library.voices.create(
        name=name,
        model=embeddings.model,
        dimension=embeddings.dimension,
        vector=_packed(vector),
        source_job=job,
        source_speaker=speaker,
    )
    log.info("voice_added", voice_id=str(voice.pk), job_id=str(job.pk))
    return voice


def rename_voice(*, voice: Voice, name: str) -> Voice:
    voice.name = name
    voice.save(update_fields=["name"])
    return voice


def forget_voice(*, voice: Voice) -> None:
    voice_id = str(voice.pk)
    voice.delete()
    log.info("voice_forgotten", voice_id=voice_id)


def forget_all(*, account: Account) -> int:
    """Deletes every voice of the account, expired ones too; returns how many."""
    deleted, _ = Voice.objects.filter(library=account.pk).delete()
    if deleted:
        log.info("voices_forgotten", count=deleted)
    return deleted


def suggestions(job: Job, document: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Speaker label -> {voice_id, name, similarity} for each speaker of a new result that has a vector.

    None where there is nothing to compare or nobody asked: no vectors, no opt-in, or PII redaction, under which no name
    is suggested. A speaker whom no voice fits is "unknown", with the similarity of the nearest voice that was left,
    None if none was.
    """
    embeddings = None if job.pii_processing or not job.speaker_embeddings else embeddings_of(document)
    if embeddings is None or not VoiceLibrary.objects.filter(account=job.account_id).exists():
        return None
    comparable = Voice.objects.owned_by(job.account).filter(model=embeddings.model, dimension=embeddings.dimension)
    voices = list(comparable.order_by("created_at", "pk"))
    known = [_unpacked(voice) for voice in voices]
    scores = {
        speaker: [round(similarity(vector, other), SIMILARITY_DECIMALS) for other in known]
        for speaker, vector in embeddings.vectors.items()
    }
    close = [[score if score >= SAME_VOICE_SIMILARITY else 0.0 for score in row] for row in scores.values()]
    pairs = best_pairs(close)
    left = set(range(len(voices))) - set(pairs.values())
    found: dict[str, dict[str, Any]] = {}
    for number, (speaker, row) in enumerate(scores.items()):
        if number in pairs:
            voice = voices[pairs[number]]
            found[speaker] = {"voice_id": str(voice.pk), "name": voice.name, "similarity": row[pairs[number]]}
        else:
            nearest = max((row[column] for column in left), default=None)
            found[speaker] = {"voice_id": None, "name": UNKNOWN, "similarity": nearest}
    return found


def note_recognised(found: dict[str, dict[str, Any]]) -> None:
    """A voice that was recognised is kept for another full period."""
    voice_ids = [suggestion["voice_id"] for suggestion in found.values() if suggestion["voice_id"]]
    if voice_ids:
        Voice.objects.filter(pk__in=voice_ids).update(expires_at=voice_expiry())


def embeddings_of(document: dict[str, Any]) -> Embeddings | None:
    """The voice vectors that a result holds, without any that can't be compared; None where there are none at all."""
    found = (document.get("diarization") or {}).get("speaker_embeddings")
    if not found:
        return None
    variant = found.get("variant")
    model = f"{found['model']}#{variant}" if variant else found["model"]
    dimension = found["dimension"]
    vectors = {
        speaker: tuple(vector)
        for speaker, vector in found["vectors"].items()
        if len(vector) == dimension and any(vector) and all(map(math.isfinite, vector))
    }
    return Embeddings(model, dimension, vectors) if vectors else None


def _vector_of(job: Job, speaker: str) -> tuple[Embeddings, tuple[float, ...]]:
    if job.status != Job.Status.COMPLETED:
        raise TupletsError(
            Code.JOB_NOT_COMPLETED, "The job is not completed, so it has no voices. Wait for it to complete."
        )
    if job.is_expired:
        raise TupletsError(Code.RESULT_EXPIRED)
    if not job.speaker_embeddings:
        raise TupletsError(
            Code.INVALID_FIELD,
            "job_id names a job without speaker embeddings. Submit the recording with transcription_model=premium, "
            "diarization=true and speaker_embeddings=true.",
            field="job_id",
        )
    embeddings = embeddings_of(orjson.loads(bytes(job.result.document)))
    if embeddings is None or speaker not in embeddings.vectors:
        speakers = ", ".join(embeddings.vectors) if embeddings else "none, because nobody spoke long enough"
        raise TupletsError(
            Code.INVALID_FIELD,
            f"speaker '{speaker}' has no voice vector in this job. Speakers with one: {speakers}.",
            field="speaker",
        )
    return embeddings, embeddings.vectors[speaker]


def _packed(vector: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def _unpacked(voice: Voice) -> tuple[float, ...]:
    return struct.unpack(f"<{voice.dimension}f", voice.vector)
