"""A job's files: staged out of sight, put in their places together, carried on after a crash, taken back after a fault."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from job_materials import files_under

from foley_bridge.errors import FoleyError, JobError
from foley_bridge.jobs.outputs import Outputs, staging, sweep


class Killed(BaseException):
    """Stands for kill -9: nothing may run after it, so the tests leave the ``with`` block out."""


def begin(home: Path, *, keep: bool = True) -> Outputs:
    outputs = Outputs(home, "job1", keep=keep)
    outputs.folder(home / "takes", "takes")
    for name in ("takes/a.wav", "takes/b.wav", "cut.otio"):
        outputs.add(home / name).write_text(f"new {name}")
    return outputs


def test_nothing_is_seen_before_the_end_and_everything_at_it(tmp_path: Path) -> None:
    with begin(tmp_path, keep=False) as outputs:
        assert not list((tmp_path / "takes").glob("[!.]*"))
        outputs.publish({})
    assert files_under(tmp_path) == ["cut.otio", "takes", "takes/a.wav", "takes/b.wav"]
    assert (tmp_path / "takes" / "b.wav").read_text() == "new takes/b.wav"


def test_a_fault_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "cut.otio").write_text("old")
    with pytest.raises(RuntimeError), begin(tmp_path):
        raise RuntimeError
    assert files_under(tmp_path) == ["cut.otio"]
    assert (tmp_path / "cut.otio").read_text() == "old"


def test_a_fault_leaves_a_folder_that_somebody_else_used_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), begin(tmp_path):
        (tmp_path / "takes" / "mine.wav").write_text("mine")
        raise RuntimeError
    assert files_under(tmp_path) == ["takes", "takes/mine.wav"]


@pytest.mark.parametrize("moves", range(4))
def test_a_publishing_that_was_killed_between_any_two_renames_is_carried_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    (tmp_path / "cut.otio").write_text("old")
    outputs = begin(tmp_path)
    replace, done = Path.replace, []

    def killed(self: Path, target: Path) -> Path:
        if self.suffix in (".wav", ".otio"):
            if len(done) == moves:
                raise Killed
            done.append(target)
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        if moves < 3:
            with pytest.raises(Killed):
                outputs.publish({"said": 7})
        else:
            outputs.publish({"said": 7})
    folders = [tmp_path, tmp_path / "takes"]
    assert Outputs(tmp_path, "job1", keep=True).published(folders) == {"said": 7}
    assert Outputs(tmp_path, "job1", keep=True).published(folders) == {"said": 7}  # and again, until it is swept
    sweep([tmp_path, tmp_path / "takes"], "job1")
    assert files_under(tmp_path) == ["cut.otio", "takes", "takes/a.wav", "takes/b.wav"]
    assert (tmp_path / "cut.otio").read_text() == "new cut.otio"
    assert Outputs(tmp_path, "job1").published(folders) is None


@pytest.mark.parametrize(
    "move",
    [
        ["{tmp}/evil", "{tmp}/outside/keys", None],
        ["{tmp}/evil", "{tmp}/cut.otio", None],
        ["{tmp}/outside/.foley_bridge-job1/keys", "{tmp}/outside/keys", None],
        ["{tmp}/.foley_bridge-job1/cut.otio", "{tmp}/takes/../outside/cut.otio", None],
        ["{tmp}/.foley_bridge-job1/cut.otio", "{tmp}/cut.otio", "{tmp}/evil"],
    ],
)
def test_a_planted_note_moves_nothing(tmp_path: Path, move: list[str | None]) -> None:
    (tmp_path / "outside" / ".foley_bridge-job1").mkdir(parents=True)
    (tmp_path / "outside" / ".foley_bridge-job1" / "keys").write_text("evil")
    (tmp_path / "outside" / "keys").write_text("admin")
    (tmp_path / "evil").write_text("evil")
    staging(tmp_path, "job1").mkdir()
    moves = [[text and text.replace("{tmp}", str(tmp_path)) for text in move]]
    (staging(tmp_path, "job1") / "publishing.json").write_text(json.dumps({"moves": moves, "answer": {}}))
    with pytest.raises(JobError, match="changed"):
        Outputs(tmp_path, "job1", keep=True).published([tmp_path, tmp_path / "takes"])
    assert (tmp_path / "outside" / "keys").read_text() == "admin"
    assert (tmp_path / "evil").read_text() == "evil" and not (tmp_path / "cut.otio").exists()


def test_a_planted_note_of_folders_takes_away_no_others(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    staging(tmp_path, "job1").mkdir()
    (staging(tmp_path, "job1") / "folders.json").write_text(json.dumps([str(tmp_path / "empty")]))
    sweep([tmp_path], "job1")
    assert files_under(tmp_path) == ["empty"]


def test_a_link_in_the_hidden_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    staging(tmp_path, "job1").symlink_to(tmp_path / "outside")
    with pytest.raises(JobError, match="link"), Outputs(tmp_path, "job1") as outputs:
        outputs.add(tmp_path / "cut.otio")
    assert files_under(tmp_path / "outside") == []


def test_a_file_that_cannot_be_put_in_its_place_takes_back_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cut.otio", "takes/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    replace = Path.replace

    def held_open(self: Path, target: Path) -> Path:
        if self.name == "cut.otio" and target == tmp_path / "cut.otio":
            raise PermissionError(errno.EACCES, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held_open)
    with pytest.raises(JobError, match=r"cut\.otio") as caught, begin(tmp_path) as outputs:
        outputs.publish({})
    assert "open" in caught.value.hint
    assert files_under(tmp_path) == ["cut.otio", "takes", "takes/a.wav"]
    assert (tmp_path / "takes" / "a.wav").read_text() == "old"


def test_what_was_staged_is_found_again_by_the_same_job_only(tmp_path: Path) -> None:
    begin(tmp_path)  # killed here
    assert (staging(tmp_path / "takes", "job1") / "a.wav").read_text() == "new takes/a.wav"
    sweep([tmp_path, tmp_path / "takes"], "job2")
    assert (staging(tmp_path / "takes", "job1") / "a.wav").exists()
    sweep([tmp_path, tmp_path / "takes"], "job1")
    assert files_under(tmp_path) == []  # the folder made for it went as well


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.otio").mkdir()
    with pytest.raises(JobError, match=r"cut\.otio is a folder"), Outputs(tmp_path, "job1") as outputs:
        outputs.add(tmp_path / "cut.otio")
    assert files_under(tmp_path) == ["cut.otio"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0 or shutil.which("mount") is None, reason="needs a mount of our own")
def test_a_full_disk_at_publishing_leaves_everything_as_it_was(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=128k tmpfs {small} 2>/dev/null"):
        pytest.skip("no tmpfs can be mounted here")
    try:
        (small / "cut.otio").write_text("old")
        with pytest.raises(FoleyError, match="space"), begin(small) as outputs:
            with pytest.raises(OSError), (small / "filler").open("wb") as filler:
                while True:
                    filler.write(b"x" * 4096)
                    filler.flush()
            outputs.publish({"said": "x" * 100_000})
        (small / "filler").unlink()
        assert files_under(small) == ["cut.otio"]
        assert (small / "cut.otio").read_text() == "old"
    finally:
        os.system(f"umount {small}")
