"""VGG-Sound as published and folders of long videos, from real files: what is seen when what is heard, what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from data_films import film, frames_at, numbers, pitch_of
from foley_models.data import PairData, open_data
from foley_models.data.splitting import shared_out
from foley_models.errors import ModelError

from foley_bridge.errors import MediaError


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of ten clips, and a folder in which some are missing, and some are not what they should be."""
    folder = tmp_path_factory.mktemp("vgg")
    clips = folder / "clips"
    clips.mkdir()
    film(clips / "-first_000030.mp4", 3.4)
    film(clips / "second_000000.mp4", 5, first=5, silent=(1, 2, 3))
    film(clips / "third_000120.mp4", 2, first=9)
    film(clips / "tested_000001.mp4", 2, first=3)
    film(clips / "silent_000001.mp4", 2, silent=(0, 1))
    film(clips / "mute_000001.mp4", 1, sound=False)
    (clips / "cut_000001.mp4").write_bytes((clips / "-first_000030.mp4").read_bytes()[:2000])
    (clips / "page_000001.mp4").write_text("<html>this video is no longer available</html>")
    (folder / "list.csv").write_text(
        '-first,30,"dog barking, far away",train\nsecond,0,people marching,train\nthird,120,people marching,train\n'
        "second,0,people marching,train\nsilent,1,ocean,train\nmute,1,ocean,train\ncut,1,ocean,train\npage,1,ocean,train\n"
        "gone,44,ocean,train\ngone,55,ocean,train\ntested,1,people marching,test\ngone,66,ocean,test\n",
        encoding="utf-8",
    )
    return folder


def opened(spec: str, split: str, cache: Path | None = None, **options: object) -> PairData:
    return open_data(spec, split=split, cache=cache, seed=0, workers=0, **options)  # type: ignore[arg-type]


def both(vgg: Path, cache: Path) -> dict[str, PairData]:
    """Training and validation, of which the clips are all of the list's "train"; validation alone has one label."""
    from foley_models.data.filling import fill
    from foley_models.data.vggsound import VggSound

    made = {}
    for split in ("train", "validation"):
        made[split] = PairData(VggSound(vgg / "list.csv", vgg / "clips", split), split=split, cache=cache, seed=0)
        made[split].leave_out(fill(made[split], workers=0))
    return made


def test_clips_of_the_list_are_used_counted_as_missing_or_skipped_by_name(vgg: Path, tmp_path: Path) -> None:
    made = both(vgg, tmp_path)
    assert sorted(made["train"].names + made["validation"].names) == ["-first_000030", "second_000000", "third_000120"]
    skipped = dict(made["train"].skipped + made["validation"].skipped)
    wanted = {"silent": "is silent", "mute": "sound", "cut": "not a readable", "page": "not a readable"}
    assert skipped.keys() == {f"{name}_000001" for name in wanted}
    for name, why in wanted.items():
        assert why in skipped[f"{name}_000001"] and f"{name}_000001.mp4" in skipped[f"{name}_000001"]
    assert made["train"].missing == 2 and "2 missing" in str(made["train"])
    assert dict(zip(made["train"].names, made["train"].labels, strict=True)).get("-first_000030") in (
        None,
        "dog barking, far away",
    )


def test_a_second_is_paired_with_the_picture_at_its_middle(vgg: Path, tmp_path: Path) -> None:
    made = both(vgg, tmp_path)
    moments = {name: data.make(index) for data in made.values() for index, name in enumerate(data.names)}
    first = moments["-first_000030"]
    np.testing.assert_allclose(first.times, [0, 1, 2, 2.4], atol=0.03)  # AAC pads its end
    assert numbers(first)[:3] == frames_at(0.5, 1.5, 2.5) and [pitch_of(mel) for mel in first.sounds[:3]] == [0, 1, 2]
    second = moments["second_000000"]  # silent from 1 to 4 s, but that AAC smears over the edges
    assert second.times[:4].tolist() == [0, 1, 3, 4] and numbers(second)[:4] == frames_at(0.5, 1.5, 3.5, 4.5)
    assert [pitch_of(second.sounds[place]) for place in (0, 3)] == [5, 9]


def test_the_lists_test_clips_are_the_test_split(vgg: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"test: all 1 clips are labelled 'people marching'"):
        opened(f"vggsound:{vgg / 'list.csv'}:{vgg / 'clips'}", "test", tmp_path)


def test_features_are_found_again_where_the_folder_was_moved_and_made_anew_where_a_clip_changed(
    vgg: Path, tmp_path: Path
) -> None:
    both(vgg, tmp_path / "cache")
    kept = sorted((tmp_path / "cache").rglob("*.npz"))
    moved = tmp_path / "moved"
    moved.symlink_to(vgg)
    both(moved, tmp_path / "cache")
    assert sorted((tmp_path / "cache").rglob("*.npz")) == kept
    clip = vgg / "clips" / "third_000120.mp4"
    stat = clip.stat()
    os.utime(clip, ns=(stat.st_atime_ns, stat.st_mtime_ns + 5_000_000_000))
    both(vgg, tmp_path / "cache")
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == len(kept) + 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("id,start,label,split", "line 2: 'split' is neither train nor test"),
        ("one,0,dog", "line 2: has 3 columns, not 4"),
        ("one,zero,dog,test", "line 2: 'zero' is no whole second"),
        ("one,1,,test", "line 2: is not whole"),
        ("one,1,dog\0,test\xff", "cannot be read"),
    ],
)
def test_a_list_that_is_none_is_refused_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "list.csv").write_bytes(f"zero,0,cat,test\n{line}\n".encode("latin-1"))
    with pytest.raises(ModelError, match=said) as caught:
        opened(f"vggsound:{tmp_path / 'list.csv'}:{tmp_path}", "test")
    assert str(tmp_path / "list.csv") in caught.value.message


