"""Sounds of a library chosen for a reel by words, and laid: which, where to the sample, how evenly, and that asking for more or
fewer takes changes none of it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import soundfile
from job_materials import clicks
from test_engines_texture import flux, levels_db

from foley_bridge.conform import cut_for
from foley_bridge.engines import behaviour, pick, recommend, transfer
from foley_bridge.engines.candidate import Candidate, Proposal
from foley_bridge.engines.exemplar import Exemplar, Hit
from foley_bridge.engines.pick import GOOD, LEAST_WORDS, NEAR, Ask, Choice, length_fit
from foley_bridge.errors import EngineError, FoleyError, LibraryError
from foley_bridge.jobs.request import DEFAULTS
from foley_bridge.library import finding
from foley_bridge.library.finding import Shown, mixed
from foley_bridge.library.search import Found
from foley_bridge.library.sound import LibrarySound, sound_id
from foley_bridge.media import movie
from foley_bridge.timeline.options import Options
from foley_bridge.timeline.picture import Media, Picture, Span
from foley_bridge.timeline.regions import Region, parse_region

RATE = 48000
FPS = Fraction(24000, 1001)
BLACK = Picture((Span(Fraction(0), Fraction(600)),))


class Shelf:
    """A library to know by heart: a sound's score is the share of the words that are in its name, or what ``scores`` says."""

    def __init__(self, *sounds: LibrarySound, scores: dict[str, float] | None = None) -> None:
        self.sounds, self.scores = sounds, scores or {}

    def search(self, words: str, *, ucs: str | None = None, limit: int = 20, **conditions: object) -> list[Found]:
        asked = words.split()
        found = [
            Found(each, self.scores.get(each.name, sum(word in each.name for word in asked) / max(1, len(asked))))
            for each in self.sounds
            if ucs is None or each.cat_id == ucs
        ]
        return sorted((each for each in found if each.score or not asked), key=lambda each: -each.score)[:limit]

    def on_segments(self, space: str, ask: object, /) -> NoReturn:
        raise LibraryError("nobody has embedded it")

    def get(self, sound: str, /) -> LibrarySound:
        found = [each for each in self.sounds if each.id.startswith(sound)]
        if len(found) != 1:
            raise LibraryError(f"{sound}: {len(found)} sounds begin with it")
        return found[0]


def sound(name: str, length_s: float = 0.5, cat_id: str = "FOLYProp", **fields: object) -> LibrarySound:
    return LibrarySound(sound_id(name), (f"/nowhere/{name}.wav",), name, cat_id, cat_from="user", duration_s=length_s, **fields)  # type: ignore[arg-type]


def knocks(count: int) -> tuple[LibrarySound, ...]:
    return tuple(sound(f"door knock {letter}") for letter in "abcdefghijklmnopqrstuvwx"[:count])


def picked(asks: Sequence[Ask | None], *shelved: LibrarySound, scores: dict[str, float] | None = None) -> list[list[str]]:
    """The names that each cue gets, best first."""
    answers = recommend.pick(asks, Shelf(*shelved, scores=scores))
    assert not any(isinstance(answer, FoleyError) for answer in answers), answers
    return [[choice.sound.name for choice in answer] for answer in answers if not isinstance(answer, FoleyError)]


def knock(**changes: object) -> Ask:
    return replace(Ask("door knock", 1.0), **changes)  # type: ignore[arg-type]


# --- choosing ----------------------------------------------------------------------------------------------------------------


