"""What can go wrong in Resolve: each ends with the project as it was, and one message that says what to do."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoints import free_endpoint
from resolve_bench import picture, region, world
from resolve_menu import Menu
from resolve_ui_simulated import Window
from resolve_world import Item, Track, World, read_media
from serving import PATIENCE_S
from test_resolve_simulated_generate import foley, marked, reel

pytest_plugins = ["resolve_fixtures"]


@pytest.fixture
def there(tmp_path: Path) -> World:
    made = reel(tmp_path / "rushes", "25", 90000)
    marked(made, tmp_path / "rushes", 60, 80)
    made.save()
    return made


def no_regions(there: World) -> None:
    there.project.timelines[0].markers.clear()


def outside(there: World) -> None:
    markers = there.project.timelines[0].markers
    markers[190.0] = markers.pop(48.0)


def offline(there: World) -> None:
    Path(there.project.root.clips[0].path).unlink()


def unsaved(there: World) -> None:
    there.project.name = "Untitled Project"


def locked(there: World) -> None:
    there.project.timelines[0].tracks.append(Track("audio", "Foley", locked=True))


def in_the_way(there: World) -> None:
    sound = read_media(str(Path(there.project.root.clips[0].path).with_name("knock.wav")), "25")
    assert sound
    there.project.root.clips.append(sound)
    there.project.timelines[0].tracks.append(Track("audio", "Foley", items=[Item(sound, "my own door", 90000 + 100, 10)]))


def a_dialog(there: World) -> None:
    there.faults["a dialog is open"] = None
    for number, marker in enumerate(there.project.timelines[0].markers.values()):
        marker.customData = f"named {number}"


def no_timeline(there: World) -> None:
    there.project.current = None


def save_loses(there: World) -> None:
    there.faults["append is lost on saving"] = None


@pytest.mark.parametrize(
    ("spoil", "said", "todo"),
    [
        (no_regions, "no region", "Set a marker (M)"),
        (outside, "is past the end of the timeline at 01:00:08:00", "Move or shorten it"),
        (offline, "shot.mp4", ""),
        (unsaved, "not been saved", "Save it"),
        (locked, "'Foley' is locked", "Unlock it"),
        (in_the_way, "my own door", "Move it"),
        (a_dialog, "Resolve", "Close any dialog"),
        (no_timeline, "No timeline is open", "Open one"),
        (save_loses, "is not on track 'Foley'", "the project is as it was"),
    ],
)
def test_it_ends_with_the_project_as_it_was_and_one_message(
    there: World, menu: Menu, spoil: Callable[[World], None], said: str, todo: str
) -> None:
    spoil(there)
    before = picture(there)
    message = menu.choose("Generate into regions", there)
    assert said in message and todo in message, message
    assert "Traceback" not in message and "does not know" not in message
    assert picture(there) == before


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(there: World, menu: Menu, tmp_path: Path) -> None:
    assert "nowhere" in menu.choose("Choose the folder for takes", there, folder=str(tmp_path / "nowhere"))
    (tmp_path / "nowhere").write_text("a file where a folder should be")
    before = picture(there)
    message = menu.choose("Generate into regions", there)
    assert message.startswith(f"Takes cannot be written into {tmp_path / 'nowhere'}: ")
    assert message.endswith("Workspace > Scripts > Foley > Choose the folder for takes.")
    assert picture(there) == before
    (tmp_path / "nowhere").unlink()
    (tmp_path / "nowhere").mkdir()
    assert menu.choose("Generate into regions", there).startswith("1 region done")
    assert list((tmp_path / "nowhere" / "Foley").iterdir())


def test_a_config_of_another_version_says_how_to_bring_it_up_to_date(there: World, menu: Menu) -> None:
    told = menu.config.read_bytes()
    menu.config.write_text(json.dumps({"schema": 2}), "utf-8")
    before = picture(there)
    message = menu.choose("Generate into regions", there)
    menu.config.write_bytes(told)
    assert "another version" in message and "foley-bridge install-host resolve" in message
    assert picture(there) == before


def test_without_a_daemon_it_offers_to_start_one_and_goes_on(there: World, tmp_path: Path) -> None:
    menu = Menu(tmp_path / "support2", tmp_path / "home2", "tcp://127.0.0.1:1")
    before = picture(there)
    message = menu.choose("Generate into regions", there, "No")
    assert "tcp://127.0.0.1:1" in message and picture(there) == before
    home = tmp_path / "home3"
    menu = Menu(tmp_path / "support3", home, free_endpoint())
    os.environ["FOLEY_BRIDGE_HOME"], kept = str(home), os.environ["FOLEY_BRIDGE_HOME"]
    try:
        message = menu.choose("Generate into regions", there, "Yes")
        assert message.startswith("1 region done"), message
    finally:
        os.environ["FOLEY_BRIDGE_HOME"] = kept
        if (home / "daemon.json").exists():
            _end(json.loads((home / "daemon.json").read_text("utf-8"))["pid"])


def _end(process: int) -> None:
    os.kill(process, signal.SIGTERM)
    for _ in range(PATIENCE_S * 10):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def long_wanted(there: World, folder: Path) -> None:
    """Work that does not end at once."""
    there.project.timelines[0].markers.clear()
    for start in range(0, 190, 10):
        region(there, start, start + 9, f'FOLEY like="{folder / "knock.wav"}" takes=40')


def test_a_cancel_in_the_middle_ends_it_at_once_with_nothing_laid(there: World, menu: Menu, tmp_path: Path) -> None:
    long_wanted(there, tmp_path / "rushes")
    before = picture(there)

    def when_it_works(windows: list[Window]) -> str | None:
        return "Cancel" if windows[-1].text().startswith("Region") else None

    assert menu.choose("Generate into regions", there, when_it_works) == "Cancelled. Nothing was changed."
    assert picture(there) == before
    assert not list((tmp_path / "rushes").rglob("*knocks*.wav"))


class Closed(BaseException):
    """Resolve, and the script with it, goes down."""


def test_resolve_closed_in_the_middle_finds_its_run_again(there: World, menu: Menu, tmp_path: Path) -> None:
    before, earlier = picture(there), set(menu.work.glob("pending-*.json"))

    def closing(windows: list[Window]) -> Any:
        raise Closed

    with pytest.raises(Closed):
        menu.choose("Generate into regions", there, closing)
    there.reopen()
    marked_again = picture(there)
    assert marked_again[0] == before[0]
    (pending,) = set(menu.work.glob("pending-*.json")) - earlier
    told = json.loads(pending.read_text("utf-8"))
    pending.write_text(json.dumps(told | {"alive": 0}), "utf-8")  # as after some seconds without a sign of life
    message = menu.choose("Place what is ready", there)
    assert message.startswith("1 region done"), message
    assert [(item.start, item.duration) for item in foley(there)] == [(90048, 96)]
    assert not pending.exists()


def test_progress_without_a_run_says_so(there: World, menu: Menu) -> None:
    assert "no sound is being made" in menu.choose("Progress and cancel", there)


def test_scripts_that_were_copied_by_hand_say_how_to_install_them(capsys: pytest.CaptureFixture[str]) -> None:
    source = Path(__file__).resolve().parents[2] / "host_scripts" / "resolve" / "Foley"
    for script in source.glob("*.py"):
        exec(compile(script.read_text("utf-8"), "<string>", "exec"), {"resolve": None})
        assert capsys.readouterr().out == "Foley is not installed here. Run: foley-bridge install-host resolve\n"


def test_the_free_edition_before_21_1_gets_its_messages_in_the_console(
    there: World, menu: Menu, capsys: pytest.CaptureFixture[str]
) -> None:
    there.studio = False
    menu.choose("Generate into regions", there)
    assert "1 region done" in capsys.readouterr().out
    assert len(foley(there)) == 1


def test_an_older_resolve_is_refused_in_one_sentence(menu: Menu, capsys: pytest.CaptureFixture[str]) -> None:
    menu.choose("Generate into regions", world(version=(18, 1, 4)))
    assert "This is DaVinci Resolve 18.1.4\nFoley needs DaVinci Resolve Studio 18.5 or newer." in capsys.readouterr().out
