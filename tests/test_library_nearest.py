"""Nearest sounds: the best segment counts, filters come first, and index and arithmetic agree."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from near_points import nearest_to
from numpy.typing import NDArray

from foley_bridge.errors import LibraryError
from foley_bridge.library import nearest, segments
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.segments import Notes, content_of
from foley_bridge.library.sound import LibrarySound, sound_id

SPACE = "5ace"


def sound(name: str, **changes: object) -> LibrarySound:
    made = LibrarySound(
        id=sound_id(name), paths=(f"/sounds/{name}.wav",), name=name, fingerprint=name, duration_s=1.0, channels=1
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def points(seed: int, count: int) -> NDArray[np.float32]:
    """float32 (count, 128) of length 1, in a few clusters."""
    random = np.random.default_rng(seed)
    made = np.random.default_rng(0).normal(size=(12, 128))[random.integers(12, size=count)]
    made += 0.6 * random.normal(size=made.shape)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.open(tmp_path / "library", create=True)


def put(catalogue: Catalogue, held: dict[str, NDArray[np.float32]]) -> None:
    """Segments of sounds, a second apart."""
    contents = np.concatenate([np.full(len(each), content_of(name)) for name, each in held.items()])
    starts = np.concatenate([np.arange(len(each), dtype=np.float32) for each in held.values()])
    catalogue.segments(SPACE).put(contents, starts, np.concatenate([*held.values()]))


def by_hand(held: dict[str, NDArray[np.float32]], asked: NDArray[np.float32], names: set[str]) -> list[tuple[str, int, float]]:
    """(name, second, distance), nearest first, in double precision."""
    best = []
    for name in names:
        distances = np.linalg.norm(held[name][:, None].astype(float) - asked[None].astype(float), axis=2).min(axis=1)
        best.append((name, int(distances.argmin()), float(distances.min())))
    return sorted(best, key=lambda each: each[2])


def filled(catalogue: Catalogue, count: int, seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """Sounds of one to nine segments, put in."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 10, size=count)
    every = np.split(points(seed, int(lengths.sum())), np.cumsum(lengths)[:-1])
    held = {f"s{number}": each for number, each in enumerate(every)}
    catalogue.upsert(sound(name, channels=1 + number % 2, duration_s=len(held[name])) for number, name in enumerate(held))
    put(catalogue, held)
    return held


def test_a_sound_counts_with_its_best_segment_and_says_where_it_is(catalogue: Catalogue) -> None:
    held = filled(catalogue, 60)
    asked = points(99, 3)
    found = nearest_to(catalogue, SPACE, asked, limit=60)
    expected = by_hand(held, asked, set(held))
    assert [(each.sound.name, each.start_s) for each in found] == [(name, second) for name, second, _ in expected]
    assert np.allclose([each.distance for each in found], [distance for _, _, distance in expected], atol=1e-6)


def test_one_sound_with_a_thousand_near_segments_does_not_hide_the_others(catalogue: Catalogue) -> None:
    asked = points(5, 1)
    near = asked + 0.01 * points(6, 3000)
    held = {"long": near / np.linalg.norm(near, axis=1, keepdims=True), "a": points(7, 1), "b": points(8, 1)}
    catalogue.upsert(map(sound, held))
    put(catalogue, held)
    found = nearest_to(catalogue, SPACE, asked, limit=3)
    assert [each.sound.name for each in found] == [name for name, _, _ in by_hand(held, asked, set(held))]
    assert found[0].sound.name == "long" and len(found) == 3