def test_seed_0_keeps_the_order_of_rank_and_leaves_out_what_is_far_worse() -> None:
    scores = {"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.9 * GOOD - 0.01}
    assert picked([knock()], *map(sound, "abcd"), scores=scores) == [["b", "c", "a"]]


def test_no_sound_is_proposed_twice_in_a_reel_while_others_are_near_as_good() -> None:
    sounds = knocks(24)
    scores = {each.name: 1 - NEAR * 0.9 * number / 24 for number, each in enumerate(sounds)}
    reel = picked([knock()] * 8, *sounds, scores=scores)
    assert len({names[take] for take in range(3) for names in reel}) == 24
    many = tuple(sound(f"door knock {number}") for number in range(150))
    reel = picked([knock()] * 50, *many)
    assert len({names[take] for take in range(3) for names in reel}) == 150


def test_a_sound_is_proposed_again_where_the_others_are_far_worse() -> None:
    best, *rest = sounds = knocks(4)
    scores = {best.name: 1.0} | {each.name: 0.6 for each in rest}
    reel = picked([knock()] * 3, *sounds, scores=scores)
    assert [names[0] for names in reel] == [best.name] * 3
    assert sorted({names[1] for names in reel}) == sorted(each.name for each in rest)


def test_better_nothing_than_a_sound_that_hardly_fits_the_words() -> None:
    (answer,) = recommend.pick([knock()], Shelf(*knocks(1), scores={"door knock a": LEAST_WORDS - 0.01}))
    assert isinstance(answer, LibraryError)
    assert picked([knock()], *knocks(1), scores={"door knock a": LEAST_WORDS}) == [["door knock a"]]


def test_other_regions_choose_as_before_when_one_is_not_asked_or_fails() -> None:
    sounds = knocks(5)
    plain = picked([knock(), knock()], *sounds)
    answers = recommend.pick([None, knock(), replace(knock(), words="violin"), knock()], Shelf(*sounds))
    assert answers[0] == () and isinstance(answers[2], LibraryError) and "violin" in answers[2].message
    assert [[choice.sound.name for choice in answers[k]] for k in (1, 3)] == plain  # type: ignore[union-attr]


def seen(
    asked: Ask, monkeypatch: pytest.MonkeyPatch, shelf: Shelf | None = None, **hits: tuple[float | None, float | None]
) -> dict[str, Choice]:
    """What a cue with a picture gets of sounds that a search finds so: by name, how well words and picture fit."""
    found = [
        finding.Hit(sound(name), mixed(words, picture) if words is not None else picture or 0.0, words, picture)
        for name, (words, picture) in hits.items()
    ]
    monkeypatch.setattr(pick, "find", lambda *_, **__: sorted(found, key=lambda hit: -hit.score))
    shown = Shown("5ace", np.zeros((1, 2), np.float32), float)
    (answer,) = recommend.pick([replace(asked, shown=shown)], shelf or Shelf())
    if isinstance(answer, FoleyError):
        raise answer
    return {choice.sound.name: choice for choice in answer}


def test_a_picture_makes_up_for_words_but_not_for_half_of_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*seen(knock(), monkeypatch, a=(0.25, 0.0), b=(0.24, 0.0))] == ["a"]
    assert [*seen(knock(), monkeypatch, a=(0.0, 0.59), b=(0.0, 0.57))] == ["a"]
    assert [*seen(knock(), monkeypatch, a=(1.0, 1.0), b=(0.5, 0.5), c=(0.29, 1.0), d=(0.27, 1.0))] == ["a", "c", "b"]


def test_without_words_a_picture_must_fit_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(knock(words=""), monkeypatch, a=(None, 0.4), b=(None, LEAST_WORDS), c=(None, LEAST_WORDS - 0.01))
    assert [*found] == ["a", "b"] and {(choice.words, choice.score == choice.picture) for choice in found.values()} == {
        (None, True)
    }
    with pytest.raises(LibraryError, match="nothing for this picture"):
        seen(knock(words=""), monkeypatch, a=(None, 0.1))


def test_of_a_category_none_is_left_out_for_its_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(knock(words="", ucs="FOLYProp"), monkeypatch, a=(None, 0.0), b=(None, 0.9))
    assert {name: round(choice.score, 6) for name, choice in found.items()} == {"b": 0.97, "a": 0.7}


def test_a_picture_that_nobody_knows_does_not_make_up_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(knock(), monkeypatch, a=(LEAST_WORDS, None), b=(LEAST_WORDS - 0.01, None), c=(0.1, 0.5))
    assert [*found] == ["a", "c"]


def test_of_a_large_category_what_lies_farther_than_the_nearest_is_not_taken_for_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near: dict[str, tuple[None, float]] = {f"near {number:03d}": (None, 0.3 - number / 1000) for number in range(200)}
    shelf = Shelf(*(sound(name) for name in near), sound("far"))
    found = seen(knock(words="", ucs="FOLYProp"), monkeypatch, shelf, **near)
    assert next(iter(found)) == "near 000" and "far" not in found
    near.popitem()  # all that are embedded were found: the others are not
    assert next(iter(seen(knock(words="", ucs="FOLYProp"), monkeypatch, shelf, **near))) != "near 000"


def test_seeds_shuffle_near_equals_and_nothing_else() -> None:
    sounds = knocks(6)
    scores = {each.name: 1.0 for each in sounds[:5]} | {sounds[5].name: 1 - NEAR - 0.01}
    orders = {tuple(picked([knock(seed=seed)], *sounds, scores=scores)[0]) for seed in range(40)}
    assert len(orders) > 20 and {order[-1] for order in orders} == {sounds[5].name}
    assert picked([knock(seed=7)], *sounds, scores=scores) == picked([knock(seed=7)], *sounds, scores=scores)
    more = picked([knock(seed=7)], *sounds, sound("door knock z"), scores=scores)[0]
    assert [name for name in more if name != "door knock z"] == picked([knock(seed=7)], *sounds, scores=scores)[0]


