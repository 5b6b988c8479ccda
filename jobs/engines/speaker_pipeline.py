"""pyannote's SpeakerDiarization, made for hours of sound: one embedding pass, memory that hardly grows, cancellable.

The published pipeline, its models and its clustering; what differs is how they are fed. Sound comes in blocks from
`Audio.read`. The embedding's trunk runs once over each stretch of speech, where the published loop runs it for every
speaker of every overlapping chunk, and its frames are pooled for each (chunk, speaker) as soon as the chunk is whole.
Heavy: only `diarizer_pyannote` imports this, when it loads.
"""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import VBxClustering
from pyannote.core import SlidingWindow, SlidingWindowFeature
from torch.nn.utils.fusion import fuse_conv_bn_eval

from jobs.engines import byte_trunk, shared_sincnet
from jobs.engines.lanes import Lanes
from jobs.engines.short_floats import short_floats
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import SAMPLE_RATE, Audio, SpeakerBounds

# Shares of the whole cost, as measured on a CPU.
SEGMENTATION_SHARE, EMBEDDING_SHARE = 0.4, 0.57
# Chunks in one call: what they share is worth it, and a cancelled job waits for no more than this.
CHUNKS_A_CALL = 16
# One frame of the embedding's trunk: eight filter bank frames of 10 ms, the last of them 25 ms long.
FRAME_SAMPLES = 8 * SAMPLE_RATE // 100
FRAMES_A_SECOND = SAMPLE_RATE / FRAME_SAMPLES
FBANK_TAIL_SAMPLES = 240
BLOCK_FRAMES = 375  # 30 s
# A frame sees 1.12 s to each side; what lies further only takes part in the filter banks' mean.
MARGIN_FRAMES = 15
# Pauses up to this long are read through: a new block costs its margins, and a short one has a mean of its own.
PAUSE_FRAMES = 100
SHORTEST_FRAMES = 125
# For VBx every embedding is evidence: with more of the same, stray sounds become speakers (a noisy call of two people,
# repeated for an hour, six). Half an hour gives about this many, which is what its settings were made for; of more,
# evenly spread ones find the speakers, and all are then assigned to them. AHC takes memory with the square of it too.
MOST_CLUSTERED = 2000
# Chunks begin after this share of a chunk, where the published settings say 0.1: half the work of segmentation, and
# turns are found as well. VBx has as much evidence as its settings were made for when each embedding counts twice: with
# half of it, two people whose voices are alike become one.
STEP = 0.2


