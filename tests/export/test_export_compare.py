"""Two packs on a reel, blind: who stands where is in the key alone, and judgements come back to the right pack."""

from __future__ import annotations

import json
import re
from math import comb
from pathlib import Path

import pytest
import soundfile
from colour_reels import COLOURS, PITCHES, Material, make_material, pitch_of
from foley_export import cli
from foley_export.comparison.blind import Key
from foley_export.comparison.compare import compare
from foley_export.comparison.reveal import reveal, sign_test
from foley_export.errors import ExportError

SEED = 1


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="session")
def made(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "comparison"
    compare((material.right, material.wrong), [material.reel], material.sounds, folder, top=2, seed=SEED)
    return folder


def on_page(folder: Path) -> list[dict[str, list[str]]]:
    """The links of each region's sides."""
    regions = (folder / "compare.html").read_text("utf-8").split("<section ")[1:]
    return [
        {side: re.findall(rf'data-side="{side}" data-sound="([^"]+)"', region) for side in ("left", "right")}
        for region in regions
    ]


def judged(folder: Path, judgements: dict[str, str]) -> Path:
    path = folder.parent / "judgements.json"
    said = {"foley_bridge_judgements": 1, "comparison": Key.read(folder).id, "judgements": judgements}
    path.write_text(json.dumps(said))
    return path


def test_each_side_plays_what_the_pack_that_the_key_names_has_found(made: Path) -> None:
    key, regions = Key.read(made), on_page(made)
    assert [region.region for region in key.regions] == list(COLOURS)
    names = list(COLOURS)
    for number, (region, sides) in enumerate(zip(key.regions, regions, strict=True)):
        heard = {region.pack_on(side): [pitch_of(made / link) for link in links] for side, links in sides.items()}
        taken_for = {"a": names[number], "b": names[(number + 1) % 3]}
        for pack, pitches in heard.items():
            assert len(pitches) == 2
            for pitch in pitches:
                assert pitch == pytest.approx(PITCHES[taken_for[pack]], rel=0.06)


def test_sides_change_places_and_the_page_gives_nothing_away(made: Path, material: Material) -> None:
    assert {region.left for region in Key.read(made).regions} == {"a", "b"}
    page = (made / "compare.html").read_text("utf-8")
    for secret in ("wrong@1", "right@1", str(material.sounds), " 1.wav", str(SEED) + '"seed'):
        assert secret not in page
    assert not re.search(r"https?://", page)


def test_what_is_played_is_equally_loud_and_no_longer_than_the_region(made: Path) -> None:
    peaks = []
    for path in (made / "sounds").iterdir():
        samples, rate = soundfile.read(path)
        assert rate == 48000 and len(samples) in {48000, 2 * 48000}, "from the best segment on, as far as the sound goes"
        peaks.append(abs(samples).max())
    assert len(peaks) >= 6 and max(peaks) / min(peaks) < 2, "tones of half the level are as loud as the others"


def test_a_seed_gives_the_same_comparison(made: Path, material: Material, tmp_path: Path) -> None:
    compare((material.right, material.wrong), [material.reel], material.sounds, tmp_path / "again", top=2, seed=SEED)
    for name in ("compare.html", "sounds/0001.flac"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()
    assert Key.read(tmp_path / "again").regions == Key.read(made).regions


def test_judgements_are_counted_for_the_pack_and_not_for_the_side(made: Path) -> None:
    key = Key.read(made)
    for_a = {str(number): "left" if region.left == "a" else "right" for number, region in enumerate(key.regions, 1)}
    found = reveal(made, judged(made, for_a))
    assert (found.wins, found.as_good, found.left, found.p) == ({"a": 3, "b": 0}, 0, 0, 0.25)
    assert found.packs["a"].startswith("right@1") and found.verdict.startswith("undecided")
    some = {**for_a, "1": "same"}
    del some["2"]
    found = reveal(made, judged(made, some))
    assert (found.wins, found.as_good, found.left) == ({"a": 1, "b": 0}, 1, 1)


@pytest.mark.parametrize("wins, losses", [(0, 0), (3, 0), (7, 2), (2, 7), (5, 5), (14, 4)])
def test_the_sign_test_is_that_of_the_books(wins: int, losses: int) -> None:
    n, most = wins + losses, max(wins, losses)
    tail = sum(comb(n, k) for k in range(most, n + 1)) / 2**n
    assert sign_test(wins, losses) == pytest.approx(min(1.0, 2 * tail))


@pytest.mark.parametrize(
    "said, reason",
    [
        ({"1": "both"}, "'both' is no judgement"),
        ({}, "nothing was judged"),
    ],
)
def test_judgements_that_cannot_be_are_named(made: Path, said: dict[str, str], reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        reveal(made, judged(made, said))


def test_judgements_of_another_comparison_are_refused(made: Path) -> None:
    path = judged(made, {"1": "left"})
    path.write_text(path.read_text().replace(Key.read(made).id, "0" * 16))
    with pytest.raises(ExportError, match="judges another comparison"):
        reveal(made, path)


def test_packs_that_are_one_are_not_compared(material: Material, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="they have the same graphs"):
        compare((material.right, material.right), [material.reel], material.sounds, tmp_path / "no", top=2)
    assert not list(tmp_path.iterdir())


def test_the_commands_make_and_reveal(material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    paths = [str(material.right), str(material.wrong), str(material.reel)]
    assert cli.main(["compare", *paths, "--sounds", str(material.sounds), "--out", out, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["judged"] == 3 and "broken.wav: left out" in told.err
    path = judged(tmp_path / "out", {"1": "same"})
    assert cli.main(["compare", "--out", out, "--reveal", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["as_good"] == 1
    assert cli.main(["compare", *paths, "--out", out]) == 2
    assert "--sounds" in capsys.readouterr().err