@pytest.mark.parametrize(
    ("region_s", "better", "worse"),
    [
        (0.5, sound("door knock", 0.6, "DOORKnck"), sound("door knock at a party", 240, "AMBHome")),
        (0.5, sound("door knock short", 0.6, "DOORKnck"), sound("door knock long", 20, "DOORKnck")),
        (60, sound("door knock rain", 30, "RAIN"), sound("door knock rain drop", 0.3, "RAIN")),
        (10, sound("door knock sea", 60, "WATRWave"), sound("door knock wave", 1.5, "WATRWave")),
    ],
)
def test_of_equal_words_the_length_that_fits_the_region_comes_first(
    region_s: float, better: LibrarySound, worse: LibrarySound
) -> None:
    for shelved in ((better, worse), (worse, better)):
        assert picked([knock(length_s=region_s)], *shelved)[0][0] == better.name


@pytest.mark.parametrize("behaves", ["bed", "event", "performed"])
def test_length_counts_but_never_rules_out(behaves: str) -> None:
    fits = [length_fit(length, region, behaves) for length in (0.0, 0.01, 1, 60, 1e5) for region in (0.0, 0.04, 1, 3600)]
    assert min(fits) >= 0.2 and max(fits) == 1.0


def test_stereo_is_chosen_where_stereo_is_asked() -> None:
    mono, stereo = sound("door knock a", channels=1), sound("door knock b", channels=2)
    assert picked([knock()], mono, stereo)[0][0] == mono.name
    assert picked([knock(channels="stereo")], mono, stereo)[0][0] == stereo.name


def test_pinned_sounds_come_first_in_their_order_and_are_left_to_their_region() -> None:
    sounds = knocks(6)
    a, b, c = (each.id for each in sounds[:3])
    reel = picked([knock(), knock(pin=(b[:6], a))], *sounds)
    assert reel[1][:2] == [sounds[1].name, sounds[0].name] and len(reel[1]) == 6
    assert reel[0][0] not in (sounds[1].name,) and reel[0][1] != sounds[0].name
    assert picked([replace(knock(pin=(c,)), words="")], *sounds) == [[sounds[2].name]]


def test_banned_sounds_never_come() -> None:
    sounds = knocks(3)
    assert picked([knock(ban=(sounds[0].id[:5],))], *sounds) == [[sounds[1].name, sounds[2].name]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (knock(pin=("zzzzzz",)), "pin=zzzzzz"),
        (knock(pin=(sound_id("door knock a"),), ban=(sound_id("door knock a")[:4],)), "door knock a .*pin= and by ban="),
        (knock(ban=(sound_id("door knock a"),)), "nothing for 'door knock' that is not banned"),
        (knock(words="violin", ucs="MUSCStr"), "nothing for 'violin' in ucs=MUSCStr"),
        (knock(words=""), "no words"),
    ],
)
def test_what_cannot_be_chosen_is_said(asked: Ask, said: str) -> None:
    (answer,) = recommend.pick([asked], Shelf(*knocks(1)))
    assert isinstance(answer, LibraryError)
    with pytest.raises(LibraryError, match=said):
        raise answer


def test_ucs_alone_is_enough_to_choose_by() -> None:
    sounds = (sound("one", cat_id="DOORWood"), sound("two", cat_id="DOORMetl"))
    assert picked([Ask("", 1.0, ucs="DOORMetl")], *sounds) == [["two"]]


# --- listening ---------------------------------------------------------------------------------------------------------------


def on_disk(path: Path, samples: np.ndarray, cat_id: str = "FOLYProp", rate: int = RATE, **fields: object) -> LibrarySound:
    """A sound with a file."""
    soundfile.write(path, samples, rate, subtype="PCM_24")
    length_s = len(samples) / rate
    return replace(sound(path.stem, length_s, cat_id, **fields), paths=(str(path),))


def chosen(*sounds: LibrarySound) -> list[Choice]:
    return [Choice(each, 0.8, 0.6, each.cat_id) for each in sounds]


def strike(path: Path, times_s: Sequence[float] = (0.1,), length_s: float = 0.5) -> LibrarySound:
    clicks(path, rate=RATE, times_s=times_s, length_s=length_s)
    return replace(sound(path.stem, length_s), paths=(str(path),))


