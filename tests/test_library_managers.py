"""Lists of library managers: their columns, separators and encodings; which row belongs to which file."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foley_bridge.errors import LibraryError
from foley_bridge.library.managers import Row, match, read_rows

SOUNDMINER = "Filename\tDescription\tCatID\tCategory\tSubCategory\tFXName\tLibrary\tDesigner\tBWDescription\tChannels\tFilePath"
BASEHEAD = '"File Name";"Path";"Description";"Key Words";"Manufacturer";"Duration"'


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def matched(tmp_path: Path, text: str, *files: str, encoding: str = "utf-8") -> dict[str, dict[str, str]]:
    return match(read_rows(written(tmp_path / "list.txt", text, encoding)), files).words


def test_a_soundminer_export_is_read(tmp_path: Path) -> None:
    row = "Hit.wav\tA hard hit\tMETLImpt\tMETAL\tIMPACT\tAnvil\tForge\tAnn\tother words\t2\tD:\\SFX\\Forge\\Hit.wav"
    assert matched(tmp_path, f"{SOUNDMINER}\n{row}\n", "/mnt/sfx/Forge/Hit.wav") == {
        "/mnt/sfx/Forge/Hit.wav": {
            "description": "A hard hit",
            "cat_id": "METLImpt",
            "category": "METAL",
            "subcategory": "IMPACT",
            "fx_name": "Anvil",
            "library": "Forge",
            "creator": "Ann",
        }
    }


def test_a_basehead_export_is_read(tmp_path: Path) -> None:
    row = '"Hit.wav";"/Volumes/SFX/Forge";"A ""hard"" hit; anvil";"metal, hammer";"Forge Co";"0:02"'
    assert matched(tmp_path, f"{BASEHEAD}\r\n{row}\r\n", "/mnt/Forge/Hit.wav") == {
        "/mnt/Forge/Hit.wav": {"description": 'A "hard" hit; anvil', "keywords": "metal, hammer", "creator": "Forge Co"}
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_any_usual_encoding_separator_and_line_end_is_read(tmp_path: Path, encoding: str, end: str, separator: str) -> None:
    cells = [[" FILENAME ", "Sub Category", "Description"], ["Tür.wav", "Wood", '"Große, ""alte""; Tür\t"'], ["b.wav", "", "é"]]
    text = end.join(separator.join(row) for row in cells)
    found = matched(tmp_path, text, "/x/Tür.wav", "/x/b.wav", encoding=encoding)
    assert found["/x/Tür.wav"] == {"subcategory": "Wood", "description": 'Große, "alte"; Tür'}
    assert found["/x/b.wav"] == {"description": "é"}


def test_lines_before_the_header_and_line_breaks_in_cells_are_no_hindrance(tmp_path: Path) -> None:
    text = 'sep=,\nExported 2026\n\nFilename,Description\na.wav,"two\nlines"\nb.wav,one\nc.wav,short'
    rows = read_rows(written(tmp_path / "list.csv", text))
    assert [(row.line, row.words["description"]) for row in rows] == [(6, "two lines"), (7, "one"), (8, "short")]


@pytest.mark.parametrize("text", ["", "Description,Library\nx,y\n", "just text", "\0\0\0", "Name\nhit\n"])
def test_a_list_that_names_no_files_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(LibraryError, match=r"list\.csv: has no column that names files"):
        read_rows(written(tmp_path / "list.csv", text))


def test_a_list_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"none\.csv: cannot be read"):
        read_rows(tmp_path / "none.csv")


def test_rows_go_to_the_file_whose_path_fits_best() -> None:
    files = ["/mnt/a/Doors/slam.wav", "/mnt/b/Doors/slam.wav", "/mnt/b/Gates/slam.wav"]
    rows = [
        Row(2, ("/", "mnt", "a", "doors", "slam.wav"), {"description": "whole path"}),
        Row(3, ("d:", "b", "doors", "slam.wav"), {"description": "tail"}),
        Row(4, ("sfx", "gates", "slam.wav"), {"description": "folder"}),
    ]
    found = match(rows, files)
    assert {path: words["description"] for path, words in found.words.items()} == dict(
        zip(files, ["whole path", "tail", "folder"], strict=True)
    )
    assert found.unmatched == []


def test_rows_that_fit_nothing_or_several_files_are_told(tmp_path: Path) -> None:
    text = "Filename,Description\nslam.wav,which?\nnone.wav,lost\nonce.wav,here\n"
    found = match(read_rows(written(tmp_path / "l.csv", text)), ["/a/slam.wav", "/b/slam.wav", "/a/once.wav"])
    assert found.unmatched == [(2, "slam.wav", "2 files fit"), (3, "none.wav", "no such file")]
    assert list(found.words) == ["/a/once.wav"]


@pytest.mark.parametrize(
    "given_path",
    [
        "/Volumes/SFX/Doors/Slam.wav",
        "D:\\SFX\\Doors\\Slam.wav",
        "\\\\server\\sfx\\Doors\\Slam.wav",
        "Macintosh HD:SFX:Doors:Slam.wav",
        "doors/SLAM.WAV",
        "Doors/Slam",
    ],
)
def test_paths_of_any_system_are_understood(tmp_path: Path, given_path: str) -> None:
    found = matched(tmp_path, f"FilePath\tNotes\n{given_path}\tx\n", "/mnt/Doors/Slam.wav", "/mnt/Gates/Slam.wav")
    assert found == {"/mnt/Doors/Slam.wav": {"description": "x"}}


def test_names_are_compared_whatever_the_unicode_form(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "/x/Tür.wav")
    assert list(matched(tmp_path, "Filename,Notes\nTür.wav,x\n", decomposed)) == [decomposed]


def test_of_several_rows_for_a_file_the_later_counts_field_by_field(tmp_path: Path) -> None:
    text = "Filename,Description,Library\na.wav,first,Lib\na.wav,second,\n"
    assert matched(tmp_path, text, "/x/a.wav") == {"/x/a.wav": {"description": "second", "library": "Lib"}}


def test_the_manifest_of_the_real_sounds_fits_every_file(real_media: Path) -> None:
    manifest = real_media / "audio_manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    files = [str(real_media / "audio" / name) for name in names]
    found = match(read_rows(manifest), files)
    assert sorted(found.words) == sorted(files) and found.unmatched == []
    assert all(words["licence"] for words in found.words.values())


@given(st.binary(max_size=300))
def test_whatever_is_in_a_list_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.csv"
    path.write_bytes(b"Filename,Description\na.wav,x\n" + junk)
    try:
        match(read_rows(path), ["/x/a.wav"])
    except LibraryError as error:
        assert "junk.csv" in error.message
