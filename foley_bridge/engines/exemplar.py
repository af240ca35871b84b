"""Listening to an example: where its actions start, what each sounds like, and whether it is hits or a continuous sound.

The Onset Transfer baseline of Conditional Foley (Du et al., CVPR 2023, section 4.2) cuts its example at librosa's onsets, in
frames of 23 ms, and pastes. Two things make that audible: an onset is only as exact as the frame, and a cut ignores the
natural tail. Here onsets are found in two steps. The coarse step is a spectral flux over octave-like bands in which a band
only counts as rising when it exceeds its own loudest moment of the last 60 ms, so that the beating of a ringing plate, which
merely returns to where it was, does not look like a new attack (the maximum filter of Böck and Widmer's SuperFlux, DAFx 2013,
turned from frequency to time). The fine step places each onset on the sample at which the attack leaves what was there before.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import grey_closing, maximum_filter1d, uniform_filter1d

from foley_bridge.errors import EngineError

MAX_EXAMPLE_S = 600.0
"""No more than this much of an example is listened to (from its start)."""
MIN_EXAMPLE_S = 0.01
SILENCE_DBFS = -80.0
"""An example whose highest sample stays below this, once its DC offset is taken off, counts as silent."""
GROUP_MS = 130.0
"""Onsets closer than this belong to one action: the heel and the toe of a step, the bounce of a latch."""

MAX_HIT_S = 15.0
"""A hit's tail is followed no longer than this."""

_HOP_MS = 2.0
_WINDOW_MS = 10.0
_HOLD_MS = 60.0
_BANDS = 12
_FLUX_DB, _FLUX_IN_NOISE_DB = 5.0, 2.8
_PRE_ROLL_MS = 12.0
_TAIL_RANGE_DB = 60.0
_SHORTEST_TEXTURE_S = 0.88


@dataclass(frozen=True)
class Hit:
    """One action cut from an example, by sample numbers into the example's samples.

    Attributes:
        start, end: first sample, and one past the last, of the cut: a little of what is heard before the attack, and the
            natural tail.
        onset: the sample at which the attack begins; ``start <= onset < end``.
        fade_in, fade_out: samples of fade that keep the cut's edges from clicking; the fade-in ends before the onset.
        peak_dbfs: highest sample of the cut.
        level_dbfs: RMS of the 150 ms after the onset, the loudest channel.
        brightness_hz: spectral centroid of the same 150 ms.
    """

    start: int
    onset: int
    end: int
    fade_in: int
    fade_out: int
    peak_dbfs: float
    level_dbfs: float
    brightness_hz: float