def hear(*sounds: LibrarySound, takes: int = 1, length_s: float = 2.0) -> list[tuple[Choice, Exemplar]]:
    heard, notes = recommend.listen_to(chosen(*sounds), takes=takes, length_s=length_s, sample_rate=RATE)
    assert not notes
    return heard


def test_a_file_that_is_gone_or_broken_gives_way_to_the_next_and_is_named(tmp_path: Path) -> None:
    good = [strike(tmp_path / f"{name}.wav") for name in "ab"]
    (tmp_path / "broken.wav").write_bytes(b"RIFF" + bytes(100))
    broken = replace(sound("broken"), paths=(str(tmp_path / "broken.wav"),))
    silent = on_disk(tmp_path / "silent.wav", np.zeros(RATE))
    choices = chosen(sound("gone"), good[0], broken, silent, good[1])
    heard, notes = recommend.listen_to(choices, takes=2, length_s=1.0, sample_rate=RATE)
    assert [choice.sound.name for choice, _ in heard] == ["a", "b"]
    assert [note.split(" was passed over: ")[0] for note in notes] == ["gone", "broken", "silent"]
    assert "/nowhere/gone.wav" in notes[0] and "is silent" in notes[2]
    with pytest.raises(EngineError, match=r"none of the 2 sounds.*gone"):
        recommend.listen_to(chosen(sound("gone"), broken), takes=1, length_s=1.0, sample_rate=RATE)


def test_any_file_that_holds_a_sound_will_do(tmp_path: Path) -> None:
    kept = strike(tmp_path / "kept.wav")
    (_, exemplar), *_ = hear(replace(kept, paths=("/nowhere/moved.wav", *kept.paths)))
    assert exemplar.name == "kept.wav"


def test_many_files_gone_are_counted_rather_than_listed(tmp_path: Path) -> None:
    choices = chosen(*[sound(f"gone {n}") for n in range(9)], strike(tmp_path / "a.wav"))
    _, notes = recommend.listen_to(choices, takes=1, length_s=1.0, sample_rate=RATE)
    assert len(notes) == 4 and notes[-1].startswith("6 more sounds")


def test_fewer_sounds_than_takes_come_round_again(tmp_path: Path) -> None:
    heard = hear(strike(tmp_path / "a.wav"), strike(tmp_path / "b.wav"), takes=5)
    assert [choice.sound.name for choice, _ in heard] == ["a", "b", "a", "b", "a"]


def test_of_a_long_recording_the_middle_is_heard(tmp_path: Path) -> None:
    rate = 8000
    t = np.arange(400 * rate) / rate
    climbing = 0.2 * np.sin(2 * np.pi * (100 * t + t * t))  # 100 Hz and 2 Hz more every second: the pitch tells the time
    (_, exemplar), *_ = hear(on_disk(tmp_path / "long.wav", climbing, "AMBMisc", rate), length_s=5.0)
    heard_s = len(exemplar.samples) / RATE
    assert heard_s == pytest.approx(recommend.SHORTEST_HEARD_S, abs=0.1)
    spectrum = np.abs(np.fft.rfft(exemplar.samples[: 2 * RATE, 0] * np.hanning(2 * RATE)))
    assert int(np.argmax(spectrum)) / 2 == pytest.approx(100 + 2 * (200 - heard_s / 2 + 1), abs=6)


# --- laying: one-shots -------------------------------------------------------------------------------------------------------


def region(text: str, start: Fraction = Fraction(0), end: Fraction = Fraction(4), hits: Sequence[float] = ()) -> Region:
    marked = parse_region(f"{float(start)}-{float(end)} {text}", FPS, Fraction(600))
    return replace(marked, start=start, end=end, hits=tuple(Fraction(hit) for hit in hits))


def lay(
    asked: Region, choices: Sequence[tuple[Choice, Exemplar]], picture: Picture = BLACK, options: Options = DEFAULTS
) -> Proposal:
    settled = asked.options.over(options)
    cut = cut_for(asked.start, asked.end, asked.rate, handles=settled.handles or Fraction(0), tail=settled.tail or Fraction(0))
    return recommend.propose(asked, settled, transfer.look(asked, settled, picture), choices, cut=cut)


def rendered(take: Candidate) -> np.ndarray:
    return np.concatenate(list(take.sound.blocks()))


