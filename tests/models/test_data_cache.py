"""Kept features: whole or not there, never pickled, made anew when damaged; and clips that cannot be made at all."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from data_sources import Numbers
from foley_models.data import PairData
from foley_models.data.cache import Cache, keep
from foley_models.data.filling import fill
from foley_models.errors import ModelError


def data_of(cache: Path | None, **options: object) -> PairData:
    return PairData(Numbers([1] * 6, **options), split="train", cache=cache, seed=0)  # type: ignore[arg-type]


def files_in(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_a_clip_is_one_file_that_numpy_reads_without_pickles(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    assert fill(data, workers=0) == []
    assert len(files_in(tmp_path)) == 6
    for path in files_in(tmp_path):
        with np.load(path, allow_pickle=False) as kept:
            assert {name: (kept[name].dtype.str, kept[name].shape) for name in kept if name.endswith(("s", "-2"))} == {
                "times": ("<f8", (3,)),
                "picture-2": ("|u1", (224, 224, 3)),
                "sound-2": ("<f2", (64, 100)),
            }


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "pickled", "another", "gone"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    data = data_of(tmp_path)
    fill(data, workers=0)
    path = files_in(tmp_path)[0]
    whole = path.read_bytes()
    index = next(index for index in range(6) if data._path(index) == path)
    spoilt = bytearray(whole)
    spoilt[len(spoilt) // 2] ^= 1
    if damage == "pickled":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("times", "picture-0", "picture-1", "picture-2", "sound-0", "sound-1", "sound-2"):
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.array([{}], object))
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": whole[:-1000], "empty": b"", "flipped": bytes(spoilt), "another": b"RIFF" * 99}[damage])
    again = data_of(tmp_path)
    for epoch in range(12):  # all of its moments
        picture, mel = again.correlated(epoch, index)
        number = again.drawn(epoch, index, correlated=True)[0].moment
        assert (mel == np.float16(index + number / 8)).all() and (picture[0] == picture[0, 0, 0]).all()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_other_settings_and_other_clips_are_other_files(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path, {"picture": {"size": 224}}), Cache(tmp_path, {"picture": {"size": 112}})
    assert cache.path({"clip": 1}) == cache.path({"clip": 1})
    assert len({cache.path({"clip": 1}), cache.path({"clip": 2}), other.path({"clip": 1})}) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_where_the_disk_is_full_nothing_is_left_of_a_clip(tmp_path: Path) -> None:
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from data_sources import Numbers
from foley_models.data import PairData
from foley_models.data.filling import fill
from foley_models.errors import ModelError
data = PairData(Numbers([1] * 3), split="train", cache=Path({str(tmp_path)!r}), seed=0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    fill(data, workers=0)
except ModelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "cannot be written" in done.stdout, done.stderr
    assert files_in(tmp_path) == []


def test_without_a_cache_features_go_with_the_data() -> None:
    data = data_of(None)
    data.correlated(0, 0)
    folder = data._cache.folder
    assert files_in(folder)
    del data
    assert not folder.exists()


def test_a_cache_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file: cannot be made"):
        data_of(tmp_path / "file")


# --- what cannot be made ---


def test_clips_that_cannot_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    data = data_of(tmp_path, unreadable=[1, 4], odd=[5])
    told: list[tuple[int, int]] = []
    skipped = fill(data, workers=0, on_progress=lambda done, of: told.append((done, of)))
    assert [each.name for each in skipped] == ["1/0", "4/0", "5/0"] and skipped[2].why == "ZeroDivisionError: no such rate"
    assert skipped[0].why == "clip 1: is not readable (export it again)"
    assert told == [(number, 6) for number in range(1, 7)]
    data.leave_out(skipped)
    assert data.names == ["0/0", "2/0", "3/0"] and str(data) == "train: 3 clips, 2 labels, 3 skipped"
    assert data.correlated(0, 1)[1][0, 0, 0] // 1 == 2


def test_a_clip_that_ends_the_process_reading_it_is_left_out_and_no_other(tmp_path: Path) -> None:
    data = data_of(tmp_path, deadly=[2], unreadable=[3])
    skipped = fill(data, workers=2)
    assert [(each.name, each.why) for each in skipped] == [
        ("2/0", "the process that reads it dies of it"),
        ("3/0", "clip 3: is not readable (export it again)"),
    ]
    whole = [
        path for path in files_in(tmp_path) if not path.name.startswith(".")
    ]  # the others were begun by who was ended, too
    assert len(whole) == 4


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    fill(data_of(tmp_path), workers=0)
    times = [path.stat().st_mtime_ns for path in files_in(tmp_path)]
    assert fill(data_of(tmp_path, deadly=range(6)), workers=0) == []
    assert [path.stat().st_mtime_ns for path in files_in(tmp_path)] == times


def test_moments_of_a_kept_clip_are_read_one_by_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path, {})
    moments = Numbers([1], moments=2).make(0)
    path = cache.path({"clip": 0})
    keep(path, moments)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(f"{name}.npy" for name in ("times", *_members(2)))


def _members(count: int) -> list[str]:
    return [f"{kind}-{number}" for kind in ("picture", "sound") for number in range(count)]