@dataclass(frozen=True)
class Exemplar:
    """An example, listened to.

    Attributes:
        name: what errors and notes call it.
        samples: float32 (n, channels), full scale 1.0, DC offset taken off.
        sample_rate: Hz.
        kind: "hits" when it consists of separate actions, "texture" when it goes on.
        hits: in time order; at least one, also for a texture (where it begins to sound).
        steady: first sample, and one past the last, of the part whose level is most even: what a texture is made from.
        evenness_db: standard deviation of the 50 ms level inside ``steady``.
        notes: what a person should know, one sentence each.
    """

    name: str
    samples: np.ndarray
    sample_rate: int
    kind: str
    hits: tuple[Hit, ...]
    steady: tuple[int, int]
    evenness_db: float
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the samples."""
        return hashlib.sha256(np.ascontiguousarray(self.samples).data).hexdigest()


def analyse(samples: np.ndarray, sample_rate: int, *, name: str = "the example") -> Exemplar:
    """Find the actions in an example and decide what it is.

    Args:
        samples: float (n, channels) or (n,), full scale 1.0. At most ``MAX_EXAMPLE_S`` are used.
        sample_rate: Hz, 4000 or more.
        name: what errors call it.

    Raises:
        EngineError: empty, shorter than ``MIN_EXAMPLE_S``, silent, or not finite throughout.
    """
    sound = np.asarray(samples, dtype=np.float32)
    sound = sound[:, None] if sound.ndim == 1 else sound
    if sound.ndim != 2 or sound.shape[1] == 0 or sound.shape[0] == 0:
        raise EngineError(f"{name} has no sound in it", "choose another example with like=")
    notes: list[str] = []
    limit = int(MAX_EXAMPLE_S * sample_rate)
    if len(sound) > limit:
        notes.append(f"only the first {MAX_EXAMPLE_S / 60:g} minutes of {name} were listened to")
        sound = sound[:limit]
    if len(sound) < MIN_EXAMPLE_S * sample_rate:
        raise EngineError(
            f"{name} is only {1000 * len(sound) / sample_rate:.1f} ms long", "an example needs at least 10 ms of sound"
        )
    if not np.isfinite(sound).all():
        raise EngineError(f"{name} holds samples that are not numbers", "export it again from the program that made it")
    sound = sound - sound.mean(axis=0, dtype=np.float64).astype(np.float32)
    if float(np.abs(sound).max()) < 10 ** (SILENCE_DBFS / 20):
        raise EngineError(f"{name} is silent", "choose an example that can be heard, with like=")

    level = _Level(sound, sample_rate)
    onsets = _refined(sound, sample_rate, _coarse_onsets(sound, sample_rate, level))
    steady, evenness = _steady_part(level, len(sound))
    hits = _cut(sound, sample_rate, onsets, level)
    kind = _kind(level, hits)
    return Exemplar(name, sound, sample_rate, kind, hits, steady, evenness, tuple(notes))


class _Level:
    """The short-time level of an example: ``db`` float64 (m,), RMS over 20 ms every 5 ms, loudest channel, dBFS."""

    def __init__(self, sound: np.ndarray, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.hop = max(1, round(0.005 * sample_rate))
        whole = -(-len(sound) // self.hop)
        energy = np.zeros(whole)
        for channel in range(sound.shape[1]):
            square = np.zeros(whole * self.hop, np.float32)
            np.square(sound[:, channel], out=square[: len(sound)])
            energy = np.maximum(energy, square.reshape(whole, self.hop).mean(axis=1, dtype=np.float64))
        self.db = _db(uniform_filter1d(energy, 4, mode="nearest"))
        self.slow_db = _db(uniform_filter1d(energy, 10, mode="nearest"))

    def floor_db(self) -> float:
        """The level of what is there when nothing happens: the 10th percentile."""
        return float(np.percentile(self.db, 10))

    def frame(self, sample: int) -> int:
        return min(sample // self.hop, len(self.db) - 1)


def _db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-12))


# ---------------------------------------------------------------------------------------------------------------- onsets


def _coarse_onsets(sound: np.ndarray, sample_rate: int, level: _Level) -> list[int]:
    """Sample numbers, good to a few ms, at which something new begins. Never empty."""
    hop = max(1, round(_HOP_MS / 1000 * sample_rate))
    bands = np.concatenate(list(_band_power(sound, sample_rate, hop)))  # (frames, bands)
    total = bands.sum(axis=1)
    # A band's floor: what is there when nothing happens, and never less than 50 dB under the loudest moment, so that dither
    # and the far end of a tail cannot rise.
    floor = np.maximum(np.percentile(bands, 20, axis=0), total.max() * 1e-5)
    level_db = np.concatenate([_db(bands + floor), _db(total + floor.sum())[:, None]], axis=1)
    hold, lag = round(_HOLD_MS / _HOP_MS), round(_WINDOW_MS / _HOP_MS)
    padded = np.concatenate([np.repeat(_db(np.append(floor, floor.sum()))[None], hold + lag, axis=0), level_db])
    loudest_before = maximum_filter1d(padded, hold, axis=0, origin=(hold - 1) // 2)[hold : hold + len(level_db)]
    rise = np.clip(level_db - loudest_before, 0, 24)
    flux = 0.5 * rise[:, :-1].mean(axis=1) + 0.5 * rise[:, -1]
    reach = round(25 / _HOP_MS)
    # Noise hides the foot of an attack, and just as well whatever else might look like one. A sound of a second or two has no
    # stretch by which to tell noise from what belongs to it.
    noisy = np.clip((level.floor_db() - level.db.max() + 35) / 20, 0, 1) * np.clip(len(sound) / sample_rate - 1, 0, 1)
    needed = np.full(len(flux), _FLUX_DB + noisy * (_FLUX_IN_NOISE_DB - _FLUX_DB))
    needed[: 2 * lag] = _FLUX_DB  # where the file begins, its noise does
    peaks = np.flatnonzero((flux >= maximum_filter1d(flux, 2 * reach + 1, mode="constant")) & (flux >= needed))
    sharp = [int(frame) * hop for frame in peaks]
    return sorted(sharp + _soft_starts(level, sharp))


def _soft_starts(level: _Level, sharp: list[int]) -> list[int]:
    """Where sound begins that has no attack in it at all: cloth, a whoosh, a rub."""
    top = float(level.db.max())
    threshold = max(top - 30, level.floor_db() + 10)
    if threshold > top - 12:  # nothing stands out: a continuous sound, which begins once
        return [] if sharp else [int(np.argmax(level.db > top - 20)) * level.hop]
    loud = level.db > threshold
    loud = maximum_filter1d(loud.astype(np.int8), 13)  # gaps under 60 ms do not part a sound
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]])))
    with_attack = {int(np.searchsorted(edges, sample // level.hop, side="right")) for sample in sharp}
    return [
        int(np.argmax(level.db[first:last] > level.db[first:last].max() - 20) + first) * level.hop
        for i, (first, last) in enumerate(zip(edges[::2], edges[1::2], strict=True))
        if 2 * i + 1 not in with_attack and last - first > 18 and level.db[first:last].max() > threshold + 6
    ]


def _band_power(sound: np.ndarray, sample_rate: int, hop: int) -> Iterator[np.ndarray]:
    """Power in octave-like bands, channels added: float64 (frames, bands) in chunks; frame i is centred on sample i * hop."""
    size = max(32, round(_WINDOW_MS / 1000 * sample_rate))
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = np.geomspace(100, min(16000, sample_rate / 2), _BANDS)
    band = np.searchsorted(edges, frequency)
    band = np.minimum(band, _BANDS - 1)
    gather = (band[:, None] == np.arange(_BANDS)[None]).astype(np.float64)
    frames = -(-len(sound) // hop)
    padded_before = size // 2
    chunk = max(1, 4_000_000 // size)
    for first in range(0, frames, chunk):
        last = min(first + chunk, frames)
        begin, finish = first * hop - padded_before, (last - 1) * hop - padded_before + size
        piece = np.zeros((finish - begin, sound.shape[1]), np.float32)
        lo, hi = max(begin, 0), min(finish, len(sound))
        piece[lo - begin : hi - begin] = sound[lo:hi]
        power = np.zeros((last - first, len(frequency)))
        for channel in range(sound.shape[1]):
            shown = np.lib.stride_tricks.sliding_window_view(piece[:, channel], size)[::hop]
            power += np.abs(np.fft.rfft(shown * window, axis=1)) ** 2
        yield power @ gather / (size * size / 8)


def _refined(sound: np.ndarray, sample_rate: int, coarse: list[int]) -> list[tuple[int, int]]:
    """Coarse onsets grouped into actions and placed exactly: (where the first of the group begins, where its attack begins)."""
    group = round(GROUP_MS / 1000 * sample_rate)
    exact = [(_attack_start(sound, sample_rate, sample), sample) for sample in coarse]
    strength = [_peak_near(sound, sample_rate, start) for start, _ in exact]
    actions: list[tuple[int, int]] = []
    loudest: list[float] = []
    for (start, _), peak in zip(exact, strength, strict=True):
        if actions and start - actions[-1][0] < group:
            # The eye meets the strike, not the scuff before it: a much stronger second attack is where the action sounds.
            if peak > 3 * loudest[-1]:
                actions[-1], loudest[-1] = (actions[-1][0], start), peak
            continue
        actions.append((start, start))
        loudest.append(peak)
    return actions


def _peak_near(sound: np.ndarray, sample_rate: int, start: int) -> float:
    return float(np.abs(sound[start : start + round(0.05 * sample_rate)]).max(initial=0))


def _attack_start(sound: np.ndarray, sample_rate: int, coarse: int) -> int:
    """The sample at which the attack near ``coarse`` leaves what was there before.

    The attack's rise is bracketed by its short-time peak level, then split where two stretches of signal, the one before and
    the one after, each of its own variance, explain it best (the picker of Maeda, 1985, for the arrival of seismic waves):
    exact also when what was there before is noise or the ring of the previous hit.
    """
    ms = sample_rate / 1000
    begin, finish = max(0, coarse - round(30 * ms)), min(len(sound), coarse + round(25 * ms))
    piece = sound[begin:finish].astype(np.float64)
    envelope = maximum_filter1d(np.abs(piece).max(axis=1), max(2, round(0.3 * ms)))
    first = max(0, coarse - begin - round(8 * ms))
    top = first + int(np.argmax(envelope[first:]))
    peak = envelope[top]
    before = float(envelope[: max(0, coarse - begin - round(12 * ms))].max(initial=0))
    if before > 0.3 * peak:  # hardly above what was there before: no threshold parts them, their power still does
        return begin + first + _split(piece[first : top + 1])
    threshold = max(0.05 * peak, 1.5 * before)
    below = np.flatnonzero(envelope[: top + 1] < threshold)
    crossing = int(below[-1]) + 1 if len(below) else 0
    # Back over short dips: the attack began where the level stayed below the threshold for 2 ms.
    quiet = round(2 * ms)
    while crossing > quiet and len(earlier := np.flatnonzero(envelope[crossing - quiet : crossing] >= threshold)):
        crossing += int(earlier[0]) - quiet
    if crossing == 0:
        return begin
    lo, hi = (
        max(0, crossing - round(6 * ms)),
        min(len(piece), max(crossing + round(1.5 * ms), min(top, crossing + round(4 * ms))) + 1),
    )
    return begin + lo + _split(piece[lo:hi])


def _split(piece: np.ndarray) -> int:
    """Where (n, channels) splits best into two stretches of constant variance: Akaike's criterion, n log v1 + m log v2."""
    power = (piece**2).sum(axis=1)
    n = len(power)
    if n < 8:
        return 0
    before = np.cumsum(power)
    k = np.arange(2, n - 2)
    floor = power.max() * 1e-5 + 1e-20  # 50 dB down: what a resampler or a lossy codec smears before an attack is no attack
    left = before[k - 1] / k + floor
    right = (before[-1] - before[k - 1]) / (n - k) + floor
    return int(k[np.argmin(k * np.log(left) + (n - k) * np.log(right))])


