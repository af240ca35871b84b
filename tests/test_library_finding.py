"""Found by words and by what is shown: what each says, what both say together, and what must hold for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="packs are made with onnx")
from colour_and_pitch import RATE, noise, plain
from packs import make_pack

from foley_bridge.errors import LibraryError, MediaError
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import (
    MOST_POINTS,
    UNKNOWN,
    WORDS,
    find,
    shown_by_entry,
    shown_by_file,
    shown_by_pictures,
    shown_by_sound,
)
from foley_bridge.library.scan import scan


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Encoders:
    return Encoders(Pack.open(make_pack(tmp_path_factory.mktemp("pack") / "tiny")), threads=1)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, encoders: Encoders) -> Catalogue:
    """Doors, gates and clips of each pitch, and one that is not embedded."""
    folder = tmp_path_factory.mktemp("library")
    sounds = folder / "sounds"
    sounds.mkdir()
    names = {"Door Slam A": "low", "Door Slam B": "mid", "Door Slam C": "high", "Gate Creak": "low", "REC_0041": "mid"}
    for seed, (name, pitch) in enumerate(names.items()):
        soundfile.write(sounds / f"{name}.wav", noise(seed, pitch), RATE)
    quiet = np.zeros(2 * RATE, np.float32)  # a door that is low at its second second
    soundfile.write(sounds / "Door Late.wav", np.concatenate([noise(9, "high"), quiet, noise(10, "low")]), RATE)
    catalogue = Catalogue.open(folder / "catalogue", create=True)
    scan(catalogue, [sounds])
    catalogue.embed(encoders)
    soundfile.write(sounds / "Door Slam New.wav", noise(11, "low"), RATE)
    scan(catalogue, [sounds])
    return catalogue


def names(found: object) -> list[str]:
    return [hit.sound.name for hit in found]  # type: ignore[attr-defined]


def test_words_alone_are_the_search_by_words(library: Catalogue) -> None:
    expected = [(each.sound.id, each.score) for each in library.search("door slam")]
    found = find(library, "door slam")
    assert [(hit.sound.id, hit.score) for hit in found] == expected and len(expected) == 6
    assert all((hit.words, hit.picture, hit.start_s) == (hit.score, None, None) for hit in found)


@pytest.mark.parametrize(
    ("shown", "first"), [("red", {"Door Slam A", "Gate Creak", "Door Late"}), ("green", {"Door Slam B", "REC_0041"})]
)
def test_a_picture_alone_finds_what_goes_with_it(library: Catalogue, encoders: Encoders, shown: str, first: set[str]) -> None:
    found = find(library, "", shown_by_pictures(encoders, [plain(shown)]))
    assert set(names(found)[: len(first)]) == first
    assert all(hit.words is None and hit.score == pytest.approx(hit.picture, abs=1e-6) for hit in found)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert "Door Slam New" not in names(found)


def test_the_best_segment_says_where(library: Catalogue, encoders: Encoders) -> None:
    shown = shown_by_pictures(encoders, [plain("red")])
    assert {hit.sound.name: hit.start_s for hit in find(library, "", shown)}["Door Late"] == 3.0


def test_both_are_mixed_by_the_rule_and_each_is_the_true_one(library: Catalogue, encoders: Encoders) -> None:
    shown = shown_by_pictures(encoders, [plain("green")])
    words = {hit.sound.name: hit.words for hit in find(library, "door slam")}
    pictures = {hit.sound.name: hit.picture for hit in find(library, "", shown)}
    found = find(library, "door slam", shown)
    assert names(found)[0] == "Door Slam B"
    assert set(names(found)) == set(words) | set(pictures)
    for hit in found:
        assert hit.words == words.get(hit.sound.name, 0.0)
        assert hit.picture == pictures.get(hit.sound.name)
        picture = UNKNOWN if hit.picture is None else hit.picture
        assert hit.score == pytest.approx(WORDS * (hit.words or 0) + (1 - WORDS) * picture, abs=1e-6)
    assert {hit.sound.name for hit in found if hit.picture is None} == {"Door Slam New"}
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_of_many_sounds_of_the_same_words_the_picture_chooses(tmp_path: Path, encoders: Encoders) -> None:
    (tmp_path / "sounds").mkdir()
    for number in range(130):  # more than are looked at by their words
        soundfile.write(
            tmp_path / "sounds" / f"Knock {number:03d}.wav", noise(number, "low" if number != 128 else "mid", 0.3), RATE
        )
    catalogue = Catalogue.open(tmp_path / "catalogue", create=True)
    scan(catalogue, [tmp_path / "sounds"])
    catalogue.embed(encoders)
    (hit,) = find(catalogue, "knock", shown_by_pictures(encoders, [plain("green")]), limit=1)
    assert hit.sound.name == "Knock 128"


def test_of_equals_that_nobody_has_embedded_the_words_say_the_order(tmp_path: Path, encoders: Encoders) -> None:
    catalogue = Catalogue.open(tmp_path / "catalogue", create=True)
    for number, name in enumerate(("Gate Creak", "Knock Z", "Knock B Old Barn")):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / f"{name}.wav", noise(number, "low", 0.3), RATE)
        scan(catalogue, [tmp_path / name])
        catalogue.embed(encoders) if number == 0 else None
    found = names(find(catalogue, "knock", shown_by_pictures(encoders, [plain("green")])))
    assert found[:2] == [each.sound.name for each in catalogue.search("knock")] == ["Knock Z", "Knock B Old Barn"]


def test_what_words_forbid_or_demand_holds_for_what_the_picture_finds(library: Catalogue, encoders: Encoders) -> None:
    shown = shown_by_pictures(encoders, [plain("red")])
    assert not [name for name in names(find(library, "-door", shown)) if "Door" in name]
    assert all(hit.words is None for hit in find(library, "-door", shown))
    assert set(names(find(library, '"gate creak" knock', shown))) == {"Gate Creak"}
    assert names(find(library, "door", shown, length_s=(3, 5))) == ["Door Late"]
    assert names(find(library, "", shown, ucs="RAIN")) == []
    assert len(find(library, "door", shown, limit=2)) == 2


def test_words_that_nobody_knows_leave_it_to_the_picture(library: Catalogue, encoders: Encoders) -> None:
    shown = shown_by_pictures(encoders, [plain("green")])
    found = find(library, "qqzzx", shown)
    assert names(found) == names(find(library, "", shown)) and {hit.words for hit in found} == {0.0}


def test_a_favourite_is_lifted_in_either(library: Catalogue, encoders: Encoders) -> None:
    shown = shown_by_pictures(encoders, [plain("red")])
    before = {hit.sound.name: hit for hit in find(library, "", shown)}
    ident = before["Door Slam C"].sound.id
    try:
        library.edit(ident, favourite=True)
        after = {hit.sound.name: hit for hit in find(library, "", shown)}
        assert after["Door Slam C"].score == pytest.approx(before["Door Slam C"].score + 0.05)
        assert after["Door Slam C"].picture == before["Door Slam C"].picture
    finally:
        library.edit(ident, favourite=False)


def test_several_pictures_are_each_and_all_together(encoders: Encoders) -> None:
    images = [plain("red"), plain("green", (224, 224))]
    shown = shown_by_pictures(encoders, images)
    points = encoders.embed_pictures(images)
    mean = points.mean(axis=0) / np.linalg.norm(points.mean(axis=0))
    assert shown.points.dtype == np.float32 and np.allclose(shown.points, [*points, mean], atol=1e-6)
    assert (shown.space, shown.score(0.4), shown.score(1.4)) == (encoders.space, 1.0, 0.0)
    assert len(shown_by_pictures(encoders, images[:1]).points) == 1
    with pytest.raises(LibraryError, match="no picture"):
        shown_by_pictures(encoders, [])


def test_a_sound_is_shown_by_its_seconds_from_memory_file_or_library(
    library: Catalogue, encoders: Encoders, tmp_path: Path
) -> None:
    (hit,) = find(library, '"Door Late"', limit=1)
    path = Path(hit.sound.paths[0])
    samples, rate = soundfile.read(path, dtype="float32")
    shown = shown_by_sound(encoders, samples, rate)
    assert len(shown.points) == 3  # two seconds are silent; and their mean
    assert np.allclose(shown_by_file(encoders, path).points, shown.points, atol=1e-5)
    entry = shown_by_entry(library, encoders, hit.sound)
    assert entry is not None and np.allclose(entry.points, shown.points, atol=1e-5)
    assert names(find(library, "", entry))[0] == "Door Late"
    (new,) = find(library, '"Slam New"', limit=1)
    assert shown_by_entry(library, encoders, new.sound) is None
    with pytest.raises(MediaError, match=r"gone\.wav: is not there"):
        shown_by_file(encoders, tmp_path / "gone.wav")


def test_of_a_long_recording_seconds_evenly_spread_are_asked(encoders: Encoders, tmp_path: Path) -> None:
    samples = np.concatenate([noise(number, "low" if number < 40 else "high") for number in range(80)])
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    for shown in (shown_by_file(encoders, tmp_path / "long.wav"), shown_by_sound(encoders, samples, RATE)):
        assert len(shown.points) == MOST_POINTS + 1
        low = encoders.embed_sounds(noise(0, "low"), RATE)[1][0]
        assert (np.linalg.norm(shown.points[:-1] - low, axis=1) < 0.7).tolist() == [True] * 15 + [False] * 15


def test_a_library_that_is_not_embedded_says_what_to_do(tmp_path: Path, encoders: Encoders) -> None:
    catalogue = Catalogue.open(tmp_path / "catalogue", create=True)
    with pytest.raises(LibraryError) as caught:
        find(catalogue, "door", shown_by_pictures(encoders, [plain("red")]))
    assert "library embed" in caught.value.hint
