"""Where packs lie and which is in use: whole or not at all, said once, seen by everybody with the next look."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packs import make_pack, read_manifest, write_manifest

from foley_bridge.errors import PackError
from foley_bridge.inference import places
from foley_bridge.inference.in_use import InUse
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.pack import Pack

TASK = "recommendation"


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path / "home", shipped=tmp_path / "shipped")


def dated(folder: Path, day: str) -> Path:
    write_manifest(folder, {**read_manifest(folder), "created": day})
    return folder


def test_nothing_is_installed_and_nothing_serves(installed: Installed) -> None:
    assert installed.packs() == []
    assert installed.serving(TASK) is None
    assert not installed.folder.exists()


def test_a_pack_is_copied_whole_and_serves_where_none_was_chosen(installed: Installed, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "a", external=True)
    added = installed.add(source)
    assert (added.id, added.folder, added.serves) == ("tiny@1", installed.folder / "tiny@1", (TASK,))
    assert {path.name: path.read_bytes() for path in added.folder.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
    shutil.rmtree(source)
    serving = installed.serving(TASK)
    assert serving is not None and serving.folder == added.folder
    other = installed.add(make_pack(tmp_path / "b", name="other", seed=1))
    assert other.serves == ()
    assert [one.id for one in installed.packs()] == ["other@1", "tiny@1"]


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_only_the_user_can_write_to_it(installed: Installed, tmp_path: Path) -> None:
    folder = installed.add(make_pack(tmp_path / "a")).folder
    for path in (installed.folder, folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_same_pack_again_is_no_fault_and_another_of_its_name_is(installed: Installed, tmp_path: Path) -> None:
    source = make_pack(tmp_path / "a")
    first = installed.add(source)
    assert installed.add(source) == first
    with pytest.raises(PackError, match=r"another pack tiny@1 is installed.*remove tiny@1 first"):
        installed.add(make_pack(tmp_path / "b", seed=1))
    assert installed.find("tiny").pack == first.pack


def test_a_pack_that_computes_something_else_than_it_says_is_not_added(installed: Installed, tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "a")
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    arrays["sound_out"] = -arrays["sound_out"]
    np.savez(folder / "golden.npz", **arrays)
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(PackError, match=r"sound\.onnx: it does not run on cpu: what it computes is .* away"):
        installed.add(folder)
    assert installed.packs() == [] and not (installed.folder / "tiny@1").exists()


def test_the_name_of_the_one_that_ships_is_taken(installed: Installed, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="mini is the name of the pack that ships"):
        installed.add(make_pack(tmp_path / "a", name="mini"))


def test_what_a_killed_command_left_goes_with_the_next_and_is_no_pack(installed: Installed, tmp_path: Path) -> None:
    for name in (".half-tiny@1", ".gone-old@1"):
        shutil.copytree(make_pack(tmp_path / name), installed.folder / name)
    assert installed.packs() == []
    installed.add(make_pack(tmp_path / "a"))
    assert sorted(path.name for path in installed.folder.iterdir()) == ["packs.lock", "tiny@1", "use.json"]


def test_a_copy_that_cannot_be_finished_leaves_nothing(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    source = make_pack(tmp_path / "a")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PackError, match="No space left"):
        installed.add(source)
    assert [path.name for path in installed.folder.iterdir()] == ["packs.lock"]


def test_another_pack_is_used_from_then_on_and_also_by_who_looked_before(installed: Installed, tmp_path: Path) -> None:
    for seed, name in enumerate(("one", "two")):
        installed.add(make_pack(tmp_path / name, name=name, seed=seed))
    daemon = InUse(Installed(tmp_path / "home", shipped=tmp_path / "shipped"))
    first = daemon.encoders()
    assert first is not None and first.pack.id == "one@1"
    assert daemon.encoders() is first
    assert installed.use("two", TASK).serves == (TASK,)
    second = daemon.encoders()
    assert second is not None and second.pack.id == "two@1" and second.space != first.space
    installed.use("two")
    assert daemon.encoders() is second
    assert json.loads((installed.folder / "use.json").read_text()) == {TASK: "two@1"}


def test_another_process_uses_it_too(installed: Installed, tmp_path: Path) -> None:
    installed.add(make_pack(tmp_path / "one", name="one"))
    installed.add(make_pack(tmp_path / "two", name="two"))
    code = "import sys; from pathlib import Path; from foley_bridge.inference.installed import Installed;"
    code += "Installed(Path(sys.argv[1])).use('two')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "home")], check=True)
    serving = installed.serving(TASK)
    assert serving is not None and serving.id == "two@1"


def test_without_a_choice_the_newest_serves_before_the_one_that_ships(tmp_path: Path) -> None:
    shipped = dated(make_pack(tmp_path / "shipped", name="mini"), "2030-01-01")
    installed = Installed(tmp_path / "home", shipped=shipped)
    only = installed.serving(TASK)
    assert only is not None and only.folder == shipped
    for name, day in (("new", "2026-03-02"), ("old", "2026-03-01")):
        installed.add(dated(make_pack(tmp_path / name, name=name), day))
    (installed.folder / "use.json").unlink()
    assert [(one.id, one.serves) for one in installed.packs()] == [("new@1", (TASK,)), ("old@1", ()), ("mini", ())]
    newest = installed.serving(TASK)
    assert newest is not None and newest.id == "new@1"


def test_the_one_that_ships_can_be_chosen_and_not_removed(tmp_path: Path) -> None:
    installed = Installed(tmp_path / "home", shipped=make_pack(tmp_path / "shipped", name="mini"))
    installed.add(make_pack(tmp_path / "a"))
    assert installed.use("mini").serves == (TASK,)
    with pytest.raises(PackError, match="ships with foley-bridge, and stays"):
        installed.remove("mini")
    write_manifest(tmp_path / "shipped", {**read_manifest(tmp_path / "shipped"), "version": "2"})  # foley-bridge was updated
    serving = installed.serving(TASK)
    assert serving is not None and serving.id == "mini@2"


@pytest.mark.skipif(os.name == "nt", reason="links there need rights")
def test_the_one_that_ships_may_be_links_as_some_installers_make_them(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "shipped", name="mini", external=True)
    (tmp_path / "cache").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        kept = tmp_path / "cache" / path.name
        path.rename(kept)
        path.symlink_to(kept) if number % 2 else path.hardlink_to(kept)
    installed = Installed(tmp_path / "home", shipped=folder)
    encoders = InUse(installed).encoders()
    assert encoders is not None and encoders.pack.id == "mini@1"
    assert installed.use("mini@1").id == "mini"
    with pytest.raises(PackError, match="link"):
        Pack.open(folder)


def test_what_is_removed_is_gone_and_no_longer_chosen(installed: Installed, tmp_path: Path) -> None:
    for name in ("one", "two"):
        installed.add(make_pack(tmp_path / name, name=name))
    pack = Pack.open(tmp_path / "one")
    engines = installed.folder / "engines" / pack.graph("picture").sha256 / "GPU"
    engines.mkdir(parents=True)
    assert installed.remove("one").serves == (TASK,)
    assert not engines.exists() and not (installed.folder / "one@1").exists()
    serving = installed.serving(TASK)
    assert serving is not None and serving.id == "two@1"
    with pytest.raises(PackError, match="no pack 'one' is installed"):
        installed.remove("one")


def test_a_pack_is_found_by_its_name_unless_there_are_several_versions(installed: Installed, tmp_path: Path) -> None:
    for version in ("1", "2"):
        installed.add(make_pack(tmp_path / version, version=version))
    assert installed.find("tiny@2").id == "tiny@2"
    with pytest.raises(PackError, match=r"several packs 'tiny': tiny@1, tiny@2"):
        installed.find("tiny")


def test_the_one_in_use_that_is_damaged_or_gone_is_a_fault_and_not_another_one(installed: Installed, tmp_path: Path) -> None:
    for name in ("one", "two"):
        installed.add(make_pack(tmp_path / name, name=name))
    manifest = installed.folder / "one@1" / "pack.json"
    manifest.write_bytes(manifest.read_bytes()[:-1])
    with pytest.raises(PackError, match=r"one@1: pack\.json: it is no JSON"):
        installed.serving(TASK)
    broken = installed.packs()[0]
    assert (broken.id, broken.pack, broken.serves) == ("one@1", None, (TASK,)) and broken.fault is not None
    with pytest.raises(PackError, match="it is no JSON"):
        installed.use("one")
    shutil.rmtree(installed.folder / "one@1")
    with pytest.raises(PackError, match=r"one@1, which is used for recommendation, is not installed"):
        installed.serving(TASK)
    installed.use("two")
    serving = installed.serving(TASK)
    assert serving is not None and serving.id == "two@1"


@pytest.mark.parametrize("text", ["{", "[]", '{"recommendation": 1}', '{"recommendation": "a", "recommendation": "b"}'])
def test_a_choice_that_cannot_be_read_is_said_and_written_anew(installed: Installed, tmp_path: Path, text: str) -> None:
    installed.add(make_pack(tmp_path / "a"))
    (installed.folder / "use.json").write_text(text)
    with pytest.raises(PackError, match=r"use\.json: .*packs use NAME writes it anew"):
        installed.serving(TASK)
    assert [one.id for one in installed.packs()] == ["tiny@1"]
    assert installed.use("tiny").serves == (TASK,)


def test_a_task_that_the_pack_has_not_is_refused(installed: Installed, tmp_path: Path) -> None:
    installed.add(make_pack(tmp_path / "a"))
    with pytest.raises(PackError, match=r"tiny@1 has no task 'onsets' \(it has recommendation\)"):
        installed.use("tiny", "onsets")


def test_a_folder_renamed_by_hand_is_no_other_pack(installed: Installed, tmp_path: Path) -> None:
    installed.add(make_pack(tmp_path / "a"))
    (installed.folder / "tiny@1").rename(installed.folder / "big@7")
    assert installed.packs()[0].fault is not None
    assert "the pack in it is tiny@1" in str(installed.packs()[0].fault)


def test_the_state_changes_with_every_change_and_with_nothing_else(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "shipped_folder", lambda: tmp_path / "shipped")
    seen = [places.state(installed.folder)]
    for change in (
        lambda: installed.add(make_pack(tmp_path / "one", name="one")),
        lambda: installed.add(make_pack(tmp_path / "two", name="two")),
        lambda: installed.use("two"),
        lambda: installed.remove("one"),
    ):
        change()
        assert places.state(installed.folder) == places.state(installed.folder)
        seen.append(places.state(installed.folder))
    assert len(set(seen)) == 5