# ---------------------------------------------------------------------------------------------------------------- cutting


def _cut(sound: np.ndarray, sample_rate: int, actions: list[tuple[int, int]], level: _Level) -> tuple[Hit, ...]:
    ms = sample_rate / 1000
    hits: list[Hit] = []
    for i, (first, onset) in enumerate(actions):
        following = actions[i + 1][0] if i + 1 < len(actions) else len(sound)
        limit = min(len(sound), onset + round(MAX_HIT_S * sample_rate))
        cut_by_next = following < limit
        limit = min(limit, following - round(2 * ms)) if cut_by_next else limit
        end = max(min(_tail_end(level, onset, limit), limit), min(onset + round(10 * ms), len(sound)))
        floor_of_start = hits[-1].end if hits else 0
        start = max(min(floor_of_start, first), first - round(_PRE_ROLL_MS * ms), 0)
        fade_in = max(0, min(round(8 * ms), (first - start) * 2 // 3))
        shortest = end - onset
        fade_out = min(round((15 if cut_by_next else 30) * ms), shortest // 3)
        peak, rms, centre = _character(sound, sample_rate, start, onset, end)
        hits.append(Hit(start, onset, end, fade_in, fade_out, peak, rms, centre))
    return tuple(hits)


def _tail_end(level: _Level, onset: int, limit: int) -> int:
    """The sample at which a hit's tail has sunk into what is there when nothing happens, or 60 dB below its loudest."""
    first, last = level.frame(onset), level.frame(limit - 1) + 1
    db = level.db[first:last]
    if not len(db):
        return limit
    top = int(np.argmax(db[: max(1, len(db))]))
    before = level.db[max(0, first - 14) : max(0, first - 4)]
    quiet = db[top] - _TAIL_RANGE_DB
    if len(before):
        quiet = max(quiet, min(float(np.median(before)), level.floor_db()) + 3)
    quiet = min(quiet, db[top] - 12)
    rest = db[top:] < quiet
    need = 10  # 50 ms
    run = np.convolve(rest, np.ones(need, int), mode="valid") == need if len(rest) >= need else np.zeros(0, bool)
    return (first + top + int(np.argmax(run)) + need // 2) * level.hop if run.any() else limit


def _character(sound: np.ndarray, sample_rate: int, start: int, onset: int, end: int) -> tuple[float, float, float]:
    """Peak dBFS of the cut, RMS dBFS (loudest channel) and spectral centroid (Hz) of the 150 ms after the onset."""
    body = sound[onset : min(end, onset + round(0.15 * sample_rate))].astype(np.float64)
    power = (np.abs(np.fft.rfft(body, axis=0)) ** 2).sum(axis=1)
    frequency = np.fft.rfftfreq(len(body), 1 / sample_rate)
    centre = float((power * frequency).sum() / max(power.sum(), 1e-20))
    peak = float(np.abs(sound[start:end]).max())
    rms = float((body**2).mean(axis=0).max())
    return 20 * float(np.log10(max(peak, 1e-6))), float(_db(np.asarray(rms))), centre


# ---------------------------------------------------------------------------------------------------------------- texture


def _steady_part(level: _Level, frames: int) -> tuple[tuple[int, int], float]:
    """The stretch with the most even level: (first sample, one past the last), and its level's standard deviation in dB."""
    db = level.slow_db
    middle = float(np.median(db[db > db.max() - 30]))
    first = last = 0
    for tolerance in (6, 9, 13):
        inside = grey_closing((np.abs(db - middle) < tolerance).astype(np.int8), 7)  # a moment's dip does not end it
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]])))
        first, last = max(zip(edges[::2], edges[1::2], strict=True), key=lambda run: (run[1] - run[0], -run[0]))
        if last - first >= 300:  # 1.5 s
            break
    spread = float(np.std(db[first:last]))
    return (int(first) * level.hop, min(int(last) * level.hop, frames)), spread