@pytest.mark.parametrize("exact_up_to", [10**9, 0], ids=["points in memory", "points read"])
def test_filters_come_before_the_nearest_are_taken(
    catalogue: Catalogue, exact_up_to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "EXACT_UP_TO", exact_up_to)
    held = filled(catalogue, 200)
    asked = points(3, 2)
    first = by_hand(held, asked, set(held))[0][0]
    catalogue.edit(sound(first).id, banned=True)
    others = set(held) - {first}
    assert nearest_to(catalogue, SPACE, asked, limit=1)[0].sound.name == by_hand(held, asked, others)[0][0]
    stereo = {name for number, name in enumerate(held) if number % 2 and name in others}
    names = [each.sound.name for each in nearest_to(catalogue, SPACE, asked, channels=2, limit=200)]
    assert names == [name for name, _, _ in by_hand(held, asked, stereo)]
    long = {name for name in others if 6 <= len(held[name]) <= 7}
    names = [each.sound.name for each in nearest_to(catalogue, SPACE, asked, length_s=(6, 7), limit=5)]
    assert names == [name for name, _, _ in by_hand(held, asked, long)][:5]
    catalogue.edit(sound("s7").id, cat_id="DOORWood")
    assert [each.sound.name for each in nearest_to(catalogue, SPACE, asked, ucs="DOORS")] == ["s7"]
    assert nearest_to(catalogue, SPACE, asked, ucs="RAIN") == []


def test_an_identical_segment_is_at_distance_0(catalogue: Catalogue) -> None:
    held = filled(catalogue, 20)
    found = nearest_to(catalogue, SPACE, held["s4"][:1], limit=1)[0]
    assert (found.sound.name, found.distance, found.start_s) == ("s4", 0.0, 0.0)


def test_segments_of_sounds_that_left_or_changed_are_not_found(catalogue: Catalogue) -> None:
    held = filled(catalogue, 20)
    assert catalogue.embedded(SPACE) == (20, 20)
    catalogue.remove([sound("s3").id])
    catalogue.upsert([sound("s4", fingerprint="s4 after a change")])
    names = {each.sound.name for each in nearest_to(catalogue, SPACE, np.concatenate([held["s3"], held["s4"]]), limit=20)}
    assert names == set(held) - {"s3", "s4"}
    assert catalogue.embedded(SPACE) == (18, 19)


