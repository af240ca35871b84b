"""``foley-models`` as it is called: what it prints, and what it says when it cannot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_models.cli import main


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from foley_models import cli; cli.main(['--help']); cli.main(['train', 'recommendation', '--help']);"
        "heavy = {'torch', 'librosa', 'numba', 'scipy', 'cv2', 'av', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout and "--lr-grid" in done.stdout


def test_systems_are_listed_with_their_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["systems", "--json"]) == 0
    said = {each["name"]: each for each in json.loads(capsys.readouterr().out)["systems"]}
    assert len(said) == 8 and said["finetuned"]["from"] == "attention-infonce" and said["baseline-bce"]["batch"] == 128
    assert said["attention-infonce"]["weights"] == {"paper": 10_245_248, "mini": 732_224, "tiny": 221_024}
    assert main(["systems"]) == 0
    assert "finetuned (--from attention-infonce)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--config", "attention"], "there is no such system, only baseline-bce"),
        (["--size", "huge"], "there is no such size, only paper, mini, tiny"),
        (["--optimizer", "lion"], "--optimizer lion"),
        (["--schedule", "cosine"], "give --steps N"),
        (["--data", "youtube"], "--data youtube: there is no such data set"),
        (["--device", "tpu"], "--device tpu"),
        (["--steps", "few"], "'--steps': Input should be a valid integer"),
        (["--temperature", "0"], "greater than or equal to 0.001"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_written(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = ["--config", "attention-infonce", "--data", "stage", "--out", str(tmp_path / "run"), *given]
    assert main(["train", "recommendation", *whole]) == 2
    told = capsys.readouterr()
    assert said in told.err and not told.out and "Traceback" not in told.err
    assert main(["train", "recommendation", *whole, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert said in f"{error['message']} {error['hint']}" and not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal for one process")
def test_ctrl_c_while_the_data_is_read_stops_at_once(tmp_path: Path) -> None:
    given = ["--config", "attention-infonce", "--data", "stage", "--out", tmp_path / "run", "--cache", tmp_path / "cache"]
    process = subprocess.Popen(
        [sys.executable, "-m", "foley_models", "train", "recommendation", *map(str, given), "--workers", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "cache").glob("*/*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "stopped while the data was read" in json.loads(process.communicate(timeout=60)[0])["error"]["message"]
    assert process.returncode == 130 and len(list((tmp_path / "cache").glob("*/*.npz"))) < 600