def _kind(level: _Level, hits: tuple[Hit, ...]) -> str:
    """A texture is a sound that, after its onsets, goes on instead of dying away, for most of the time that it is heard."""
    heard = level.slow_db > level.slow_db.max() - 30
    edges = [0, *(level.frame(hit.onset) for hit in hits if _is_sharp(level.db, level.frame(hit.onset))), len(heard)]
    going_on = sum(int(heard[a:b].sum()) for a, b in pairwise(edges) if _goes_on(level.slow_db[a:b], heard[a:b]))
    return "texture" if going_on > max(0.6 * heard.sum(), _SHORTEST_TEXTURE_S / 0.005) else "hits"


def _is_sharp(db: np.ndarray, frame: int) -> bool:
    """Whether the level comes within 3 dB of what follows in 50 ms: struck rather than stroked."""
    following = db[frame : frame + 40]
    return bool(np.argmax(following > following.max() - 3) < 10)


def _goes_on(db: np.ndarray, heard: np.ndarray) -> bool:
    """Whether the level (dB, every 5 ms) between two onsets holds, rather than dies away or stops, for 0.45 s or longer."""
    if len(db) < 90 or heard.mean() < 0.5:
        return False
    third = len(db) // 3
    fall = float(np.percentile(db[:third], 95) - np.percentile(db[-third:], 75))
    time = np.arange(len(db))
    straight = float(np.corrcoef(time, db)[0, 1]) if db.std() > 0.01 else 0.0
    rings_down = straight < -0.85 and fall > 3 and len(db) < 800
    return (fall < 8 or (len(db) > 1600 and heard.mean() > 0.9)) and not rings_down