def test_a_list_or_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("")
    for spec in (f"vggsound:{tmp_path / 'no.csv'}:{tmp_path}", f"vggsound:{tmp_path / 'list.csv'}:{tmp_path / 'no'}"):
        with pytest.raises(ModelError, match=r"no.*cannot be read"):
            opened(spec, "train")


# --- long videos ---


def test_long_videos_are_cut_into_clips_of_ten_seconds(tmp_path: Path) -> None:
    (tmp_path / "train" / "play").mkdir(parents=True)
    film(tmp_path / "train" / "play" / "one.mkv", 22.52)
    film(tmp_path / "train" / "two.mp4", 6, first=4)
    film(tmp_path / "train" / "mute.mp4", 2, sound=False)
    (tmp_path / "train" / "page.webm").write_text("<html></html>")
    (tmp_path / "train" / "notes.txt").write_text("nothing to see")
    (tmp_path / "train" / ".hidden.mp4").write_text("nor here")
    for split in ("validation", "test"):
        (tmp_path / split).mkdir()
        film(tmp_path / split / "film.mkv", 7, first=3)
    data = opened(f"videos:{tmp_path}", "train")
    spans = ["train/play/one.mkv 0-10 s", "train/play/one.mkv 10-20 s", "train/play/one.mkv 20-22.52 s"]
    assert data.names[:3] == spans and data.clips[3].video == data.labels[3] == "train/two.mp4"
    assert [each.name for each in data.skipped] == ["train/mute.mp4", "train/page.webm"]
    for index, first in enumerate((0, 10, 20)):
        moments = data.make(index)
        whole = list(
            range(first, min(first + 10, 22))
        )  # what is left over, half a second, is in one more that ends with the film
        assert moments.times.tolist()[: len(whole)] == whole and len(moments.times) == len(whole) + (first == 20)
        assert [pitch_of(mel) for mel in moments.sounds][: len(whole)] == whole
        assert numbers(moments)[: len(whole)] == frames_at(*(second + 0.5 for second in whole))
    for split in ("validation", "test"):
        assert {clip.video for clip in opened(f"videos:{tmp_path}", split).clips} == {f"{split}/film.mkv"}


def test_videos_are_shared_out_whole_and_the_same_in_any_order() -> None:
    names = [f"video {number}" for number in range(40)]

    def share(split: str, among: list[str]) -> list[str]:
        return list(shared_out(among, split, "videos", str.upper)[0])

    shares = {split: share(split, names[::-1]) for split in ("train", "validation", "test")}
    assert {split: len(each) for split, each in shares.items()} == {"train": 32, "validation": 4, "test": 4}
    assert sorted(name for each in shares.values() for name in each) == sorted(names)
    assert shares == {split: share(split, names) for split in shares}
    assert [len(share(split, names[:3])) for split in shares] == [1, 1, 1]


def test_what_is_of_no_use_is_not_shared_out_and_told_of_once() -> None:
    def look(name: str) -> int:
        if name.startswith("bad"):
            raise MediaError(f"{name}: is broken")
        return len(name)

    shares = {
        split: shared_out(["a", "bad", "bad2", "c", "d"], split, "videos", look) for split in ("train", "validation", "test")
    }
    assert sorted(name for used, _ in shares.values() for name in used) == ["a", "c", "d"]
    assert [len(skipped) for _, skipped in shares.values()] == [2, 0, 0]
    with pytest.raises(ModelError, match="2 of 3 can be used") as caught:
        shared_out(["a", "bad", "c"], "test", "videos", look)
    assert "bad: is broken" in caught.value.hint


def test_too_few_videos_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "one.mkv", 1)
    with pytest.raises(ModelError, match=r"videos in .*: 1 of 1 can be used, too few"):
        opened(f"videos:{tmp_path}", "train")
    with pytest.raises(ModelError, match="there is no such folder"):
        opened(f"videos:{tmp_path / 'no'}", "train")


def test_real_videos_are_read_second_by_second(real_media: Path, tmp_path: Path) -> None:
    clips = {split: opened(f"videos:{real_media / 'video'}", split, tmp_path) for split in ("train", "validation", "test")}
    assert {split: len(data.clips_of) for split, data in clips.items()} == {"train": 5, "validation": 1, "test": 1}
    assert all(not data.skipped for data in clips.values())
    for data in clips.values():
        for index, clip in enumerate(data.clips):
            assert np.diff(data.times(index)).min(initial=1) > 0.2
            picture, mel = data.correlated(0, index)
            assert picture.std() > 0.1 and mel.std() > 0.1, clip.name
        picture, other = data.drawn(1, 0, correlated=False)
        near = abs(data.times(other.clip)[other.moment] - data.times(picture.clip)[picture.moment]) < 5
        assert data.clips[other.clip].video != data.clips[picture.clip].video or not near
