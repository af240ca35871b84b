"""``library search`` by picture and by sound, on the command line: a real pack, real sounds, real pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="packs are made with onnx")
from colour_and_pitch import movie
from near_materials import HERTZ, image, library_in, pack_in, tones

from foley_bridge.cli import main
from foley_bridge.errors import LibraryError
from foley_bridge.jobs import searching
from foley_bridge.library.finding import WORDS


class Shell:
    """``library search`` with a library and a pack."""

    def __init__(self, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.library, self._capsys = library, capsys

    def run(self, *words: object) -> tuple[int, str, str]:
        status = main(["library", *map(str, words), "--library", str(self.library)])
        out, err = self._capsys.readouterr()
        return status, out, err

    def found(self, *words: object) -> list[dict[str, Any]]:
        status, out, err = self.run("search", *words, "--json")
        assert status == 0 and err == "", (status, err, out)
        said = json.loads(out)
        assert set(said) == {"sounds", "notes"} and said["notes"] == []
        return list(said["sounds"])

    def names(self, *words: object) -> list[str]:
        return [each["fx_name"] for each in self.found(*words)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """home, library, sounds and pictures."""
    folder = tmp_path_factory.mktemp("near")
    library_in(folder, pack_in(folder / "home"))
    for colour in ("red", "green", "blue"):
        image(folder / f"{colour}.png", colour)
    movie(folder / "shot.mp4", ["red", "blue", "green"])
    return folder


@pytest.fixture
def shell(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(place / "home"))
    return Shell(place / "library", capsys)


LOW = {"Low Door", "Low Rumble", "Rising"}
MIDDLING = {"Middling Glass", "Rising"}
HIGH = {"High Door", "High Bell", "Rising"}


@pytest.mark.parametrize(
    ("picture", "fits"), [("red.png", LOW), ("blue.png", HIGH), ("green.png", {"Middling Glass", "Rising"})]
)
def test_a_picture_finds_the_sounds_that_go_with_it(shell: Shell, place: Path, picture: str, fits: set[str]) -> None:
    found = shell.found("--picture", place / picture)
    assert len(found) == 6 and {each["fx_name"] for each in found[: len(fits)]} == fits
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.5 and 0 <= scores[-1] < scores[0]
    assert all(each["score"] == each["picture_score"] and each["words_score"] is None for each in found)


@pytest.mark.parametrize(("at", "lasts", "fits"), [(0, 2, LOW), (2, 2, HIGH), (4.5, 1, MIDDLING)])
def test_of_a_movie_only_the_stretch_that_is_named_counts(
    shell: Shell, place: Path, at: float, lasts: float, fits: set[str]
) -> None:
    names = shell.names("--picture", place / "shot.mp4", "--at", at, "--for", lasts)
    assert {*names[: len(fits)]} == fits


def test_a_movie_without_a_stretch_counts_from_its_first_second_to_its_last(shell: Shell, place: Path) -> None:
    whole = {each["fx_name"]: each["picture_score"] for each in shell.found("--picture", place / "shot.mp4")}
    rest = {each["fx_name"]: each["picture_score"] for each in shell.found("--picture", place / "shot.mp4", "--at", 2)}
    assert min(whole.values()) > 0.5, "each of the colours has sounds"
    assert rest["Low Door"] < 0.5 < min(rest["High Bell"], rest["Middling Glass"])


def test_it_is_told_where_in_a_sound_the_best_second_begins(shell: Shell, place: Path) -> None:
    def starts(colour: str) -> float:
        found = shell.found("--picture", place / f"{colour}.png")
        return float(next(each["at_s"] for each in found if each["fx_name"] == "Rising"))

    assert 0 <= starts("red") < 2 <= starts("green") < 4 <= starts("blue") <= 5


def test_words_and_picture_together_are_the_two_in_their_shares(shell: Shell, place: Path) -> None:
    found = shell.found("door", "--picture", place / "blue.png")
    by_name = {each["fx_name"]: each for each in found}
    assert [each["fx_name"] for each in found[:2]] == ["High Door", "Low Door"]
    assert by_name["High Bell"]["words_score"] == 0 and by_name["High Bell"]["score"] > 0, "the picture alone finds, too"
    assert by_name["High Door"]["words_score"] == shell.found("door")[0]["words_score"] == 1
    for each in found:
        both = WORDS * each["words_score"] + (1 - WORDS) * each["picture_score"]
        assert each["score"] == pytest.approx(both, abs=2e-6)


def test_a_sound_finds_itself_first_and_then_those_like_it(shell: Shell, place: Path) -> None:
    bell = next(each for each in shell.found("bell") if each["fx_name"] == "High Bell")
    by_id, by_file = shell.found("--like", f"lib:{bell['id']}"), shell.found("--like", bell["paths"][0])
    for found in (by_id, by_file):
        assert found[0]["fx_name"] == "High Bell" and found[0]["picture_score"] == 1
        assert {each["fx_name"] for each in found[:3]} == HIGH
    assert [each["id"] for each in by_id] == [each["id"] for each in by_file]
    assert shell.names("door", "--like", f"lib:{bell['id'][:6]}")[0] == "High Door"


def test_a_sound_of_another_rate_and_width_finds_what_is_like_it(shell: Shell, place: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(tones(tmp_path / "a.wav", HERTZ["middling"]))
    soundfile.write(tmp_path / "b.flac", np.stack([samples[::2], samples[::2]], axis=1), rate // 2)
    assert shell.names("--like", tmp_path / "b.flac")[0] == "Middling Glass"


def test_conditions_hold_before_the_nearest_are_taken(shell: Shell, place: Path) -> None:
    red = place / "red.png"
    assert shell.names("--picture", red, "--ucs", "DOORS") == ["Low Door", "High Door"]
    assert (
        shell.names("--picture", red, "--length", "3-", "--limit", "1") == shell.names("--picture", red, "--length", "3-")[:1]
    )
    assert {*shell.names("--picture", red, "--length", "3-")} == {"Low Rumble", "Rising"}
    assert shell.names("--picture", red, "--channels", "2") == []
    assert "Low Door" not in shell.names("-door", "--picture", red)


def test_what_is_printed_for_people_has_the_scores_and_where(shell: Shell, place: Path) -> None:
    status, out, err = shell.run("search", "--picture", place / "blue.png", "--limit", "1", "--ucs", "DOORS")
    assert (status, err) == (0, "") and "at" in out and "High Door" in out and "words" not in out
    status, out, err = shell.run("search", "door", "--like", place / "sounds" / "BELLMisc_High Bell_ME_SHOW.wav")
    assert status == 0 and all(heading in out.splitlines()[0] for heading in ("score", "words", "sound", "at"))
    assert "picture" not in out.splitlines()[0]
    status, out, err = shell.run("search", "--picture", place / "blue.png", "--channels", "2")
    assert (status, out.startswith("nothing found")) == (0, True)


def test_sounds_that_are_not_embedded_yet_are_counted_and_banned_ones_left_out(
    shell: Shell, place: Path, tmp_path: Path
) -> None:
    own = Shell(tmp_path / "library", shell._capsys)
    assert own.run("add", place / "sounds")[0] == 0
    tones(tmp_path / "new" / "Low Cellar.wav", 0.9 * HERTZ["low"])
    assert own.run("add", tmp_path / "new", "--no-embed")[0] == 0
    door = own.found("low door")[0]["id"]
    assert own.run("edit", door, "--ban")[0] == 0
    status, out, _ = own.run("search", "--picture", place / "red.png", "--json")
    said = json.loads(out)
    assert status == 0 and "6 of 7" in said["notes"][0] and "library embed" in said["notes"][0]
    assert {each["fx_name"] or each["name"] for each in said["sounds"][:2]} == {"Low Rumble", "Rising"}
    assert "note: 6 of 7" in own.run("search", "cellar", "--picture", place / "red.png")[1]
    assert own.found("cellar")[0]["picture_score"] is None
    assert own.run("embed")[0] == 0
    assert "Low Cellar" in [each["name"] for each in own.found("--picture", place / "red.png")[:3]]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--picture", "PLACE/none.mp4"], "none.mp4"),
        (["--picture", "PLACE/sounds"], "sounds"),
        (["--picture", "PLACE/words.txt"], "words.txt"),
        (["--picture", "PLACE/sounds/BELLMisc_High Bell_ME_SHOW.wav"], "High Bell"),
        (["--picture", "PLACE/shot.mp4", "--at", "100"], "shot.mp4"),
        (["--picture", "PLACE/shot.mp4", "--at", "nan"], "--at"),
        (["--picture", "PLACE/shot.mp4", "--at", "-1"], "--at"),
        (["--picture", "PLACE/shot.mp4", "--for", "0"], "--for"),
        (["--picture", "PLACE/shot.mp4", "--for", "inf"], "--for"),
        (["--picture", "PLACE/red.png", "--like", "PLACE/red.png"], "--like"),
        (["door", "--at", "3"], "--picture"),
        (["--like", "PLACE/none.wav"], "none.wav"),
        (["--like", "PLACE/red.png"], "red.png"),
        (["--like", "lib:zzzz"], "zzzz"),
        (["--like", "lib:"], "id"),
        (["--like", ""], "file"),
        (["--picture", "PLACE/red.png", "--ucs", "NOPE"], "NOPE"),
    ],
)
def test_what_cannot_be_is_one_message_that_names_it(shell: Shell, place: Path, words: list[str], named: str) -> None:
    (place / "words.txt").write_text("no picture")
    given = [word.replace("PLACE", str(place)) for word in words]
    status, out, err = shell.run("search", *given)
    assert status == 2 and out == "" and named in err and "Traceback" not in err
    status, out, _ = shell.run("search", *given, "--json")
    assert status == 2 and named in json.loads(out)["error"]["message"]


def test_a_library_that_is_not_embedded_says_what_to_do_before_anything_is_looked_at(
    shell: Shell, place: Path, tmp_path: Path
) -> None:
    own = Shell(tmp_path / "library", shell._capsys)
    own.run("add", place / "sounds", "--no-embed")
    status, _, err = own.run("search", "--picture", place / "none.mp4")
    assert status == 2 and "embedded" in err and "foley-bridge library embed" in err and "none.mp4" not in err


def test_without_a_pack_words_find_and_pictures_say_what_is_missing(tmp_path: Path) -> None:
    catalogue = library_in(tmp_path)
    assert searching.search(catalogue, "bell", None, lambda: None, {}).hits[0].sound.fx_name == "High Bell"
    with pytest.raises(LibraryError, match="no pack") as refused:
        searching.search(catalogue, "bell", searching.by_picture(tmp_path / "a.png"), lambda: None, {})
    assert "foley-bridge packs" in refused.value.hint
