"""Sounds that people picked for pictures, out of a folder of sounds: what counts, what is kept, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.cli import main  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402
from foley_models.recommendation import checkpoint, sound_vectors  # noqa: E402
from foley_models.recommendation.checkpoint import Loaded  # noqa: E402
from foley_models.recommendation.picks import evaluate_picks, read_picks  # noqa: E402
from foley_models.recommendation.scores import Findings  # noqa: E402
from foley_models.recommendation.sound_vectors import sounds_in  # noqa: E402
from foley_models.recommendation.systems import Recommender, system  # noqa: E402

from foley_bridge.inference.features import SoundFeatures  # noqa: E402

CPU = torch.device("cpu")
RATE = SoundFeatures().sample_rate


class Brightness(torch.nn.Module):
    """A picture's, in grey levels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, 0].mean(dim=(1, 2)) * 0.229 + 0.485)[:, None] * 255


class Pitch(torch.nn.Module):
    """Of a tone: the loudest band."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0].mean(dim=2).argmax(dim=1).float()[:, None]


def tone(path: Path, *pitches: float) -> Path:
    """A second of each pitch, one after another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(RATE) / RATE
    soundfile.write(path, np.concatenate([0.5 * np.sin(2 * np.pi * pitch * times) for pitch in pitches]), RATE)
    return path