class OnePassDiarization(SpeakerDiarization):
    """The published pipeline over an `Audio`; `find` instead of calling it. One object serves all jobs."""

    def __init__(self, lanes: Lanes, *, clustering: str, segmentation_step: float, **parts: Any) -> None:
        vbx = clustering == "VBxClustering"
        step = max(segmentation_step, STEP) if vbx else segmentation_step
        super().__init__(clustering=clustering, segmentation_step=step, **parts)
        self._lanes = lanes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._embedding.min_num_samples  # noqa: B018  found once, by trial: not while jobs wait
        if isinstance(self._embedding.model_, BaseWeSpeakerResNet):
            _fold_norms(self._embedding.model_.resnet)
        if vbx:
            weight = round(step / segmentation_step)
            self.clustering = BoundedVBx(lanes, self._plda, metric=self._embedding.metric, weight=weight)
        self._bytes: byte_trunk.ByteTrunk | None = None

    def use_bytes(self, speech: Sequence[np.ndarray]) -> None:
        """Has the embedding's trunk count in bytes if this device can, in the ranges that pieces of `speech` need."""
        model = self._embedding.model_
        if isinstance(model, BaseWeSpeakerResNet) and byte_trunk.applies_to(model.resnet, self._embedding.device):
            banks = [model.compute_fbank(torch.from_numpy(piece)[None, None]) for piece in speech]
            self._bytes = byte_trunk.ByteTrunk(model.resnet, banks)

    def find(self, audio: Audio, bounds: SpeakerBounds, on_progress: OnProgress) -> Any:
        """pyannote's DiarizeOutput. Exceptions of `on_progress` pass through."""
        return self.apply(
            {"uri": "recording", "sound": audio, "told": on_progress},
            num_speakers=bounds.exact,
            min_speakers=None if bounds.exact else bounds.least,
            max_speakers=None if bounds.exact else bounds.most,
        )

    def get_segmentations(self, file: Any, hook: Any = None) -> SlidingWindowFeature:
        """Who speaks in each frame of each chunk, up to three speakers, in the published form."""
        audio: Audio = file["sound"]
        inference = self._segmentation
        chunk, step = round(inference.duration * SAMPLE_RATE), round(inference.step * SAMPLE_RATE)
        count = max(0, math.ceil((len(audio.samples) - chunk) / step)) + 1
        batches = [range(count)[first : first + CHUNKS_A_CALL] for first in range(0, count, CHUNKS_A_CALL)]

        def scores(batch: range) -> np.ndarray:
            first, length = batch[0] * step, (len(batch) - 1) * step + chunk
            sound = _sound(audio, first, length)
            if shared_sincnet.applies_to(inference.model, step):
                classes = shared_sincnet.scores(inference.model, sound.to(inference.device), chunk, step)
                return np.asarray(inference.conversion(classes).cpu()).astype(np.int8)
            return np.asarray(inference.infer(sound.unfold(0, chunk, step)[:, None])).astype(np.int8)

        found = self._lanes.each(scores, batches, _part_of(file["told"], 0.0, SEGMENTATION_SHARE))
        window = SlidingWindow(start=0.0, duration=inference.duration, step=inference.step)
        return SlidingWindowFeature(np.concatenate(found).astype(np.float32), window)

    def get_embeddings(
        self, file: Any, binary_segmentations: SlidingWindowFeature, exclude_overlap: bool = False, hook: Any = None
    ) -> np.ndarray:
        """(chunks, speakers, dimension); speakers who are silent in a chunk have the vector of no sound at all."""
        masks = self._masks(binary_segmentations, exclude_overlap)
        offsets = [
            round(binary_segmentations.sliding_window[chunk].start * FRAMES_A_SECOND) for chunk in range(len(masks))
        ]
        window = round(binary_segmentations.sliding_window.duration * FRAMES_A_SECOND)
        needed = _needed(masks, offsets, window)
        told = _part_of(file["told"], SEGMENTATION_SHARE, EMBEDDING_SHARE)
        reader = _FrameReader(self._embedding, self._bytes, file["sound"], self._lanes, needed)
        embeddings: list[np.ndarray] = []
        done = 0
        while done < len(masks):
            # Whole blocks, one for each lane, and then every chunk that lies inside what is known.
            waiting = functools.partial(_still, told, done / len(masks))
            reader.advance(waiting)
            ready = [at for at in range(done, len(masks)) if offsets[at] + window <= reader.end]
            groups = [ready[first : first + CHUNKS_A_CALL] for first in range(0, len(ready), CHUNKS_A_CALL)]

            def pooled(group: list[int]) -> np.ndarray:
                return self._pool(reader, masks[group], [offsets[at] for at in group], window)

            embeddings += self._lanes.each(pooled, groups, waiting)
            done += len(ready)
            reader.forget(offsets[done] if done < len(masks) else reader.end)
        return np.concatenate(embeddings)

    def _masks(self, segmentations: SlidingWindowFeature, exclude_overlap: bool) -> np.ndarray:
        """(chunks, speakers, frames): where each speaks alone, or at all where that would be too little."""
        data = np.nan_to_num(segmentations.data, nan=0.0).astype(np.float32)
        if exclude_overlap:
            samples = segmentations.sliding_window.duration * SAMPLE_RATE
            least = math.ceil(data.shape[1] * self._embedding.min_num_samples / samples)
            alone = data * (data.sum(axis=2, keepdims=True) < 2)
            data = np.where(alone.sum(axis=1, keepdims=True) > least, alone, data)
        return data.transpose(0, 2, 1)

    def _pool(self, reader: _FrameReader, masks: np.ndarray, offsets: list[int], window: int) -> np.ndarray:
        """(chunks, speakers, dimension) of chunks whose frames are all there; only who speaks is computed."""
        model = self._embedding.model_
        with torch.inference_mode():
            silent = model.forward_embedding(
                torch.zeros(1, *reader.shape, 2, device=reader.device), weights=torch.zeros(1, 2, device=reader.device)
            )
            result = silent.cpu().numpy().repeat(masks.shape[0] * masks.shape[1], 0)
            result = result.reshape(*masks.shape[:2], -1)
            for at, offset in enumerate(offsets):
                speaking = masks[at].any(axis=1)
                if not speaking.any():
                    continue
                weights = torch.from_numpy(masks[at][speaking]).to(reader.device)[None]
                vectors = model.forward_embedding(reader.frames(offset, window)[None], weights=weights)[0]
                result[at, speaking] = vectors.cpu().numpy()
        return result

    def reconstruct(
        self, segmentations: SlidingWindowFeature, hard_clusters: np.ndarray, count: SlidingWindowFeature
    ) -> SlidingWindowFeature:
        """As published, adding chunk by chunk: the array of (chunks, frames, speakers) takes gigabytes for hours."""
        frames, speakers = count.sliding_window, max(int(hard_clusters.max()) + 1, int(count.data.max()))
        active = np.zeros((len(count.data), speakers), dtype=np.float32)
        for (chunk, scores), clusters in zip(segmentations, hard_clusters, strict=True):
            first = frames.closest_frame(chunk.start + 0.5 * frames.duration)
            there = active[first : first + len(scores)]
            for cluster in set(clusters.tolist()) - {-2}:
                there[:, cluster] += scores[: len(there), clusters == cluster].max(axis=1)
        ranks = np.argsort(np.argsort(-active, axis=1, kind="stable"), axis=1, kind="stable")
        return SlidingWindowFeature((ranks < count.data).astype(np.float32), frames)


