"""Regions that ask in words, from the catalogue to the placed take."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from job_materials import clicks, files_under, hits_in, marker, movie, save, timeline_of

from foley_bridge.errors import FoleyError
from foley_bridge.jobs.generate import generate
from foley_bridge.jobs.request import GenerateRequest
from foley_bridge.jobs.result import Result
from foley_bridge.jobs.roots import Roots
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.scan import scan
from foley_bridge.media.broadcast_wav import read_ixml


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shot, and a library of a few sounds."""
    folder = tmp_path_factory.mktemp("ground")
    movie(folder / "shot.mp4", seconds=4, rate=Fraction(25))
    sounds = folder / "sounds"
    sounds.mkdir()
    for number in range(1, 4):  # each of its own length, so of its own content
        clicks(sounds / f"DOORWood_Door Slam {number}_ME_LIB.wav", length_s=0.4 + 0.1 * number)
    clicks(sounds / "GLASBrk_Bottle Smash_ME_LIB.wav", length_s=0.9)
    noise = np.random.default_rng(1).normal(0, 0.1, 48000 * 2).astype(np.float32)
    soundfile.write(sounds / "RAINMisc_Rain On Roof_ME_LIB.wav", noise, 48000)
    scan(Catalogue.open(folder / "library", create=True), [sounds], watcher=lambda progress: None)
    return folder


def job(ground: Path, out: Path, *marks: otio.schema.Marker, takes: int = 1, library: Path | None = None) -> Result:
    timeline = save(timeline_of(ground / "shot.mp4", 100, 25, *marks), out / "cut.otio")
    request = GenerateRequest(
        timeline,
        out / "foley.otio",
        out / "takes",
        options={"takes": str(takes)},
        catalogue=library or ground / "library",
        roots=Roots((out, ground / "shot.mp4"), (out,)),  # the library's own folder is not asked for
    )
    return generate(request)


def test_words_bring_the_sound_they_name_to_the_tapped_hits(ground: Path, tmp_path: Path) -> None:
    marks = [marker("FOLEY door slam", 10, 40, 25), marker("HIT", 20, 1, 25), marker("HIT", 40, 1, 25)]
    region = job(ground, tmp_path, *marks).regions[0]
    assert region.engine == "recommend"
    take = region.takes[0]
    assert take.source["file"].startswith("DOORWood_Door Slam")
    assert take.path.name.startswith("DOORWood_door slam R01 T1_")
    samples, rate = soundfile.read(take.path)
    assert np.allclose(hits_in(samples, rate), [0.4, 1.2], atol=0.002)
    ixml = read_ixml(take.path)
    assert ixml is not None and take.source["library_id"] in ixml and "DOORWood" in ixml


def test_takes_are_different_sounds_and_take_one_stays_when_more_are_asked(ground: Path, tmp_path: Path) -> None:
    marks = [marker("FOLEY door slam", 10, 40, 25), marker("HIT", 20, 1, 25)]
    for name in ("one", "three"):
        (tmp_path / name).mkdir()
    one = job(ground, tmp_path / "one", *marks)
    three = job(ground, tmp_path / "three", *marks, takes=3)
    sources = [take.source["library_id"] for take in three.regions[0].takes]
    assert len(set(sources)) == 3
    assert one.regions[0].takes[0].path.name == three.regions[0].takes[0].path.name
    assert one.regions[0].takes[0].sha256 == three.regions[0].takes[0].sha256


def test_a_reel_does_not_hear_one_door_everywhere(ground: Path, tmp_path: Path) -> None:
    marks = [marker("FOLEY door slam", at, 20, 25) for at in (0, 25, 50)]
    marks += [marker("HIT", at + 5, 1, 25) for at in (0, 25, 50)]
    regions = job(ground, tmp_path, *marks).regions
    assert len({region.takes[0].source["library_id"] for region in regions}) == 3


def test_a_region_whose_words_find_nothing_fails_alone(ground: Path, tmp_path: Path) -> None:
    marks = [marker("FOLEY door slam", 0, 20, 25), marker("HIT", 5, 1, 25), marker("FOLEY xylophone", 30, 20, 25)]
    door, xylophone = job(ground, tmp_path, *marks).regions
    assert door.takes and door.error is None
    assert xylophone.error is not None and "xylophone" in xylophone.error.message and "like=" in xylophone.error.hint


def test_a_library_that_cannot_be_opened_fails_only_those_who_ask_it(ground: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    marks = [
        marker("FOLEY door slam", 0, 20, 25),
        marker(f'FOLEY x like="{ground}/shot.wav"', 30, 20, 25),
        marker("HIT", 35, 1, 25),
    ]
    clicks(ground / "shot.wav")
    out = tmp_path / "out"
    out.mkdir()
    timeline = save(timeline_of(ground / "shot.mp4", 100, 25, *marks), out / "cut.otio")
    door, x = generate(GenerateRequest(timeline, out / "f.otio", out / "takes", catalogue=tmp_path / "broken")).regions
    assert door.error is not None and "door slam" in door.error.message
    assert x.error is None and x.takes


def test_rain_fills_its_region_from_end_to_end(ground: Path, tmp_path: Path) -> None:
    region = job(ground, tmp_path, marker("FOLEY rain roof", 0, 100, 25)).regions[0]
    samples, rate = soundfile.read(region.takes[0].path)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    level = [float(np.sqrt((part**2).mean())) for part in np.array_split(mono[rate // 4 : -rate // 4], 14)]
    assert len(mono) == 4 * rate and min(level) > 0.5 * max(level)


def test_like_takes_a_sound_of_the_library_by_its_id(ground: Path, tmp_path: Path) -> None:
    found = Catalogue.open(ground / "library").search("bottle smash", limit=1)[0].sound
    marks = [marker(f"FOLEY thing like=lib:{found.id}", 0, 20, 25), marker("HIT", 5, 1, 25)]
    region = job(ground, tmp_path, *marks).regions[0]
    assert (region.engine, region.takes[0].source["file"]) == ("transfer", "GLASBrk_Bottle Smash_ME_LIB.wav")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FOLEY thing like=lib:zzzzzz", "zzzzzz"),
        ("FOLEY door slam pin=zzzzzz", "zzzzzz"),
        ("FOLEY xylophone", "xylophone"),
        ("FOLEY engine=recommend", "words"),
    ],
)
def test_what_the_library_cannot_give_is_named(ground: Path, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FoleyError, match=rf"region .*{said}"):
        job(ground, tmp_path, marker(text, 0, 20, 25))
    assert files_under(tmp_path) == ["cut.otio"]


def test_without_a_library_words_alone_say_how_to_make_one(ground: Path, tmp_path: Path) -> None:
    with pytest.raises(FoleyError) as caught:
        job(ground, tmp_path, marker("FOLEY door slam", 0, 20, 25), library=tmp_path / "none")
    assert "library add" in caught.value.hint and "like=" in caught.value.hint