def band(path: Path) -> int:
    """What ``Pitch`` hears in a tone."""
    mels = sound_vectors._mels(path, SoundFeatures())
    assert not isinstance(mels, str)
    return int(Pitch()(torch.from_numpy(mels))[0])


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Sounds of three pitches in two folders, one that is long and becomes high, and a picture as bright as each pitch."""
    sounds = tmp_path / "sounds"
    levels = {
        "low": band(tone(sounds / "Doors/low.wav", 200)),
        "middle": band(tone(sounds / "Doors/middle.wav", 1500)),
        "high": band(tone(sounds / "Water/high.wav", 6000)),
    }
    tone(sounds / "Water/rising.wav", 200, 200, 9000)
    levels["rising"] = band(tone(tmp_path / "9000.wav", 9000))
    (sounds / "Water" / "read me.txt").write_text("no sound")
    (sounds / ".hidden").mkdir()
    tone(sounds / ".hidden/high.wav", 6000)
    for name, level in levels.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((50, 80, 3), level, np.uint8))
    return tmp_path


def picks(house: Path, *rows: str, heading: str = "picture,sound") -> Path:
    path = house / "picks.csv"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8-sig")
    return path


def hearing(path: Path) -> Loaded:
    network: Any = torch.nn.Module()
    network.picture, network.sound = Brightness(), Pitch()
    return Loaded(path, network.eval(), system("attention-infonce"), checkpoint.PICTURE, checkpoint.SOUND, {"data": "x"}, None)


def measured(
    house: Path, *rows: str, top: int = 1, heading: str = "picture,sound"
) -> tuple[Findings, list[float], list[float]]:
    path = picks(house, *rows, heading=heading)
    found = evaluate_picks([hearing(house)], path, house / "sounds", cache=None, device=CPU, top=top)
    return found, found.runs[0].right["category"].tolist(), found.runs[0].right["sample"].tolist()


def test_one_of_the_picked_sounds_is_enough_and_a_neighbour_in_its_folder_is_right_at_category_level(house: Path) -> None:
    found, category, sample = measured(
        house, "low.png,Doors/low.wav", "middle.png,Water/high.wav", "middle.png,Doors/low.wav", "high.png,Doors/low.wav"
    )
    assert (category, sample) == ([1, 1, 0], [1, 0, 0])
    assert found.chance["sample"] == pytest.approx((1 / 4 + 2 / 4 + 1 / 4) / 3)
    assert found.chance["category"] == pytest.approx((2 / 4 + 4 / 4 + 2 / 4) / 3)
    about = {name: found.about[name] for name in ("pictures", "picked", "list", "segments", "categories")}
    assert about == {"pictures": 3, "picked": 4, "list": 4, "segments": 6, "categories": 2}


def test_a_long_sound_is_as_near_as_its_nearest_second_and_is_recommended_once(house: Path) -> None:
    assert measured(house, "rising.png,Water/rising.wav")[2] == [1]
    assert measured(house, "low.png,Doors/middle.wav", top=2)[2] == [0], "both low ones are nearer"
    assert measured(house, "low.png,Doors/middle.wav", top=3)[2] == [1], "its two low seconds count once"


def test_a_third_column_says_the_category_where_folders_do_not(house: Path) -> None:
    heading = "picture,sound,category"
    assert measured(house, "middle.png,Doors/low.wav,Hinges", heading=heading)[1] == [0]
    rows = ["middle.png,Doors/low.wav,Hinges", "high.png,Doors/middle.wav,Hinges", "middle.png,Doors/middle.wav,"]
    assert measured(house, *rows, heading=heading)[1] == [1, 0]
    for each in (house / "sounds").glob("*/*.wav"):
        each.rename(house / "sounds" / each.name)
    assert measured(house, "low.png,low.wav")[1] == [0], "sounds at the top have no category, and all have not the same"


def test_what_cannot_be_read_is_left_out_and_named(house: Path) -> None:
    (house / "sounds/Doors/torn.wav").write_bytes(b"RIFF")
    (house / "torn.png").write_bytes(b"PNG")
    found, _, sample = measured(
        house, "low.png,Doors/low.wav", "low.png,Doors/torn.wav", "high.png,Doors/torn.wav", "torn.png,Doors/low.wav"
    )
    assert (sample, found.about["list"]) == ([1], 4)
    assert [Path(each["name"]).name for each in found.about["skipped"]] == ["torn.png", "high.png", "torn.wav"]
    assert "none of its sounds can be read" in " ".join(found.notes)
    with pytest.raises(ModelError, match=r"none of its pictures can be used: .*torn\.png"):
        measured(house, "torn.png,Doors/low.wav")


@pytest.mark.parametrize(
    ("heading", "rows", "said"),
    [
        ("image,file", ["low.png,Doors/low.wav"], "its first line is not picture,sound"),
        ("picture,sound", ["low.png,Doors/none.wav"], "line 2: Doors/none.wav is no sound in"),
        ("picture,sound", ["low.png,Doors/low.wav", "low.png,../low.png"], r"line 3: \.\./low\.png is no sound"),
        ("picture,sound", ["low.png"], "line 2: a picture and a sound are wanted"),
        ("picture,sound", [], "no picks in it"),
        ("picture,sound,category", ["a,Doors/low.wav,x", "b,Doors/low.wav,y"], "line 3: .* is of 'x' in a row above"),
    ],
)
def test_picks_that_cannot_be_meant_are_refused_by_line(house: Path, heading: str, rows: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_picks(picks(house, *rows, heading=heading), house / "sounds", sounds_in(house / "sounds"))


def test_sounds_may_be_named_with_backslashes_or_whole_paths(house: Path) -> None:
    whole = house / "sounds/Water/high.wav"
    read = read_picks(picks(house, "low.png,Doors\\low.wav", f"low.png,{whole}"), house / "sounds", sounds_in(house / "sounds"))
    assert read.sounds == {house / "low.png": {"Doors/low.wav", "Water/high.wav"}}


def test_a_folder_that_is_not_there_or_without_sounds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        sounds_in(tmp_path / "none")
    with pytest.raises(ModelError, match="there are no sounds in it"):
        sounds_in(tmp_path)


# --- the command, and what it keeps ---


@pytest.fixture
def run(house: Path) -> Path:
    (house / "run").mkdir()
    train(house / "run", seed=0)
    return house / "run"


def train(run: Path, *, seed: int) -> None:
    """Not really."""
    torch.manual_seed(seed)
    network = Recommender(replace(system("attention-infonce"), widths=(4, 4, 8, 8)))
    checkpoint.save(run / "best.pt", network, trained={"data": "x", "seed": 0})


def command(house: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    options = [
        "--sounds",
        str(house / "sounds"),
        "--cache",
        str(house / "cache"),
        "--bootstrap",
        "200",
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    assert main(["evaluate", "recommendation", str(run), "--picks", str(house / "picks.csv"), *options, "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)["picks"]
    return said


def test_embeddings_are_kept_by_checkpoint_and_file(
    house: Path, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picks(house, "low.png,Doors/low.wav", "high.png,Water/high.wav")
    decoded: list[str] = []
    decode = sound_vectors._mels

    def watched(path: Path, settings: SoundFeatures) -> Any:
        decoded.append(path.name)
        return decode(path, settings)

    monkeypatch.setattr(sound_vectors, "_mels", watched)
    first = command(house, run, capsys)
    assert sorted(decoded) == ["high.wav", "low.wav", "middle.wav", "rising.wav"]
    assert first["systems"][0]["measured"]["sample"]["paper"] is None
    decoded.clear()
    assert command(house, run, capsys) == first
    assert decoded == []
    tone(house / "sounds/Doors/low.wav", 300, 400)
    assert command(house, run, capsys)["about"]["segments"] == first["about"]["segments"] + 1
    assert decoded == ["low.wav"]
    decoded.clear()
    kept = sorted((house / "cache").rglob("*.npz"), key=lambda path: path.stat().st_size)
    kept[-1].write_bytes(kept[-1].read_bytes()[:-100])
    command(house, run, capsys)
    assert sorted(decoded) == ["high.wav", "middle.wav", "rising.wav"], "what was damaged is made anew"
    decoded.clear()
    train(run, seed=1)
    command(house, run, capsys)
    assert len(decoded) == 4, "a run that was trained again is another"


def test_what_is_kept_gives_the_same_embeddings_in_any_order(house: Path, run: Path) -> None:
    names = sounds_in(house / "sounds")
    loaded = checkpoint.load(run)
    options: dict[str, Any] = {"device": CPU}
    _, (fresh,), _ = sound_vectors.sound_vectors([loaded], house / "sounds", names, cache=house / "cache", **options)
    turned, (kept,), _ = sound_vectors.sound_vectors([loaded], house / "sounds", names[::-1], cache=house / "cache", **options)
    assert (turned, kept.starts.tolist()) == (names[::-1], [0, 3, 4, 5])
    assert np.array_equal(kept.vectors[[5, 4, 3, 0, 1, 2]], fresh.vectors)
    assert np.allclose(np.linalg.norm(fresh.vectors, axis=1), 1, atol=1e-5)