class BoundedVBx(VBxClustering):
    """The published clustering, within what memory allows and never asking for more speakers than there can be.

    Each embedding counts `weight` times: for that many chunks of the published step.
    """

    def __init__(self, lanes: Lanes, plda: Any, metric: str, weight: int) -> None:
        super().__init__(plda, metric=metric)
        self._lanes, self._weight = lanes, weight

    # The published signature names what is passed on here as `options`.
    def __call__(  # type: ignore[override]
        self, embeddings: np.ndarray, segmentations: Any = None, **options: Any
    ) -> Any:
        file = options["file"]
        usable = min(MOST_CLUSTERED, len(super().filter_embeddings(embeddings, segmentations=segmentations)[0]))
        for name in ("num_clusters", "min_clusters", "max_clusters"):
            if options[name] is not None and math.isfinite(options[name]):
                options[name] = max(1, min(int(options[name]), usable))

        def cluster(_: None) -> Any:
            with np.errstate(all="ignore"):
                return super(BoundedVBx, self).__call__(embeddings, segmentations=segmentations, **options)

        return self._lanes.each(cluster, [None], lambda _: file["told"](SEGMENTATION_SHARE + EMBEDDING_SHARE))[0]

    def filter_embeddings(
        self, embeddings: np.ndarray, segmentations: Any = None, min_active_ratio: float = 0.2
    ) -> Any:
        found = super().filter_embeddings(embeddings, segmentations, min_active_ratio)
        count = len(found[0])
        if count < 2:  # too few to cluster, however often they count
            return found
        chosen = np.linspace(0, count, min(count * self._weight, MOST_CLUSTERED), endpoint=False).astype(int)
        return tuple(values[chosen] for values in found)


