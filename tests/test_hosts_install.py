"""Host scripts, installed by the command, as a user does it, into folders that look like a user's; and the rules for folders on
all three systems."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from serving import command, environment

from foley_bridge import __version__
from foley_bridge.errors import HostError
from foley_bridge.hosts import changes, contents
from foley_bridge.hosts.changes import Changes, carry_out
from foley_bridge.hosts.places import places

SCRIPTS = Path(__file__).resolve().parents[1] / "host_scripts"
BASES = {
    "reaper": "Scripts/Foley",
    "resolve": "Fusion/foley_bridge",
    "blender": "scripts/addons/foley_bridge_addon",
    "ardour": "scripts",
}
HOSTS = [host for host in BASES if any((SCRIPTS / host).glob("*.lua" if host in ("reaper", "ardour") else "*/*.py"))]
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for hosts where Linux has them")


class User:
    """Somebody with a home folder, on Linux."""

    def __init__(self, folder: Path) -> None:
        self.home, self.state = folder / "home ü", folder / "state"
        self.home.mkdir()

    def environment(self) -> dict[str, str]:
        return environment(HOME=self.home, FOLEY_BRIDGE_HOME=self.state, XDG_CONFIG_HOME="", BLENDER_USER_RESOURCES="")

    def run(self, *args: object, status: int = 0) -> Any:
        """``foley-bridge ... --json``, and the object it prints."""
        line = [sys.executable, "-m", "foley_bridge", *map(str, args), "--json"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env=self.environment())
        assert done.returncode == status, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def says(self, *args: object) -> str:
        """What it says to people."""
        return command(*args, home=self.state, HOME=self.home, XDG_CONFIG_HOME="", BLENDER_USER_RESOURCES="").stdout

    def install(self, *args: object, status: int = 0) -> Any:
        return self.run("install-host", *args, status=status)

    def hosts(self) -> dict[str, Any]:
        """The doctor's words about hosts, by their names."""
        code = "from foley_bridge import doctor; import json, dataclasses; "
        code += "print(json.dumps([dataclasses.asdict(check) for check in doctor.hosts()]))"
        line = [sys.executable, "-c", code]
        done = subprocess.run(line, capture_output=True, text=True, check=True, env=self.environment())
        return {check["name"]: check for check in json.loads(done.stdout)}


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def snapshot(folder: Path) -> dict[str, str]:
    """Everything under a folder: files by their hash, folders too."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


# --- where hosts are


@pytest.mark.parametrize(
    ("host", "platform", "environment", "expected"),
    [
        ("reaper", "linux", {}, ["/home/me/.config/REAPER"]),
        ("reaper", "linux", {"XDG_CONFIG_HOME": "/cfg"}, ["/cfg/REAPER"]),
        ("reaper", "darwin", {"XDG_CONFIG_HOME": "/cfg"}, ["/home/me/Library/Application Support/REAPER"]),
        ("reaper", "win32", {"APPDATA": r"D:\Roaming"}, [r"D:\Roaming\REAPER"]),
        ("reaper", "win32", {}, [r"C:\Users\me\AppData\Roaming\REAPER"]),
        ("blender", "linux", {}, ["/home/me/.config/blender/*"]),
        ("blender", "darwin", {}, ["/home/me/Library/Application Support/Blender/*"]),
        ("blender", "win32", {"APPDATA": r"D:\Roaming"}, [r"D:\Roaming\Blender Foundation\Blender\*"]),
        ("blender", "linux", {"BLENDER_USER_RESOURCES": "/usb/blender"}, ["/usb/blender", "/home/me/.config/blender/*"]),
        ("ardour", "linux", {"XDG_CONFIG_HOME": "/cfg"}, ["/cfg/*"]),
        ("ardour", "darwin", {}, ["/home/me/Library/Preferences/*"]),
        ("ardour", "win32", {"LOCALAPPDATA": r"D:\Local"}, [r"D:\Local\*"]),
        ("resolve", "linux", {"XDG_CONFIG_HOME": "/cfg"}, ["/home/me/.local/share/DaVinciResolve (or /opt/resolve)"]),
        (
            "resolve",
            "darwin",
            {},
            [
                "/home/me/Library/Application Support/Blackmagic Design/DaVinci Resolve "
                "(or /Library/Application Support/Blackmagic Design/DaVinci Resolve)"
            ],
        ),
        (
            "resolve",
            "win32",
            {"APPDATA": r"D:\Roaming", "PROGRAMDATA": r"E:\Data"},
            [
                r"D:\Roaming\Blackmagic Design\DaVinci Resolve\Support "
                r"(or E:\Data\Blackmagic Design\DaVinci Resolve)"
            ],
        ),
    ],
)
def test_a_host_is_looked_for_where_its_system_keeps_it(
    host: str, platform: str, environment: dict[str, str], expected: list[str]
) -> None:
    home = r"C:\Users\me" if platform == "win32" else "/home/me"
    found = []
    for place in places(host, platform, environment, home):
        assert isinstance(place.folder, PureWindowsPath if platform == "win32" else PurePosixPath)
        others = [str(sign) for sign in place.signs if sign != place.folder]
        star = ("\\*" if platform == "win32" else "/*") if place.versions else ""
        found.append(f"{place.folder}{star}" + (f" (or {', '.join(others)})" if others else ""))
    assert found == expected


@linux
def test_every_version_that_is_new_enough_gets_the_scripts(user: User) -> None:
    versions = user.home / ".config" / "blender"
    for name in ("2.79", "3.6", "4.2", "4.10", "5.0", "backup", "5.0.old"):
        (versions / name).mkdir(parents=True)
    (versions / "4.5").write_text("no folder")
    said = user.install("blender")
    assert [one["title"] for one in said["folders"]] == ["Blender 5.0", "Blender 4.10", "Blender 4.2"]
    assert {one["folder"] for one in said["folders"]} == {str(versions / name) for name in ("4.2", "4.10", "5.0")}
    assert snapshot(versions / "3.6") == {}


@linux
def test_resolve_gets_the_users_own_folder_when_it_was_never_started(user: User) -> None:
    (user.home / ".local" / "share" / "DaVinciResolve").mkdir(parents=True)
    said = user.install("resolve")
    assert said["folders"][0]["folder"] == str(user.home / ".local" / "share" / "DaVinciResolve")


@linux
@pytest.mark.parametrize("host", BASES)
def test_a_host_that_is_not_there_is_said_with_where_it_was_looked_for(user: User, host: str) -> None:
    if host == "resolve" and Path("/opt/resolve").exists():
        pytest.skip("Resolve is installed here")
    error = user.install(host, status=2)["error"]
    assert error["kind"] == "HostError"
    assert str(user.home) in error["message"]
    assert "--into DIR" in error["hint"]
    assert not user.state.exists() or snapshot(user.state) == {}


# --- what a host gets


@pytest.mark.parametrize("host", HOSTS)
def test_the_scripts_the_core_and_the_config_are_there_and_the_doctor_is_content(user: User, host: str, tmp_path: Path) -> None:
    root = tmp_path / 'a "host" ü'
    root.mkdir()
    said = user.install(host, "--into", root, "--endpoint", "tcp://127.0.0.1:6000")
    base = root / BASES[host]
    config = json.loads((base / "foley_bridge.json").read_text("utf-8"))
    assert config == {
        "schema": 1,
        "version": __version__,
        "foley_call": config["foley_call"],
        "endpoint": "tcp://127.0.0.1:6000",
        "keys": None,
        "seat": None,
        "work": str(user.state / "work"),
    }
    assert Path(config["work"]).is_dir()
    done = subprocess.run([*config["foley_call"], "--version"], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == f"foley-call {__version__}\n"
    core = {"reaper": "foley/plan.lua", "blender": "foley_host/plan.py", "resolve": "foley_host/plan.py"}.get(host)
    if core is not None:
        original = SCRIPTS / "core" / ("lua" if core.endswith("lua") else "python") / core
        assert (base / core).read_bytes() == original.read_bytes()
    assert said["next"]
    assert sorted(said["folders"][0]["written"]) == sorted(str(path) for path in root.rglob("*") if path.is_file())
    (check,) = user.hosts().values()
    assert check["ok"], check
    assert str(root) in check["detail"]


def test_what_is_installed_does_not_read_variables_for_another_python(user: User, tmp_path: Path) -> None:
    user.install("reaper", "--into", tmp_path)
    config = json.loads((tmp_path / "Scripts" / "Foley" / "foley_bridge.json").read_text("utf-8"))
    env = {**os.environ, "PYTHONHOME": str(tmp_path / "nowhere"), "PYTHONPATH": str(tmp_path)}
    (tmp_path / "zmq.py").write_text("raise SystemExit('an editor has modules of its own')")
    done = subprocess.run(
        [*config["foley_call"], "--version"], capture_output=True, text=True, check=False, env=env, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_editor_without_the_shells_variables_starts_the_same_daemon(user: User, tmp_path: Path) -> None:
    """It would: foley-call says so by where it looks for a log to write, which cannot be written here."""
    user.install("reaper", "--into", tmp_path)
    config = json.loads((tmp_path / "Scripts" / "Foley" / "foley_bridge.json").read_text("utf-8"))
    (user.state / "serve.log").mkdir()
    (tmp_path / "run.json").write_text('{"foley_bridge": 1, "id": "1", "method": "start"}')
    line = [*config["foley_call"], "--endpoint", "tcp://127.0.0.1:9", str(tmp_path / "run.json")]
    assert subprocess.run(line, capture_output=True, check=False, env=environment(HOME=tmp_path)).returncode == 2
    error = json.loads((tmp_path / "run.reply.json").read_text("utf-8"))["error"]
    assert str(user.state / "serve.log") in error["message"]


def test_resolves_menu_scripts_know_where_the_rest_is(user: User, tmp_path: Path) -> None:
    root = tmp_path / "Resolve 'x' \\n ü"
    root.mkdir()
    user.install("resolve", "--into", root)
    menu = sorted((root / "Fusion" / "Scripts" / "Utility" / "Foley").iterdir())
    assert [path.name for path in menu] == sorted(path.name for path in (SCRIPTS / "resolve" / "Foley").glob("*.py"))
    for path in menu:
        told = [
            ast.literal_eval(node.value)
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FOLEY_BRIDGE"
        ]
        assert told == [str(root / "Fusion" / "foley_bridge")], path
    assert (root / "Fusion" / "foley_bridge" / "foley_resolve" / "menu.py").is_file()
    assert not (root / "Fusion" / "foley_bridge" / "Foley").exists()


def test_ardours_actions_are_single_files_that_know_where_the_config_is(tmp_path: Path) -> None:
    scripts = tmp_path / "host_scripts"
    (scripts / "ardour").mkdir(parents=True)
    (scripts / "core" / "lua" / "foley").mkdir(parents=True)
    (scripts / "core" / "lua" / "foley" / "run.lua").write_text("return {}")
    (scripts / "ardour" / "own.lua").write_text("return {}")
    (scripts / "ardour" / "foley_generate.lua").write_text(
        'ardour { ["type"] = "EditorAction", name = "Foley: generate" }\n'
        "local FOLEY_BRIDGE = nil -- install-host writes where it is\n"
        'function factory() return function() require("own") return require("foley.run"), FOLEY_BRIDGE end end\n'
    )
    root = tmp_path / 'ardour7 "x"'
    made = contents.contents("ardour", scripts, root)
    assert list(made) == [PurePosixPath("scripts/foley_generate.lua")]
    text = made[PurePosixPath("scripts/foley_generate.lua")].decode()
    assert f'local FOLEY_BRIDGE = "{str(root / "scripts").replace(chr(34), chr(92) + chr(34))}"\n' in text
    assert "install-host" not in text
    assert text.startswith('ardour { ["type"]')


@linux
@pytest.mark.parametrize(("host", "version"), [("blender", "4.2"), ("ardour", "ardour8")])
def test_the_folder_of_all_versions_is_none_that_a_host_reads(user: User, host: str, version: str, tmp_path: Path) -> None:
    root = tmp_path / "settings"
    (root / version).mkdir(parents=True)
    error = user.install(host, "--into", root, status=2)["error"]
    assert f"{root}: " in error["message"] and version in error["message"]
    assert snapshot(root) == {version: "folder"}


@linux
def test_a_folder_named_in_two_ways_is_one(user: User) -> None:
    root = user.home / ".config" / "REAPER"
    root.mkdir(parents=True)
    (user.home / "link").symlink_to(user.home / ".config")
    for way in (user.home / "link" / "REAPER", user.home / "link" / "REAPER" / ".." / "REAPER"):
        said = user.install("reaper", "--into", way)
        assert [folder["folder"] for folder in said["folders"]] == [str(root)]
    assert [folder["folder"] for folder in user.install("reaper", "--uninstall")["folders"]] == [str(root)]


# --- again, and away


def test_a_second_time_nothing_is_done(user: User, tmp_path: Path) -> None:
    user.install("reaper", "--into", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.lua")}
    said = user.install("reaper", "--into", tmp_path)["folders"][0]
    assert (said["written"], said["removed"], said["set_aside"], said["before"]) == ([], [], [], __version__)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.lua")}


def test_a_dry_run_does_nothing_and_says_what_it_would(user: User, tmp_path: Path) -> None:
    root = tmp_path / "reaper"
    root.mkdir()
    would = user.install("reaper", "--into", root, "--dry-run")
    assert (would["dry_run"], snapshot(root)) == (True, {})
    spoken = user.says("install-host", "reaper", "--into", root, "--dry-run")
    assert all(path in spoken for path in would["folders"][0]["written"])
    did = user.install("reaper", "--into", root)
    assert did["folders"] == would["folders"]
    installed = snapshot(root)
    would = user.install("reaper", "--uninstall", "--dry-run")
    assert snapshot(root) == installed
    assert user.install("reaper", "--uninstall")["folders"] == would["folders"]


@pytest.mark.parametrize("host", HOSTS)
def test_uninstalling_leaves_what_was_there_before(user: User, host: str, tmp_path: Path) -> None:
    root = tmp_path / "host"
    (root / BASES[host]).parent.mkdir(parents=True)
    (root / BASES[host]).parent.joinpath("theirs.txt").write_text("theirs")
    before = snapshot(root)
    user.install(host, "--into", root)
    for cache in {path.parent for path in root.rglob("*.py")}:
        (cache / "__pycache__").mkdir()
        (cache / "__pycache__" / "plan.cpython-311.pyc").write_bytes(b"")
    said = user.install(host, "--uninstall")
    assert snapshot(root) == before
    assert list(root.rglob("__pycache__")) == []
    assert said["folders"][0]["kept"] == []
    assert user.hosts() == {}
    assert user.install(host, "--uninstall", status=2)["error"]["kind"] == "HostError"


def test_what_the_user_changed_is_kept_and_said(user: User, tmp_path: Path) -> None:
    user.install("reaper", "--into", tmp_path)
    base = tmp_path / "Scripts" / "Foley"
    mine, other = base / "foley" / "plan.lua", base / "foley" / "run.lua"
    shipped = mine.read_bytes()
    mine.write_bytes(b"-- mine")
    (check,) = user.hosts().values()
    assert (check["ok"], check["needed"]) == (False, False)
    assert "plan.lua" in check["detail"]
    said = user.install("reaper", "--into", tmp_path)["folders"][0]
    assert said["set_aside"] == [str(mine)]
    assert (mine.read_bytes(), mine.with_name("plan.lua.yours").read_bytes()) == (shipped, b"-- mine")
    other.write_bytes(b"-- mine too")
    said = user.install("reaper", "--uninstall")["folders"][0]
    assert said["kept"] == [str(other)]
    assert sorted(path.name for path in base.rglob("*") if path.is_file()) == ["plan.lua.yours", "run.lua"]


def test_an_upgrade_removes_what_is_no_longer_shipped_and_keeps_the_endpoint(user: User, tmp_path: Path) -> None:
    user.install("reaper", "--into", tmp_path, "--endpoint", "tcp://127.0.0.1:6000")
    base = tmp_path / "Scripts" / "Foley"
    listing = base / "foley_bridge.files.json"
    said = json.loads(listing.read_text("utf-8"))
    old = {"old.lua": b"-- of an older version", "changed.lua": b"-- of an older version", "gone/deep.lua": b"-- older"}
    (base / "gone").mkdir()
    for name, data in old.items():
        (base / name).write_bytes(data)
        said["files"][f"Scripts/Foley/{name}"] = hashlib.sha256(data).hexdigest()
    said["folders"].append("Scripts/Foley/gone")
    (base / "changed.lua").write_bytes(b"-- mine")
    said["version"] = "0.0.1"
    listing.write_text(json.dumps(said))
    (check,) = user.hosts().values()
    assert "version 0.0.1" in check["detail"]
    done = user.install("reaper", "--into", tmp_path)["folders"][0]
    assert done["before"] == "0.0.1"
    assert done["removed"] == [str(base / "gone" / "deep.lua"), str(base / "old.lua")]
    assert done["kept"] == [str(base / "changed.lua")]
    assert not (base / "old.lua").exists()
    assert not (base / "gone").exists()
    assert (base / "changed.lua").read_bytes() == b"-- mine"
    assert json.loads((base / "foley_bridge.json").read_text("utf-8"))["endpoint"] == "tcp://127.0.0.1:6000"
    assert json.loads(listing.read_text("utf-8"))["version"] == __version__


def test_a_daemon_with_keys_is_written_into_the_config(user: User, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    user.run("keys", keys, "--seat", "me")
    error = user.install("reaper", "--into", tmp_path, "--keys", keys, "--seat", "somebody", status=2)["error"]
    assert "somebody" in error["message"]
    user.install("reaper", "--into", tmp_path, "--keys", keys, "--seat", "me", "--endpoint", "tcp://nas:5577")
    config = json.loads((tmp_path / "Scripts" / "Foley" / "foley_bridge.json").read_text("utf-8"))
    assert (config["endpoint"], config["keys"], config["seat"]) == ("tcp://nas:5577", str(keys), "me")


def test_the_doctor_says_when_foley_call_is_gone(user: User, tmp_path: Path) -> None:
    user.install("reaper", "--into", tmp_path)
    path = tmp_path / "Scripts" / "Foley" / "foley_bridge.json"
    config = json.loads(path.read_text("utf-8"))
    config["foley_call"][0] = str(tmp_path / "no" / "python")
    path.write_text(json.dumps(config))
    (check,) = user.hosts().values()
    assert not check["ok"]
    assert str(tmp_path / "no" / "python") in check["detail"]
    assert check["advice"] == f"foley-bridge install-host reaper --into {tmp_path}"
    user.install("reaper", "--into", tmp_path)
    assert next(iter(user.hosts().values()))["ok"]


def test_a_folder_that_is_gone_is_not_asked_about(user: User, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    user.install("reaper", "--into", tmp_path / "stick")
    shutil.rmtree(tmp_path / "stick")
    assert user.hosts() == {}


@linux
def test_the_doctor_knows_hosts_without_scripts(user: User) -> None:
    (user.home / ".config" / "REAPER").mkdir(parents=True)
    check = next(check for check in user.run("doctor")["checks"] if check["name"] == "REAPER")
    assert (check["ok"], check["needed"]) == (False, False)
    assert check["advice"] == "foley-bridge install-host reaper"


# --- wholly or not at all


def test_what_cannot_be_done_wholly_is_not_done_at_all(tmp_path: Path) -> None:
    (tmp_path / "in the way.lua").mkdir()
    (tmp_path / "old.lua").write_bytes(b"old")
    (tmp_path / "mine.lua").write_bytes(b"mine")
    before = snapshot(tmp_path)
    places_ = [PurePosixPath(name) for name in ("new/a.lua", "mine.lua", "old.lua", "in the way.lua")]
    with pytest.raises(HostError, match=r"in the way\.lua"):
        carry_out(
            Changes(tmp_path, write=dict.fromkeys(places_, b"new"), aside=[PurePosixPath("mine.lua")], remove=[places_[2]])
        )
    assert snapshot(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_lies_behind_a_link_is_left_alone(user: User, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(SCRIPTS / "reaper", checkout)
    (tmp_path / "reaper" / "Scripts").mkdir(parents=True)
    (tmp_path / "reaper" / "Scripts" / "Foley").symlink_to(checkout)
    before = snapshot(checkout)
    error = user.install("reaper", "--into", tmp_path / "reaper", status=2)["error"]
    assert "is a link" in error["message"]
    assert snapshot(checkout) == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(user: User, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    error = user.install("reaper", "--into", tmp_path, status=2)["error"]
    assert str(tmp_path) in error["message"]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{",
        '{"schema": 1}',
        '{"schema": 1, "version": "1", "files": {"../../x": "0"}, "folders": []}',
        '{"schema": 2, "version": "1", "files": {}, "folders": []}',
        '{"schema": 1, "version": 1, "files": [], "folders": []}',
    ],
)
def test_a_list_that_is_none_removes_nothing(tmp_path: Path, said: str) -> None:
    (tmp_path / "foley_bridge.files.json").write_text(said)
    assert changes.read_list(tmp_path, PurePosixPath()) is None
