"""Finished reels: what is on screen where their Foley sounds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile

pytest.importorskip("torch", reason="the extra `models` is not installed")

from data_films import HZ, RATE, film, frames_at, numbers, pitch_of, pitches
from foley_models.data import PairData, open_data
from foley_models.errors import ModelError
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.timeline.place import METADATA


def span(start_s: float, length_s: float) -> TimeRange:
    return TimeRange(RationalTime(round(start_s * RATE), RATE), RationalTime(round(length_s * RATE), RATE))


def clip(name: str, media: str, start_s: float, length_s: float, media_s: float = 60) -> otio.schema.Clip:
    return otio.schema.Clip(name, otio.schema.ExternalReference(media, span(0, media_s)), span(start_s, length_s))


def gap(length_s: float) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=span(0, length_s))


def write_reel(path: Path, picture: list[otio.core.Item], **sounds: list[otio.core.Item]) -> Path:
    """A timeline with one track of pictures and tracks of sound by their names."""
    timeline = otio.schema.Timeline(path.stem, global_start_time=RationalTime(3600 * RATE, RATE))
    timeline.tracks.append(otio.schema.Track("V1", picture, kind="Video"))
    for name, items in sounds.items():
        timeline.tracks.append(otio.schema.Track(name.replace("_", " "), items, kind="Audio"))
    otio.adapters.write_to_file(timeline, str(path))
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reels shared out by folders. Media lie beside each: relative paths."""
    folder = tmp_path_factory.mktemp("house")
    film(folder / "shot.mp4", 20, sound=False)
    soundfile.write(folder / "steps.wav", pitches(16), HZ, subtype="PCM_24")
    soundfile.write(folder / "hum.wav", pitches(16, first=12), HZ, subtype="PCM_24")
    for split in ("train", "validation", "test"):
        (folder / split).mkdir()
        for name in ("shot.mp4", "steps.wav", "hum.wav"):
            (folder / split / name).hardlink_to(folder / name)
    shot = [clip("shot", "shot.mp4", 4, 10), gap(2), clip("shot again", "shot.mp4", 0, 6)]
    foley = [gap(1), clip("steps", "steps.wav", 3, 2.6), gap(5.4), clip("steps", "steps.wav", 0, 4)]
    write_reel(folder / "train" / "one.otio", shot, FOLEY_steps=foley, Music=[clip("hum", "hum.wav", 0, 8)])
    for split in ("validation", "test"):
        write_reel(folder / split / "two.otio", [clip("shot", "shot.mp4", 2, 9)], Foley=[clip("a", "steps.wav", 1, 9)])
    return folder


def opened(folder: Path, split: str = "train", cache: Path | None = None) -> PairData:
    return open_data(f"reels:{folder}", split=split, cache=cache, seed=0, workers=0)


def test_foley_is_paired_with_the_picture_under_it(house: Path, tmp_path: Path) -> None:
    data = opened(house, cache=tmp_path)
    assert data.names == ["train/one.otio 1 at 1 s", "train/one.otio 2 at 9 s"] and data.labels == ["steps", "steps"]
    first = data.make(0)  # 1 to 3.6 s of the reel: 5 to 7.6 s of the shot, 3 to 5.6 s of the sound
    np.testing.assert_allclose(first.times, [1, 2, 2.6])
    assert numbers(first) == frames_at(5.5, 6.5, 7.1) and [pitch_of(mel) for mel in first.sounds[:2]] == [3, 4]
    second = data.make(1)  # 9 to 13 s: the picture is black from 10 to 12 s
    assert second.times.tolist() == [9, 12]
    assert numbers(second) == frames_at(13.5, 0.5) and [pitch_of(mel) for mel in second.sounds] == [0, 3]


def test_another_moment_of_a_reel_is_far_from_the_picture(house: Path, tmp_path: Path) -> None:
    data = opened(house, cache=tmp_path)
    for epoch in range(30):
        picture, other = data.drawn(epoch, 0, correlated=False)
        assert abs(data.times(other.clip)[other.moment] - data.times(picture.clip)[picture.moment]) >= 5


