"""What a request may touch: paths that stay inside, climb, lead out, are no files, or are named by another seat."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from foley_bridge.errors import JobError
from foley_bridge.jobs.destinations import destinations
from foley_bridge.jobs.roots import ANYWHERE, Roots


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    for name in ("media", "out", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere" / "secret.wav").write_bytes(b"x")
    return Roots(
        (tmp_path / "media",),
        (tmp_path / "out",),
        (("P:\\projects", tmp_path / "media"), ("/Volumes/reel", tmp_path / "media")),
    )


def refusal(roots: Roots, text: str) -> str:
    with pytest.raises(JobError) as caught:
        roots.media_file(text, "timeline.path")
    assert "timeline.path" in caught.value.message and caught.value.hint
    return caught.value.message


def test_a_file_inside_is_allowed_whether_it_is_there_or_not(roots: Roots, tmp_path: Path) -> None:
    assert roots.media_file(str(tmp_path / "media" / "a b.mov"), "f") == tmp_path / "media" / "a b.mov"
    assert roots.media_file((tmp_path / "media" / "a b.mov").as_uri(), "f") == tmp_path / "media" / "a b.mov"
    assert roots.output_path(str(tmp_path / "out" / "new" / "cut.otio"), "f") == tmp_path / "out" / "new" / "cut.otio"


def test_what_may_be_read_may_not_be_written(roots: Roots, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="output folders"):
        roots.output_path(str(tmp_path / "media" / "cut.otio"), "out")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{tmp}/media/../elsewhere/secret.wav", r"'..'"),
        ("P:\\projects\\..\\elsewhere\\secret.wav", r"'..'"),
        ("file://{tmp}/media/%2e%2e/elsewhere/secret.wav", r"'..'"),
        ("{tmp}/elsewhere/secret.wav", "outside"),
        ("{tmp}/media2/a.wav", "outside"),
        ("media/a.wav", "absolute"),
        ("~/a.wav", "absolute"),
        ("", "not a path"),
        ("{tmp}/media/a\0.wav", "not a path"),
        ("{tmp}/media/a\n.wav", "not a path"),
        ("/" + "a" * 5000, "not a path"),
        ("\\\\server\\share\\a.wav", "network"),
        ("//server/share/a.wav", "network"),
        ("file://server/share/a.wav", "network"),
        ("smb://server/a.wav", "not a file"),
        ("http://example.org/a.wav", "not a file"),
        ("pipe:0", "not a file"),
        ("concat:a|b", "not a file"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_by_name(roots: Roots, tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(roots, text.replace("{tmp}", str(tmp_path)))


def test_links_are_followed_before_they_are_judged(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "media" / "out.wav").symlink_to(tmp_path / "elsewhere" / "secret.wav")
    (tmp_path / "media" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "media" / "real.wav").write_bytes(b"x")
    (tmp_path / "media" / "in.wav").symlink_to(tmp_path / "media" / "real.wav")
    (tmp_path / "media" / "loop").symlink_to(tmp_path / "media" / "loop")
    assert "secret.wav" in refusal(roots, str(tmp_path / "media" / "out.wav"))
    assert "outside" in refusal(roots, str(tmp_path / "media" / "folder" / "secret.wav"))
    assert roots.media_file(str(tmp_path / "media" / "in.wav"), "f")


def test_a_media_folder_that_is_a_link_itself_is_allowed_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "projects").symlink_to(tmp_path / "disk")
    roots = Roots((tmp_path / "projects",), ())
    assert roots.media_file(str(tmp_path / "projects" / "a.wav"), "f")
    assert roots.media_file(str(tmp_path / "disk" / "a.wav"), "f")


@pytest.mark.skipif(os.name == "nt", reason="POSIX devices")
def test_devices_pipes_and_sockets_are_refused_even_where_everything_is_allowed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.wav"))
        for device in ("/dev/zero", str(tmp_path / "pipe.wav"), str(tmp_path / "socket.wav")):
            with pytest.raises(JobError, match="device"):
                ANYWHERE.media_file(device, "like")


def test_a_seats_path_is_found_and_given_back_as_the_seat_names_it(roots: Roots, tmp_path: Path) -> None:
    here = tmp_path / "media" / "reel1" / "a.mov"
    for named in ("P:\\projects\\reel1\\a.mov", "p:/Projects/reel1/a.mov", "file:///P:/projects/reel1/a.mov"):
        assert roots.media_file(named, "f") == here
    assert roots.media_file("/Volumes/reel/reel1/a.mov", "f") == here
    assert roots.to_remote(str(here)) == "P:\\projects\\reel1\\a.mov"
    assert "absolute" in refusal(roots, "Q:\\projects\\a.mov")
    assert "outside" in refusal(roots, "/volumes/reel/a.mov")  # only Windows names match in any case


def test_every_seat_gets_paths_back_by_its_own_map(tmp_path: Path) -> None:
    here = tmp_path / "reel1" / "a.wav"
    maps = (("P:\\reels", tmp_path), ("/Volumes/reels", tmp_path), ("Q:\\more", tmp_path / "more"))
    roots = Roots(None, None, maps)
    assert roots.for_seat("/Volumes/reels/cut.otio").to_remote(str(here)) == "/Volumes/reels/reel1/a.wav"
    assert roots.for_seat("P:\\reels\\cut.otio").to_remote(str(here)) == "P:\\reels\\reel1\\a.wav"
    assert roots.for_seat("Q:\\more\\cut.otio").to_remote(str(here)) == "P:\\reels\\reel1\\a.wav"
    assert roots.for_seat(str(tmp_path / "cut.otio")).to_remote(str(here)) == str(here)


def test_roots_survive_json(roots: Roots) -> None:
    assert Roots.from_json(roots.to_json()) == roots
    assert Roots.from_json(ANYWHERE.to_json()) == ANYWHERE


def test_the_folders_a_request_writes_into_are_each_named_once(roots: Roots, tmp_path: Path) -> None:
    out = tmp_path / "out"
    params = {
        "kind": "generate",
        "out": str(out / "cut.otio"),
        "media_dir": str(out / "takes"),
        "preview": str(out / "p" / "cut.mp4"),
        "report": None,
    }
    assert destinations(params, roots) == [out, out / "takes", out / "p"]
    with pytest.raises(JobError, match="preview"):
        destinations({**params, "preview": str(tmp_path / "p.mp4")}, roots)