def test_of_a_new_version_only_new_points_are_read_and_all_are_the_same(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader's second look, and that of another who sees the library for the first time."""
    held, asked, read = filled(catalogue, 200), points(99, 3), []
    assert nearest_to(catalogue, SPACE, asked, limit=200)
    take = segments.Held._read
    monkeypatch.setattr(segments.Held, "_read", lambda self, places: read.append(len(places)) or take(self, places))
    new = {f"new {number}": points(1000 + number, 3) for number in range(5)}
    catalogue.upsert(sound(name) for name in new)
    put(catalogue, new)
    catalogue.segments(SPACE).drop([content_of("s7")])
    seen = [(near.sound.name, near.start_s, near.distance) for near in nearest_to(catalogue, SPACE, asked, limit=300)]
    assert read == [15]
    other = Catalogue.open(Path(catalogue.folder))
    assert seen == [(near.sound.name, near.start_s, near.distance) for near in nearest_to(other, SPACE, asked, limit=300)]
    assert {name for name, *_ in seen} == {*held, *new} - {"s7"}


def test_a_table_made_anew_in_the_place_of_another_is_read_anew(catalogue: Catalogue) -> None:
    """Its rows have the numbers that rows of the other one had."""
    filled(catalogue, 50)
    asked = points(99, 3)
    assert nearest_to(catalogue, SPACE, asked, limit=50)
    shutil.rmtree(Path(catalogue.folder) / f"segments-{SPACE}.lance")
    held = {f"t{number}": points(500 + number, 4) for number in range(60)}
    catalogue.upsert(sound(name) for name in held)
    put(catalogue, {name: held[name] for name in [*held][:50]})
    put(catalogue, {name: held[name] for name in [*held][50:]})  # a version that the other table did not have
    found = nearest_to(catalogue, SPACE, asked, limit=60)
    expected = by_hand(held, asked, set(held))
    assert [near.sound.name for near in found] == [name for name, *_ in expected]


def test_without_segments_it_says_what_to_do(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door")])
    with pytest.raises(LibraryError) as told:
        nearest_to(catalogue, SPACE, points(1, 1))
    assert "foley-bridge library embed" in told.value.hint
    assert catalogue.embedded(SPACE) == (0, 1)


def test_another_space_has_other_segments(catalogue: Catalogue) -> None:
    held = filled(catalogue, 5)
    with pytest.raises(LibraryError, match="not embedded"):
        nearest_to(catalogue, "07e4", held["s0"])
    with pytest.raises(LibraryError, match="space"):
        nearest_to(catalogue, "../sounds", held["s0"])


@pytest.fixture
def indexed(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> dict[str, NDArray[np.float32]]:
    """3000 sounds with an index that is used, and a few segments more than it knows of."""
    monkeypatch.setattr(segments, "INDEX_FROM", 1000)
    monkeypatch.setattr(segments, "PARTITION", 1000)
    monkeypatch.setattr(nearest, "EXACT_UP_TO", 0)
    monkeypatch.setattr(nearest, "READ_UP_TO", 100)
    held = filled(catalogue, 3000)
    catalogue.segments(SPACE).index(Notes())
    more = {"late": points(1234, 2)}
    catalogue.upsert([sound("late")])
    put(catalogue, more)
    return held | more


def test_the_index_finds_what_arithmetic_finds(catalogue: Catalogue, indexed: dict[str, NDArray[np.float32]]) -> None:
    assert catalogue.segments(SPACE).table.table().list_indices()
    good = 0
    for seed in range(10):
        asked = points(500 + seed, 2)
        found = nearest_to(catalogue, SPACE, asked, limit=10)
        distances = [each.distance for each in found]
        assert distances == sorted(distances) and len({each.sound.id for each in found}) == 10
        good += len({each.sound.name for each in found} & {name for name, _, _ in by_hand(indexed, asked, set(indexed))[:10]})
        name, _, distance = by_hand(indexed, asked, {found[0].sound.name})[0]
        assert abs(distance - found[0].distance) < 1e-5, name
    assert good >= 95


def test_the_index_asks_on_where_filters_leave_little(
    catalogue: Catalogue, indexed: dict[str, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = indexed["late"][:1]
    assert nearest_to(catalogue, SPACE, late, limit=1)[0].sound.name == "late"
    asked = points(77, 1)
    rare = {name for name, each in indexed.items() if len(each) == 9}
    found = {each.sound.name for each in nearest_to(catalogue, SPACE, asked, length_s=(9, 9), limit=20)}
    assert len(found & {name for name, _, _ in by_hand(indexed, asked, rare)[:20]}) >= 19
    monkeypatch.setattr(nearest, "_MOST_BY_INDEX", 50)  # the index alone cannot give so many: all are gone through
    names = [each.sound.name for each in nearest_to(catalogue, SPACE, asked, length_s=(9, 9), limit=100)]
    assert names == [name for name, _, _ in by_hand(indexed, asked, rare)[:100]]


_READER = """
import sys
import numpy as np
from pathlib import Path
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import Shown, find

catalogue = Catalogue.open(Path(sys.argv[1]))
shown = Shown("5ace", np.eye(1, 128, dtype=np.float32), lambda distance: 1 - distance / 2)
most, rounds = 0, 0
print("reading", flush=True)
while most < int(sys.argv[2]):
    found = find(catalogue, "", shown, limit=1000)
    assert len({each.sound.id for each in found}) == len(found)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) >= most and len(found) % 10 == 0, (len(found), most)
    most, rounds = len(found), rounds + 1
print(rounds)
"""


def test_another_process_reads_while_this_one_writes(catalogue: Catalogue) -> None:
    catalogue.upsert(sound(f"s{number}") for number in range(200))
    batches = [{f"s{number}": points(number, 3) for number in range(first, first + 10)} for first in range(0, 200, 10)]
    put(catalogue, batches[0])
    command = [sys.executable, "-c", _READER, str(catalogue.folder), "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        for number, batch in enumerate(batches[1:]):
            put(catalogue, batch)
            if number % 5 == 4:
                catalogue.segments(SPACE).index(Notes())
        out, err = reader.communicate(timeout=120)
    assert reader.returncode == 0, err
    assert int(out) >= 1
