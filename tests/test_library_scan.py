"""Scans: what is new, changed, moved, gone, double or broken; stopped, killed and run again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from library_files import bext, info, sound, wav

from foley_bridge.errors import Cancelled, LibraryError
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.fingerprint import EDGE
from foley_bridge.library.scan import ScanProgress, ScanReport, scan
from foley_bridge.library.sound import LibrarySound

LONG = EDGE + 5_000  # samples of 16 bits: more than both ends that a fingerprint looks at
COUNTS = ("added", "changed", "moved", "vanished", "unchanged", "duplicates")


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.open(tmp_path / "catalogue", create=True)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Three sounds: a.wav, doors/b.wav, doors/c.flac."""
    folder = tmp_path / "sounds"
    sound(folder / "a.wav", 1)
    sound(folder / "doors" / "b.wav", 2)
    sound(folder / "doors" / "c.flac", 3)
    return folder


def counts(report: ScanReport) -> dict[str, int]:
    """What happened, without what did not."""
    return {name: getattr(report, name) for name in COUNTS if getattr(report, name)}


def contents(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """Everything in the catalogue, by id."""
    return {each.id: each.to_json() for each in catalogue.list()}


def by_name(catalogue: Catalogue) -> dict[str, LibrarySound]:
    return {each.name: each for each in catalogue.list()}


def touch(path: Path) -> None:
    """Another time of change, the same content."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


# --- what there is


def test_everything_in_the_folders_is_added_once(catalogue: Catalogue, library: Path) -> None:
    report = scan(catalogue, [library])
    assert counts(report) == {"added": 3} and report.failed == []
    b = by_name(catalogue)["b"]
    assert b.paths == (str(library / "doors" / "b.wav"),)
    assert (b.duration_s, b.sample_rate, b.channels, b.bit_depth, b.format) == (0.1, 48_000, 1, 16, "WAV")
    assert (b.size, b.mtime_ns) == (
        (library / "doors" / "b.wav").stat().st_size,
        (library / "doors" / "b.wav").stat().st_mtime_ns,
    )
    assert b.category == "DOORS"


def test_a_second_scan_opens_no_file(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    before = contents(catalogue)
    for path in library.rglob("*.*"):
        status = path.stat()
        path.write_bytes(b"x" * status.st_size)  # would be noticed by anybody who looked inside
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts(scan(catalogue, [library])) == {"unchanged": 3}
    assert contents(catalogue) == before


def test_every_real_sound_is_added(catalogue: Catalogue, real_media: Path) -> None:
    report = scan(catalogue, [real_media / "audio"], csv=[real_media / "audio_manifest.csv"])
    assert counts(report) == {"added": 665}
    assert (report.failed, report.notes, report.unmatched) == ([], [], [])
    assert all(each.licence and each.duration_s > 0 for each in catalogue.list())


def test_files_that_are_no_sounds_are_passed_over_and_broken_sounds_are_told(catalogue: Catalogue, library: Path) -> None:
    (library / "readme.txt").write_text("hello")
    (library / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (library / "Icon\r").write_bytes(b"")
    (library / "broken.wav").write_bytes(b"RIFF....WAVE")
    sound(library / "empty.wav", 9, frames=0)
    (library / "doors" / "mute.mp4").write_bytes(b"")
    report = scan(catalogue, [library])
    assert counts(report) == {"added": 3}
    assert [Path(path).name for path, _ in report.failed] == ["broken.wav", "mute.mp4", "empty.wav"] or sorted(
        Path(path).name for path, _ in report.failed
    ) == ["broken.wav", "empty.wav", "mute.mp4"]
    assert all(str(library) not in reason and reason for _, reason in report.failed)
    assert counts(scan(catalogue, [library])) == {"unchanged": 3}


def test_hidden_files_and_systems_leavings_are_passed_over(catalogue: Catalogue, library: Path) -> None:
    for name in (".hidden.wav", "._a.wav", ".foley_bridge-0123/take.wav", "$RECYCLE.BIN/x.wav", "@eaDir/y.wav", ".git/z.wav"):
        sound(library / name, 77)
    report = scan(catalogue, [library])
    assert counts(report) == {"added": 3} and report.failed == []


def test_suffixes_count_in_any_case_and_files_may_be_given_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    loud = tmp_path / "one" / "LOUD.WAV"
    sound(tmp_path / "one" / "loud.wav", 1).rename(loud)
    sound(tmp_path / "one" / "other.wav", 2)
    assert counts(scan(catalogue, [loud])) == {"added": 1}
    assert [each.paths for each in catalogue.list()] == [(str(loud),)]
    assert counts(scan(catalogue, [tmp_path / "one"])) == {"added": 1, "unchanged": 1}


def test_a_folder_within_another_or_given_twice_or_relative_is_scanned_once(
    catalogue: Catalogue, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library)
    report = scan(catalogue, ["doors", library, str(library) + os.sep, Path(), library / "doors" / ".." / "doors"])
    assert counts(report) == {"added": 3}
    assert all(Path(each.paths[0]).is_absolute() and ".." not in each.paths[0] for each in catalogue.list())


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_once_and_circles_end(catalogue: Catalogue, library: Path, tmp_path: Path) -> None:
    outside = sound(tmp_path / "elsewhere" / "far.wav", 50).parent
    (library / "0_link_to_inside").symlink_to(library / "doors")
    (library / "again.wav").symlink_to(library / "a.wav")
    (library / "doors" / "up").symlink_to(library)
    (library / "out_1").symlink_to(outside)
    (library / "out_2").symlink_to(outside)
    (library / "self").symlink_to(library / "self")
    (library / "far.wav").symlink_to(outside / "far.wav")
    report = scan(catalogue, [library])
    assert counts(report) == {"added": 4} and report.failed == []
    assert by_name(catalogue)["b"].paths == (str(library / "doors" / "b.wav"),)
    assert counts(scan(catalogue, [library])) == {"unchanged": 4}


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist only where names are bytes")
def test_a_name_that_is_not_unicode_is_told_and_stops_nothing(catalogue: Catalogue, library: Path) -> None:
    sound(library / "x.wav", 9).rename(os.fsdecode(os.fsencode(library) + b"/caf\xe9.wav"))
    os.mkdir(os.fsencode(library) + b"/d\xfc")  # noqa: PTH102
    report = scan(catalogue, [library])
    assert counts(report) == {"added": 3}
    assert "rename" in dict(report.failed)[os.fsdecode(os.fsencode(library) + b"/caf\xe9.wav")]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is closed to the super user")
def test_what_may_not_be_read_is_told_and_stops_nothing(catalogue: Catalogue, library: Path) -> None:
    sound(library / "locked.wav", 8).chmod(0)
    sound(library / "locked" / "x.wav", 9).parent.chmod(0)
    report = scan(catalogue, [library])
    (library / "locked").chmod(0o700)
    assert counts(report) == {"added": 3}
    assert sorted(Path(path).name for path, _ in report.failed) == ["locked", "locked.wav"]


def test_a_file_that_vanishes_during_the_scan_is_no_failure(catalogue: Catalogue, library: Path) -> None:
    def remove_one(progress: ScanProgress) -> None:
        if progress.step == "reading":
            (library / "a.wav").unlink(missing_ok=True)

    report = scan(catalogue, [library], watcher=remove_one, threads=1)
    assert report.failed == [] and counts(report) == {"added": 2}


def test_folders_that_are_not_there_are_refused_or_told(catalogue: Catalogue, library: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="nowhere"):
        scan(catalogue, [tmp_path / "nowhere"])
    report = scan(catalogue, [tmp_path / "nowhere", library])
    assert counts(report) == {"added": 3}
    assert report.failed == [(str(tmp_path / "nowhere"), "is not there")]


# --- the same content twice


def test_a_copy_is_another_path_of_the_same_sound(catalogue: Catalogue, library: Path) -> None:
    shutil.copyfile(library / "a.wav", library / "doors" / "a copy.wav")
    assert counts(scan(catalogue, [library])) == {"added": 3, "duplicates": 1}
    assert by_name(catalogue)["a"].paths == (str(library / "a.wav"), str(library / "doors" / "a copy.wav"))
    assert counts(scan(catalogue, [library])) == {"unchanged": 4}
    touch(library / "doors" / "a copy.wav")
    assert counts(scan(catalogue, [library])) == {"unchanged": 4}
    assert by_name(catalogue)["a"].name == "a"


def test_a_copy_found_later_keeps_the_sounds_name_words_and_corrections(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    catalogue.edit(a.id, description="a gate")
    shutil.copyfile(library / "a.wav", library / "0 earlier by name.wav")
    assert counts(scan(catalogue, [library])) == {"duplicates": 1, "unchanged": 3}
    now = catalogue.get(a.id)
    assert (now.name, now.description, now.paths[0]) == ("a", "a gate", str(library / "a.wav"))
    assert catalogue.edit(a.id, reset=["description"]).description == ""


def test_long_files_that_differ_only_in_the_middle_are_two_sounds(catalogue: Catalogue, tmp_path: Path) -> None:
    one = sound(tmp_path / "s" / "1.wav", 1, frames=2 * LONG)
    raw = bytearray(one.read_bytes())
    shutil.copyfile(one, tmp_path / "s" / "3.wav")
    raw[len(raw) // 2] ^= 1
    for name in ("2.wav", "4.wav"):
        (tmp_path / "s" / name).write_bytes(raw)
    assert counts(scan(catalogue, [tmp_path / "s"])) == {"added": 2, "duplicates": 2}
    assert sorted(len(each.paths) for each in catalogue.list()) == [2, 2]
    assert {Path(path).name for path in by_name(catalogue)["2"].paths} == {"2.wav", "4.wav"}
    assert len({each.fingerprint for each in catalogue.list()}) == 2
    assert counts(scan(catalogue, [tmp_path / "s"])) == {"unchanged": 4}
    for path in (tmp_path / "s").iterdir():
        touch(path)
    assert counts(scan(catalogue, [tmp_path / "s"])) == {"unchanged": 4}
    (tmp_path / "s" / "2.wav").unlink()
    (tmp_path / "s" / "4.wav").rename(tmp_path / "s" / "5.wav")
    assert counts(scan(catalogue, [tmp_path / "s"])) == {"moved": 1, "vanished": 1, "unchanged": 2}
    assert {Path(path).name for path in by_name(catalogue)["5"].paths} == {"5.wav"}


def test_ids_follow_from_content_not_from_order_or_threads(tmp_path: Path, library: Path) -> None:
    for number in range(40):
        sound(library / f"n{number}.wav", 100 + number % 30)

    def fresh(name: str, folders: list[Path], threads: int) -> dict[str, dict[str, Any]]:
        catalogue = Catalogue.open(tmp_path / name, create=True)
        for folder in folders:
            scan(catalogue, [folder], threads=threads)
        return contents(catalogue)

    whole = fresh("1", [library], 1)
    assert len(whole) == 33
    assert fresh("2", [library], 7) == whole
    assert set(fresh("3", [library / "doors", library], 2)) == set(whole)
    elsewhere = tmp_path / "moved house"
    shutil.copytree(library, elsewhere)
    assert set(fresh("4", [elsewhere], 3)) == set(whole)


# --- what has changed since


def test_a_changed_file_is_read_again_and_keeps_its_id_corrections_and_marks(catalogue: Catalogue, library: Path) -> None:
    wav(library / "a.wav", info(ICMT=b"first words"), seed=1)
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    catalogue.edit(a.id, fx_name="My gate", favourite=True)
    wav(library / "a.wav", info(ICMT=b"other words"), seed=9)
    touch(library / "a.wav")
    assert counts(scan(catalogue, [library])) == {"changed": 1, "unchanged": 2}
    now = catalogue.get(a.id)
    assert (now.description, now.fx_name, now.favourite) == ("other words", "My gate", True)
    assert now.fingerprint != a.fingerprint and now.paths == a.paths
    assert counts(scan(catalogue, [library])) == {"unchanged": 3}


def test_a_touched_file_is_not_changed(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    before = contents(catalogue)
    touch(library / "a.wav")
    assert counts(scan(catalogue, [library])) == {"unchanged": 3}
    after = contents(catalogue)
    for each in (*before.values(), *after.values()):
        each.pop("mtime_ns")
    assert after == before


def test_a_moved_file_keeps_its_id_corrections_and_marks(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    b = by_name(catalogue)["b"]
    catalogue.edit(b.id, description="heavy door", banned=True)
    (library / "gates").mkdir()
    (library / "doors" / "b.wav").rename(library / "gates" / "iron gate.wav")
    assert counts(scan(catalogue, [library])) == {"moved": 1, "unchanged": 2}
    now = catalogue.get(b.id)
    assert now.paths == (str(library / "gates" / "iron gate.wav"),)
    assert (now.name, now.description, now.banned) == ("iron gate", "heavy door", True)
    assert catalogue.count() == 3


def test_a_renamed_folder_moves_its_sounds_even_when_only_the_new_one_is_scanned(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library / "doors"])
    ids = set(contents(catalogue))
    (library / "doors").rename(library / "portals")
    assert counts(scan(catalogue, [library / "portals"])) == {"moved": 2}
    assert set(contents(catalogue)) == ids
    assert all("portals" in path for each in catalogue.list() for path in each.paths)


def test_a_moved_first_of_two_copies_leaves_the_sound_to_the_other(catalogue: Catalogue, library: Path) -> None:
    shutil.copyfile(library / "a.wav", library / "b2.wav")
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    (library / "a.wav").rename(library / "z.wav")
    assert counts(scan(catalogue, [library])) == {"moved": 1, "unchanged": 3}
    assert catalogue.get(a.id).paths == (str(library / "b2.wav"), str(library / "z.wav"))
    assert catalogue.get(a.id).name == "b2"


def test_a_vanished_file_takes_its_sound_with_it_only_if_it_was_the_last(catalogue: Catalogue, library: Path) -> None:
    shutil.copyfile(library / "doors" / "b.wav", library / "z.wav")
    scan(catalogue, [library])
    b = by_name(catalogue)["b"]
    catalogue.edit(b.id, description="kept")
    (library / "doors" / "b.wav").unlink()
    (library / "a.wav").unlink()
    assert counts(scan(catalogue, [library])) == {"vanished": 2, "unchanged": 2}
    assert set(by_name(catalogue)) == {"z", "c"}
    now = by_name(catalogue)["z"]
    assert (now.id, now.paths, now.description) == (b.id, (str(library / "z.wav"),), "kept")


def test_swapped_contents_keep_their_corrections(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    old = {name: each.id for name, each in by_name(catalogue).items()}
    catalogue.edit(old["a"], description="the first")
    (library / "a.wav").rename(library / "was a.wav")
    sound(library / "a.wav", 60)
    touch(library / "a.wav")
    assert counts(scan(catalogue, [library])) == {"moved": 1, "added": 1, "unchanged": 2}
    assert catalogue.get(old["a"]).paths == (str(library / "was a.wav"),)
    assert catalogue.get(old["a"]).description == "the first"
    assert by_name(catalogue)["a"].id != old["a"]


def test_one_of_two_copies_that_changes_becomes_a_sound_of_its_own(catalogue: Catalogue, library: Path) -> None:
    shutil.copyfile(library / "a.wav", library / "a2.wav")
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    sound(library / "a2.wav", 61, frames=5_000)
    assert counts(scan(catalogue, [library])) == {"added": 1, "unchanged": 3}
    assert catalogue.get(a.id).paths == (str(library / "a.wav"),)
    assert by_name(catalogue)["a2"].paths == (str(library / "a2.wav"),)
    sound(library / "a2.wav", 62, frames=5_100)
    sound(library / "a.wav", 62, frames=5_100)
    assert counts(scan(catalogue, [library])) == {"changed": 1, "duplicates": 1, "unchanged": 2}
    assert catalogue.get(a.id).paths == (str(library / "a.wav"), str(library / "a2.wav"))
    assert catalogue.count() == 3


def test_old_content_that_comes_back_beside_the_new_is_a_sound_of_its_own(catalogue: Catalogue, library: Path) -> None:
    first = (library / "a.wav").read_bytes()
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    sound(library / "a.wav", 63, frames=5_000)
    scan(catalogue, [library])
    (library / "restored.wav").write_bytes(first)
    assert counts(scan(catalogue, [library])) == {"added": 1, "unchanged": 3}
    assert by_name(catalogue)["a"].id == a.id != by_name(catalogue)["restored"].id


def test_a_drive_that_is_not_mounted_empties_nothing_and_the_report_says_so(
    catalogue: Catalogue, library: Path, tmp_path: Path
) -> None:
    other = sound(tmp_path / "drive" / "x.wav", 40).parent
    sound(library / "mounted" / "y.wav", 41)
    scan(catalogue, [library, other])
    assert catalogue.count() == 5
    other.rename(tmp_path / "away")
    (library / "mounted" / "y.wav").rename(tmp_path / "away" / "y.wav")
    report = scan(catalogue, [library, other])
    assert counts(report) == {"unchanged": 3} and catalogue.count() == 5
    assert len(report.notes) == 2
    assert all("its sound stays in the library" in note for note in report.notes)
    assert str(other) in report.notes[0] and str(library / "mounted") in report.notes[1]
    other.mkdir()  # the mount point without its drive
    assert counts(scan(catalogue, [library, other])) == {"unchanged": 3} and catalogue.count() == 5
    (library / "mounted").rmdir()
    assert counts(scan(catalogue, [library])) == {"unchanged": 3, "vanished": 1}


def test_sounds_elsewhere_are_left_alone(catalogue: Catalogue, library: Path, tmp_path: Path) -> None:
    other = sound(tmp_path / "sounds 2" / "x.wav", 40).parent
    scan(catalogue, [library, other])
    shutil.rmtree(other)
    assert counts(scan(catalogue, [library])) == {"unchanged": 3}
    assert catalogue.count() == 4


# --- lists and options


def test_a_list_given_later_is_laid_over_files_that_did_not_change(catalogue: Catalogue, library: Path, tmp_path: Path) -> None:
    wav(library / "a.wav", bext(b"tagged"), seed=1)
    scan(catalogue, [library])
    a = by_name(catalogue)["a"]
    catalogue.edit(a.id, fx_name="Mine")
    (tmp_path / "list.csv").write_text("Filename,Description,FXName,CatID\na.wav,listed,Theirs,DOORWood\nnone.wav,x,,\n")
    report = scan(catalogue, [library], csv=[tmp_path / "list.csv"])
    assert counts(report) == {"changed": 1, "unchanged": 2}
    assert report.unmatched == [(str(tmp_path / "list.csv"), 3, "none.wav", "no such file")]
    now = catalogue.get(a.id)
    assert (now.description, now.fx_name, now.cat_id, now.cat_from) == ("listed", "Mine", "DOORWood", "metadata")
    assert catalogue.edit(a.id, reset=["fx_name"]).fx_name == "Theirs"
    assert counts(scan(catalogue, [library], csv=[tmp_path / "list.csv"])) == {"unchanged": 3}


def test_a_list_that_cannot_be_read_stops_the_scan_before_anything(catalogue: Catalogue, library: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("nothing of use\n")
    with pytest.raises(LibraryError, match=r"list\.csv"):
        scan(catalogue, [library], csv=[tmp_path / "list.csv"])
    assert catalogue.count() == 0


def test_licence_and_source_are_kept_by_later_scans_without_them(catalogue: Catalogue, library: Path) -> None:
    scan(catalogue, [library])
    assert counts(scan(catalogue, [library], licence="CC BY 4.0", source="shop")) == {"changed": 3}
    touch(library / "a.wav")
    sound(library / "doors" / "b.wav", 70, frames=5_000)
    scan(catalogue, [library])
    assert {(each.licence, each.source) for each in catalogue.list()} == {("CC BY 4.0", "shop")}


# --- progress, stopping, and being killed


def test_the_watcher_hears_how_far_it_is(catalogue: Catalogue, library: Path) -> None:
    heard: list[ScanProgress] = []
    scan(catalogue, [library], watcher=heard.append)
    assert next(each.step for each in heard) == "looking"
    reading = [each for each in heard if each.step == "reading"]
    assert reading and all(each.total == 3 and each.seen == 3 and 0 <= each.read <= 3 for each in reading)


def test_a_stopped_scan_keeps_what_is_in_and_goes_on_later(catalogue: Catalogue, tmp_path: Path) -> None:
    for number in range(60):
        sound(tmp_path / "s" / f"{number:03}.wav", number, frames=480)
    undisturbed = Catalogue.open(tmp_path / "undisturbed", create=True)
    scan(undisturbed, [tmp_path / "s"])

    for step in ("looking", "reading"):

        def stop(progress: ScanProgress, step: str = step) -> None:
            if progress.step == step:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            scan(catalogue, [tmp_path / "s"], watcher=stop)
    assert not [each for each in threading.enumerate() if each.name.startswith("scan")]
    scan(catalogue, [tmp_path / "s" / "..", tmp_path / "s" / "001.wav"][1:])
    report = scan(catalogue, [tmp_path / "s"])
    assert counts(report) == {"added": 59, "unchanged": 1}
    assert contents(catalogue) == contents(undisturbed)


SCAN = """
import sys, time
from pathlib import Path
from foley_bridge.library import scan as module
from foley_bridge.library.catalogue import Catalogue
module._BATCH = 20
catalogue = Catalogue.open(Path(sys.argv[1]), create=True)
print("ready", flush=True)
module.scan(catalogue, sys.argv[2:])
print("done", flush=True)
"""


def killed_scan(catalogue: Path, folder: Path, when: Callable[[subprocess.Popen[str]], None]) -> bool:
    """Scan in another process and kill it; whether it had come to its end by then."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCAN, str(catalogue), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        when(process)
    finally:
        process.kill()
        rest = process.communicate(timeout=60)[0]
    assert rest in ("", "done\n"), rest
    return rest == "done\n"


def kill_anywhere(tmp_path: Path, folder: Path, before: Path, after_s: list[float]) -> None:
    """Killed at any moment, once or several times, and run again: the catalogue is that of an undisturbed scan."""
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(before, undisturbed)
    scan(Catalogue.open(undisturbed), [folder])
    expected = contents(Catalogue.open(undisturbed))
    disturbed = tmp_path / "disturbed"
    shutil.copytree(before, disturbed)
    halfway = False
    for delay in after_s:
        done = killed_scan(disturbed, folder, lambda _, delay=delay: time.sleep(delay))  # type: ignore[misc]
        some = len(set(Catalogue.open(disturbed).all_files()) & {str(path) for path in folder.rglob("*.wav")})
        halfway |= not done and some > 0
    scan(Catalogue.open(disturbed), [folder])
    assert contents(Catalogue.open(disturbed)) == expected
    assert halfway, "no kill fell into the middle of a scan"


def changed_library(tmp_path: Path, many: int) -> tuple[Path, Path]:
    """A folder of sounds and a catalogue of how it was before some were moved, changed, copied, removed."""
    folder = tmp_path / "sounds"
    for number in range(many):
        path = sound(folder / f"{number % 7}" / f"{number:04}.wav", number, frames=480)
        if number % 3 == 0:
            shutil.copyfile(path, path.with_name(f"{number:04} again.wav"))
    catalogue = Catalogue.open(tmp_path / "before", create=True)
    scan(catalogue, [folder])
    for each in catalogue.list()[::5]:
        catalogue.edit(each.id, description=f"mine {each.name}", favourite=True)
    files = sorted(folder.rglob("*.wav"))
    for at, path in enumerate(files):
        if at % 6 == 1:
            path.rename(folder / f"moved {at}.wav")
        elif at % 6 == 2:
            sound(path, 10_000 + at, frames=500)
        elif at % 6 == 3:
            shutil.copyfile(path, folder / f"copy {at}.wav")
        elif at % 6 == 4:
            path.unlink()
    for number in range(many):
        sound(folder / "new" / f"{number:04}.wav", 20_000 + number, frames=480)
    return folder, tmp_path / "before"


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is not the same thing there")
def test_a_scan_killed_in_the_middle_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    assert signal.SIGKILL == 9
    folder, before = changed_library(tmp_path, 300)
    kill_anywhere(tmp_path, folder, before, [0.15, 0.25])


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(25))
def test_a_scan_killed_at_random_moments_ends_as_an_undisturbed_one(tmp_path: Path, seed: int) -> None:
    import random

    chance = random.Random(seed)
    folder, before = changed_library(tmp_path, 300)
    kill_anywhere(tmp_path, folder, before, [chance.uniform(0.02, 1.0) for _ in range(4)])


def test_two_scans_at_once_lose_nothing(tmp_path: Path, library: Path) -> None:
    for number in range(60):
        sound(library / f"n{number}.wav", 100 + number % 50, frames=480)
    once = Catalogue.open(tmp_path / "once", create=True)
    scan(once, [library])
    Catalogue.open(tmp_path / "twice", create=True)
    processes = [
        subprocess.Popen([sys.executable, "-c", SCAN, str(tmp_path / "twice"), str(library)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [each.communicate(timeout=120)[0] for each in processes] == ["ready\ndone\n"] * 2
    twice = Catalogue.open(tmp_path / "twice")
    assert contents(twice) == contents(once)