def begins(wave: np.ndarray) -> list[int]:
    """The samples at which struck sounds (of ``clicks``, which start at their loudest) begin after 40 ms under a tenth."""
    loud = np.abs(wave).max(axis=1)
    sounding = np.flatnonzero(loud > 0.1 * loud.max())
    return [int(at) for at in sounding[np.diff(sounding, prepend=-RATE) > RATE // 25]]


START, END = 100 / FPS, 196 / FPS


def test_a_one_shot_lies_on_the_one_action_to_the_sample_as_it_was_recorded(tmp_path: Path) -> None:
    heard = hear(strike(tmp_path / "hit.wav"), takes=3)
    at = float(START) + 1.2345
    takes = lay(region("hit", START, END, [at]), heard).candidates
    for take in takes:
        assert abs(begins(rendered(take))[0] - (round(Fraction(at) * RATE) - round(START * RATE))) <= 1
        assert take.onsets_s == (at,) and take.kind == "hits"
    recorded, _ = soundfile.read(tmp_path / "hit.wav")
    first = begins(rendered(takes[0]))[0]
    part = rendered(takes[0])[first : first + RATE // 10, 0]
    gain = float(part @ recorded[RATE // 10 :][: len(part)]) / float((recorded[RATE // 10 :][: len(part)] ** 2).sum())
    assert 0.8 < gain <= 1 and np.allclose(part, gain * recorded[RATE // 10 :][: len(part)], atol=2e-3)
    assert len({hashlib.sha256(rendered(take).tobytes()).hexdigest() for take in takes}) == 3


def test_one_action_gets_one_of_the_performances_that_a_file_holds(tmp_path: Path) -> None:
    slams = strike(tmp_path / "slams.wav", (0.2, 0.35, 2.0, 2.15, 4.0, 4.15), 6.0)
    takes = lay(region("slam", hits=[0.5]), hear(slams, takes=8)).candidates
    for take in takes:
        assert [at / RATE for at in begins(rendered(take))] == pytest.approx([0.5, 0.65], abs=0.004)  # varied by 0.3 semitones


@pytest.mark.parametrize("times", [[0.5, 1.1, 1.437, 3.0], [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 3.9]])
def test_a_one_shot_is_retimed_over_several_actions_to_the_sample(tmp_path: Path, times: list[float]) -> None:
    heard = hear(strike(tmp_path / "hit.wav"), takes=2)
    hits = [float(START) + at for at in times]
    for take in lay(region("hit", START, END, hits), heard).candidates:
        placed = begins(rendered(take))
        assert len(placed) == len(times)
        assert max(abs(a - (round(Fraction(b) * RATE) - round(START * RATE))) for a, b in zip(placed, hits, strict=True)) <= 1
        assert take.onsets_s == tuple(hits)


def test_without_retiming_the_recording_is_laid_as_it_is_from_the_first_action_on(tmp_path: Path) -> None:
    slams = strike(tmp_path / "slams.wav", (0.2, 1.5, 3.0), 3.5)
    takes = lay(region("slam retime=no", hits=[0.5, 0.9, 1.0]), hear(slams, takes=2)).candidates
    for take in takes:
        assert [at / RATE for at in begins(rendered(take))] == pytest.approx([0.5, 1.8, 3.3], abs=0.0005)
        assert take.onsets_s == (0.5,)


@pytest.mark.parametrize("start", [Fraction(0), START, 7919 / FPS, Fraction(1, 3)])
def test_without_reliable_onsets_a_one_shot_starts_with_its_region_and_a_note_says_so(tmp_path: Path, start: Fraction) -> None:
    """7919 / FPS is such a start that, as a float, lies before itself."""
    heard = hear(strike(tmp_path / "hit.wav"))
    asked = region("hit", start, start + 2)
    answer = lay(asked, heard, Picture((Span(start, start + 2),)))
    first = round(start * RATE) - round(cut_for(start, start + 2, FPS).file_start * RATE)
    assert not answer.detection.reliable
    assert begins(rendered(answer.candidates[0])) == pytest.approx([first], abs=1)
    assert answer.notes == (f"no reliable onsets: {answer.detection.reason}; one-shots start with the region",)
    assert answer.candidates[0].score == pytest.approx(0.6 * recommend.UNSEEN)


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


# --- laying: beds and what is performed --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    """8 s in which a patch of noise trembles for two seconds and rests for two, in turn."""
    rng = np.random.default_rng(2)
    back = np.full((72, 96, 3), 90, np.uint8)
    frames = []
    for number in range(192):
        image = back.copy()
        if number // 48 % 2 == 0:
            patch = rng.integers(0, 255, (48, 64, 1), np.uint8)
        image[12:60, 16:80] = patch
        frames.append(image)
    path = tmp_path_factory.mktemp("moving") / "moving.mp4"
    movie.write_movie(path, frames, Fraction(24))
    return Picture((Span(Fraction(0), Fraction(8), Media("movie", "moving", str(path))),))


def test_a_cry_is_heard_once_at_the_first_action_seen_and_at_every_hit_tapped(tmp_path: Path, moving: Picture) -> None:
    heard = hear(on_disk(tmp_path / "scream.wav", noise(1.0), "VOXScrm"), takes=3)
    assert heard[0][1].kind == "texture"

    def sounding(answer: Proposal) -> np.ndarray:
        wave = rendered(answer.candidates[0])[: 8 * RATE, 0]
        return np.abs(wave).reshape(-1, RATE // 100).max(axis=1) > 0.02  # hundredths of a second

    asked = region("scream", Fraction(0), Fraction(8))
    answer = lay(asked, heard, moving)
    first = round(answer.detection.onsets[0].time_s * 100)
    assert len(answer.detection.onsets) > 1 and len(set(digests(answer))) == 3
    assert sounding(answer)[first + 2 : first + 98].all() and not sounding(answer)[first + 102 :].any()
    tapped = sounding(lay(replace(asked, hits=(Fraction(1), Fraction(3))), heard, moving))
    assert tapped[102:198].all() and tapped[302:398].all() and tapped.sum() == pytest.approx(200, abs=8)


def test_cloth_follows_the_motion_and_rain_does_not(tmp_path: Path, moving: Picture) -> None:
    cloth = on_disk(tmp_path / "cloth.wav", noise(6), "CLOTHMvmt")
    rain = on_disk(tmp_path / "rain.wav", noise(6), "RAIN")
    asked = region("sound sensitivity=0", Fraction(0), Fraction(8))
    answer = lay(asked, hear(cloth, rain, takes=2, length_s=8.0), moving)
    following, even = (levels_db(rendered(take), RATE, 100) for take in answer.candidates)
    assert not answer.detection.reliable
    at = np.arange(len(even)) * 0.1
    playing, resting = (at % 4 > 0.3) & (at % 4 < 1.8), (at % 4 > 2.6) & (at % 4 < 3.8)
    assert following[playing].mean() > following[resting].mean() + 12
    assert np.ptp(even) < 1.5 and answer.candidates[1].onsets_s == ()
    assert [take.kind for take in answer.candidates] == ["texture", "texture"]
    assert answer.notes == (f"no reliable onsets: {answer.detection.reason}; what goes on follows the motion",)
    still = lay(replace(asked, options=replace(asked.options, retime=False)), hear(cloth, length_s=8.0), moving)
    assert np.ptp(levels_db(rendered(still.candidates[0]), RATE, 100)) < 1.5


@pytest.mark.parametrize(
    ("cat_id", "seconds", "hits", "behaves"),
    [
        ("WATRFlow", 1.0, 1, "event"),  # a drop
        ("WEATHER", 10.0, 1, "performed"),  # no such category
        ("CLOCKTick", 5.0, 8, "bed"),
        ("CLOCKTick", 2.0, 8, "event"),
        ("STORM", 12.0, 2, "event"),
        ("AMBUrbn", 30.0, 2, "bed"),
        ("FEETHmn", 30.0, 40, "performed"),
        ("ANMLDog", 30.0, 40, "event"),
    ],
)
def test_hits_are_a_bed_only_where_they_are_many_or_go_on_for_long(
    cat_id: str, seconds: float, hits: int, behaves: str
) -> None:
    wave = np.zeros((round(seconds * RATE), 1), np.float32)
    hit = Hit(0, 0, 100, 0, 10, -6.0, -12.0, 1000.0)
    assert behaviour.heard(cat_id, Exemplar("x", wave, RATE, "hits", (hit,) * hits, (0, 100), 9.0)) == behaves


@pytest.mark.parametrize(
    ("cat_id", "seconds", "behaves"),
    [
        ("RAIN", 1.0, "bed"),
        ("METLImpt", 20.0, "bed"),
        ("METLImpt", 4.0, "performed"),
        ("CLOTHMvmt", 30.0, "performed"),
        ("VOXScrm", 3.0, "event"),
        ("ANMLDog", 30.0, "bed"),
        ("", 30.0, "bed"),
    ],
)
def test_what_goes_on_for_long_is_a_bed_unless_it_is_performed(cat_id: str, seconds: float, behaves: str) -> None:
    wave = np.zeros((round(seconds * RATE), 1), np.float32)
    assert behaviour.heard(cat_id, Exemplar("x", wave, RATE, "texture", (), (0, 100), 1.0)) == behaves


@pytest.mark.parametrize(
    ("cat_id", "cat_from", "words", "even"),
    [
        ("METLImpt", "guess", "heavy rain", True),  # what the region says counts for more than a guess
        ("METLFric", "file", "heavy rain", False),
        ("FOLYProp", "guess", "cloth rustle", False),
        ("", "guess", "qwertz", False),
        ("MACHHvac", "guess", "qwertz", True),
        ("WATRPour", "file", "water", False),
        ("WATRFlow", "file", "water", True),
    ],
)
def test_whether_a_sound_follows_is_told_by_its_category(
    tmp_path: Path, moving: Picture, cat_id: str, cat_from: str, words: str, even: bool
) -> None:
    heard = replace(on_disk(tmp_path / "a.wav", noise(5), cat_id), cat_from=cat_from)
    shelf = Shelf(heard, scores={"a": 1.0})
    asked = region(words, Fraction(0), Fraction(8))
    (choices,) = recommend.pick([recommend.ask(asked, asked.options.over(DEFAULTS))], shelf)
    assert not isinstance(choices, FoleyError)
    exemplars, _ = recommend.listen_to(choices, takes=1, length_s=8.0, sample_rate=RATE)
    level = levels_db(rendered(lay(asked, exemplars, moving).candidates[0]), RATE, 100)
    assert (np.ptp(level) < 2) == even


def test_a_bed_longer_than_its_region_is_a_stretch_of_it_from_a_place_that_the_seed_tells(tmp_path: Path) -> None:
    faded = noise(12) * np.clip(np.minimum(np.arange(12 * RATE), np.arange(12 * RATE)[::-1]) / (2 * RATE), 0, 1)
    recorded = on_disk(tmp_path / "room.wav", faded, "AMBRoom")
    places = []
    for seed in range(6):
        heard = hear(recorded, length_s=4.0)
        take = lay(region(f"room seed={seed}"), heard).candidates[0]
        wave = rendered(take)[:, 0]
        source = heard[0][1].samples[:, 0]
        (place,) = np.flatnonzero(source[: len(source) - len(wave) + 1] == wave[0])
        assert np.array_equal(wave, source[place : place + len(wave)])  # not altered
        assert take.score == pytest.approx(0.6)
        places.append(place / RATE)
    assert len(set(places)) == 6 and min(places) > 0.4 and max(places) + 4 < 11.6  # the fades are not used


@pytest.mark.parametrize("seconds", [1.0, 5.0])
def test_a_bed_shorter_than_its_region_is_repeated_without_a_seam(tmp_path: Path, seconds: float) -> None:
    """30 s of it beside 30 s of the same process that never was cut: level, highest rise of the spectrum, highest step."""
    recorded = on_disk(tmp_path / "air.wav", noise(seconds), "AMBAir")
    heard = hear(recorded, length_s=30.0)
    take = lay(region("air", Fraction(0), Fraction(30)), heard).candidates[0]
    looped, uncut = rendered(take), noise(30, seed=5)[:, None]
    assert np.abs(levels_db(looped, RATE, 50) - np.median(levels_db(uncut, RATE, 50))).max() < 2
    assert flux(looped, RATE).max() <= 1.25 * flux(uncut, RATE).max()
    assert np.abs(np.diff(looped[:, 0])).max() <= 1.3 * np.abs(np.diff(uncut[:, 0])).max()
    assert 0.5 * 0.6 < take.score < 0.6


def test_a_bed_goes_on_under_hits_that_were_tapped_for_something_else(tmp_path: Path) -> None:
    rain = on_disk(tmp_path / "rain.wav", noise(6), "RAIN")
    take = lay(region("rain", hits=[1.0, 2.0]), hear(rain, length_s=4.0)).candidates[0]
    assert np.ptp(levels_db(rendered(take), RATE, 100)) < 1.5


@pytest.mark.parametrize("name", ["WEATHER_RAINSTORM", "heavyrain", "engine_working_external_v8", "electric"])
def test_real_beds_are_repeated_without_a_seam(real_media: Path, name: str) -> None:
    path = next((real_media / "audio").rglob(f"{name}.*"))
    heard = hear(replace(sound(name, soundfile.info(path).duration, "AMBMisc"), paths=(str(path),)), length_s=60.0)
    take = lay(region("bed", Fraction(0), Fraction(60)), heard).candidates[0]
    source, wave = heard[0][1].samples, rendered(take)
    inside = levels_db(source, RATE, 50)
    inside = inside[inside > np.median(inside) - 12]
    assert levels_db(wave, RATE, 50).min() > inside.min() - 3 and levels_db(wave, RATE, 50).max() < inside.max() + 3
    assert np.abs(np.diff(wave, axis=0)).max() <= 1.1 * np.abs(np.diff(source, axis=0)).max()
    assert np.percentile(flux(wave, RATE), 99.9) < 1.15 * np.percentile(flux(source, RATE), 99.9)


# --- takes -------------------------------------------------------------------------------------------------------------------


def digests(answer: Proposal) -> list[str]:
    return [hashlib.sha256(rendered(take).tobytes()).hexdigest() for take in answer.candidates]


@pytest.mark.parametrize("hits", [[], [1.0], [0.5, 1.0, 1.7]])
def test_take_k_is_the_same_for_any_number_of_takes(tmp_path: Path, hits: list[float]) -> None:
    shelf = Shelf(
        strike(tmp_path / "hit a.wav"),
        sound("hit gone"),
        strike(tmp_path / "hit b.wav", (0.2, 1.5), 2.0),
        on_disk(tmp_path / "hit rain.wav", noise(3), "RAIN"),
    )
    asked = region("hit", hits=hits)

    def reel(takes: int) -> list[str]:
        options = replace(DEFAULTS, takes=takes, seed=5)
        choices = recommend.pick([recommend.ask(asked, options)] * 2, shelf)[1]
        assert not isinstance(choices, FoleyError)
        heard, _ = recommend.listen_to(choices, takes=takes, length_s=4.0, sample_rate=RATE)
        return digests(lay(asked, heard, options=options))

    eight = reel(8)
    assert all(reel(takes) == eight[:takes] for takes in (1, 3, 5)) and len(set(eight)) == 8


def test_a_takes_own_seed_and_sound_ask_for_it_again(tmp_path: Path) -> None:
    shelf = Shelf(strike(tmp_path / "hit a.wav"), strike(tmp_path / "hit b.wav", (0.2, 1.5), 2.0))
    asked = region("hit", hits=[1.0])

    def made(options: Options) -> Proposal:
        (choices,) = recommend.pick([recommend.ask(asked, options)], shelf)
        assert not isinstance(choices, FoleyError) and options.takes
        heard, _ = recommend.listen_to(choices, takes=options.takes, length_s=4.0, sample_rate=RATE)
        return lay(asked, heard, options=options)

    answer = made(replace(DEFAULTS, takes=6))
    for take, digest in zip(answer.candidates, digests(answer), strict=True):
        again = replace(DEFAULTS, takes=1, seed=take.seed, pin=(take.source["library_id"],))
        assert digests(made(again)) == [digest]


def test_a_take_says_where_its_sound_comes_from(tmp_path: Path) -> None:
    known = replace(strike(tmp_path / "hit.wav"), licence="CC BY 4.0", url="https://example.org/1", creator="A. Person")
    take = lay(region("hit", hits=[1.0]), hear(known)).candidates[0]
    assert take.source == {
        "file": "hit.wav",
        "library_id": known.id,
        "cat_id": "FOLYProp",
        "creator": "A. Person",
        "licence": "CC BY 4.0",
        "url": "https://example.org/1",
        "words_score": "0.800",
    }
    assert take.score == pytest.approx(0.6)  # of the choice; a tapped hit is sure


# --- a real library ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_shelf(real_media: Path) -> Shelf:
    with (real_media / "audio_manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Shelf(
        *(
            LibrarySound(
                sound_id(row["file"]),
                (str(real_media / "audio" / row["file"]),),
                row["description"],
                row["ucs_catid"],
                cat_from="guess",
                duration_s=float(row["duration_s"]),
                licence=row["licence"],
                url=row["url"],
            )
            for row in rows
        )
    )


def test_a_reel_of_real_sounds_is_varied_and_every_take_sounds(real_shelf: Shelf) -> None:
    words = ["door close", "walk grass", "smash glass", "rain", "engine", "metal", "door close", "walk grass", "metal", "wood"]
    regions = [
        region(each, Fraction(number * 3), Fraction(number * 3 + 2), [number * 3 + 0.5, number * 3 + 1.2])
        for number, each in enumerate(words)
    ]
    picks = recommend.pick([recommend.ask(each, each.options.over(DEFAULTS)) for each in regions], real_shelf)
    proposed = []
    for asked, choices in zip(regions, picks, strict=True):
        assert not isinstance(choices, FoleyError)
        heard, notes = recommend.listen_to(choices, takes=3, length_s=2.0, sample_rate=RATE)
        assert not notes
        for take in lay(asked, heard).candidates:
            wave = rendered(take)
            assert wave.shape[0] == cut_for(asked.start, asked.end, FPS).frames(RATE)
            assert np.isfinite(wave).all() and 0.001 < np.abs(wave).max() <= 4
            proposed.append(take.source["library_id"])
            assert 0 < take.score <= 1
    assert len(set(proposed)) >= 0.9 * len(proposed)