def variant(house: Path, folder: Path, picture: list[otio.core.Item], **sounds: list[otio.core.Item]) -> PairData:
    """The house with another reel for training."""
    shutil.copytree(house, folder / "house")
    write_reel(folder / "house" / "train" / "one.otio", picture, **sounds)
    return opened(folder / "house")


def test_clips_that_foley_bridge_placed_are_foley_on_any_track_and_labelled_by_what_was_asked(
    house: Path, tmp_path: Path
) -> None:
    take = clip("FOLYProp_x", "steps.wav", 2, 2)
    take.metadata[METADATA] = {"schema": 1, "kind": "take", "region": "footsteps gravel"}
    shots = [clip("shot", "shot.mp4", 0, 12)]
    data = variant(
        house, tmp_path, shots, A1=[take, gap(6), clip("reel foley stem", "hum.wav", 0, 3), clip("b", "hum.wav", 3, 1)]
    )
    assert data.labels == ["footsteps gravel", "reel foley stem"]
    assert pitch_of(data.make(0).sounds[0]) == 2 and pitch_of(data.make(1).sounds[1]) == 13


def test_a_stem_beside_the_timeline_begins_with_it(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house, tmp_path / "house")
    folder = tmp_path / "house" / "train"
    write_reel(folder / "one.otio", [clip("shot", "shot.mp4", 6, 12)], Music=[clip("hum", "hum.wav", 0, 8)])
    soundfile.write(folder / "one_FOLEY.wav", pitches(14, silent=(3, 4)), HZ, subtype="PCM_24")
    data = opened(tmp_path / "house")
    assert data.names == ["train/one.otio 1 at 0 s", "train/one.otio 1 at 0 s + 10"]
    first = data.make(0)
    assert first.times.tolist() == [0, 1, 2, 5, 6, 7, 8, 9] and [pitch_of(mel) for mel in first.sounds] == first.times.tolist()
    assert numbers(first) == frames_at(*(6.5 + time for time in first.times))
    assert data.make(1).times.tolist() == [10, 11]  # as long as the picture


def test_what_is_off_is_no_foley_and_what_cannot_be_used_is_named(house: Path, tmp_path: Path) -> None:
    off, fast, lost = clip("off", "steps.wav", 0, 2), clip("fast", "steps.wav", 2, 2), clip("lost", "lost.wav", 0, 2)
    off.enabled = False
    fast.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    good = [clip("good", "steps.wav", 0, 9)]
    shots = [clip("shot", "shot.mp4", 0, 12), clip("nowhere", "nowhere.mov", 0, 3)]
    late = [gap(13), clip("late", "steps.wav", 3, 1)]
    data = variant(house, tmp_path, shots, Foley=[off, fast, lost], Foley_2=good, Foley_3=late)
    assert data.labels == ["good"]
    assert [(name.partition(" ")[2], why.split(" (")[0]) for name, why in data.skipped] == [
        ("1 at 2 s", "fast: plays at 2 times its speed"),
        ("2 at 4 s", data.skipped[1].why.split(" (")[0]),
        ("4 at 13 s", data.skipped[2].why.split(" (")[0]),
    ]
    assert "lost.wav" in data.skipped[1].why and "nowhere.mov: is on screen, and not there" in data.skipped[2].why


def test_a_reel_without_foley_or_that_is_none_is_named(house: Path, tmp_path: Path) -> None:
    shutil.copytree(house, tmp_path / "house")
    write_reel(
        tmp_path / "house" / "train" / "music.otio", [clip("shot", "shot.mp4", 0, 9)], Music=[clip("a", "hum.wav", 0, 8)]
    )
    (tmp_path / "house" / "train" / "page.otio").write_text("<html></html>")
    data = opened(tmp_path / "house")
    assert [each.name for each in data.skipped] == ["train/music.otio", "train/page.otio"]
    assert "has no Foley" in data.skipped[0].why and len(data) == 2


def test_a_reel_that_changes_has_other_features(house: Path, tmp_path: Path) -> None:
    data = opened(house, cache=tmp_path / "cache")
    moved = variant(house, tmp_path, [clip("shot", "shot.mp4", 5, 14)], FOLEY=[clip("steps", "steps.wav", 3, 9)])
    assert data._path(0) != moved._path(0)


def test_no_reels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"reels in .*: 0 of 0 can be used"):
        opened(tmp_path)