class _FrameReader:
    """The trunk's frames of a sliding stretch of the recording: computed ahead, dropped behind."""

    def __init__(
        self, embedding: Any, bytes_: byte_trunk.ByteTrunk | None, audio: Audio, lanes: Lanes, needed: np.ndarray
    ) -> None:
        self._model, self.device, self._bytes = embedding.model_, embedding.device, bytes_
        self._audio, self._lanes, self._needed = audio, lanes, needed
        self._sound_frames = max(0, (len(audio.samples) - FBANK_TAIL_SAMPLES) // FRAME_SAMPLES)
        with torch.inference_mode():
            probe = self._model.forward_frames(torch.zeros(1, 1, SAMPLE_RATE, device=self.device))
        self.shape = probe.shape[1:-1]
        self._start = self.end = 0
        self._kept = torch.zeros(*self.shape, 0, device=self.device)

    def advance(self, on_progress: Callable[[float], None]) -> None:
        """Reads on by one block for each lane; where nobody speaks there are zeros, which no mask weighs."""
        start, self.end = self.end, self.end + BLOCK_FRAMES * self._lanes.count
        ahead = torch.zeros(*self.shape, self.end - start, device=self.device)
        spans = list(_spans(self._needed[start : min(self.end, self._sound_frames)], start))
        for (first, last), frames in zip(spans, self._lanes.each(self._trunk, spans, on_progress), strict=True):
            ahead[..., first - start : last - start] = frames
        self._kept = torch.cat([self._kept, ahead], dim=-1)

    def frames(self, first: int, count: int) -> torch.Tensor:
        return self._kept[..., first - self._start : first - self._start + count]

    def forget(self, before: int) -> None:
        self._kept = self._kept[..., before - self._start :].clone()
        self._start = before

    def _trunk(self, span: tuple[int, int]) -> torch.Tensor:
        first, last = span
        extra = max(0, SHORTEST_FRAMES - (last - first)) // 2 + MARGIN_FRAMES
        begin, end = max(0, first - extra), min(self._sound_frames, last + extra)
        sound = _sound(self._audio, begin * FRAME_SAMPLES, (end - begin) * FRAME_SAMPLES + FBANK_TAIL_SAMPLES)
        with torch.inference_mode():
            frames = self._frames_of(sound.to(self.device)[None, None])[0]
        return frames[..., first - begin : last - begin].float()

    def _frames_of(self, sound: torch.Tensor) -> torch.Tensor:
        """The trunk's `forward_frames`, its layers above the filter banks in bytes or in short floats."""
        if not isinstance(self._model, BaseWeSpeakerResNet):
            frames: torch.Tensor = self._model.forward_frames(sound)
            return frames
        banks, resnet = self._model.compute_fbank(sound), cast(Any, self._model.resnet)
        if self._bytes:
            return self._bytes(banks)
        with short_floats(self.device):
            above: torch.Tensor = resnet.forward_frames(banks)
        return above


def _fold_norms(trunk: Any) -> None:
    """Batch norms into the convolutions before them, and the layout that CPUs like: the same numbers, 10 % sooner."""
    trunk.conv1, trunk.bn1 = fuse_conv_bn_eval(trunk.conv1, trunk.bn1), torch.nn.Identity()
    for block in itertools.chain(trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4):
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")):
            if hasattr(block, conv):
                setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                setattr(block, norm, torch.nn.Identity())
        if len(block.shortcut):
            block.shortcut = torch.nn.Sequential(fuse_conv_bn_eval(*block.shortcut))
    trunk.to(memory_format=torch.channels_last)


def _sound(audio: Audio, first: int, count: int) -> torch.Tensor:
    """`count` samples, followed by zeros where the recording ends."""
    samples = audio.read(first / SAMPLE_RATE, (first + count) / SAMPLE_RATE)
    return torch.from_numpy(np.pad(samples, (0, count - len(samples))))


def _needed(masks: np.ndarray, offsets: list[int], window: int) -> np.ndarray:
    """For each frame of the trunk, whether anyone speaks there in any chunk."""
    nearest = np.arange(window) * masks.shape[2] // window
    needed = np.zeros(offsets[-1] + window, dtype=bool)
    for mask, offset in zip(masks, offsets, strict=True):
        needed[offset : offset + window] |= mask.any(axis=0)[nearest]
    return needed


def _spans(needed: np.ndarray, offset: int) -> Iterator[tuple[int, int]]:
    """Stretches that hold every needed frame, read through short pauses, none longer than a block."""
    places = np.flatnonzero(needed)
    if not len(places):
        return
    for run in np.split(places, np.flatnonzero(np.diff(places) > PAUSE_FRAMES) + 1):
        first, last = int(run[0]), int(run[-1]) + 1
        parts = math.ceil((last - first) / BLOCK_FRAMES)
        edges = [first + (last - first) * part // parts for part in range(parts + 1)]
        yield from ((offset + a, offset + b) for a, b in itertools.pairwise(edges))


def _still(told: OnProgress, fraction: float, part: float) -> None:
    told(fraction)


def _part_of(on_progress: OnProgress, start: float, share: float) -> OnProgress:
    return lambda done: on_progress(start + share * done)
