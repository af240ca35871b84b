"""The catalogue: what is put in stays, what the user says goes over what a scan says, writers take turns, kills do no harm."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foley_bridge.errors import LibraryError
from foley_bridge.library import store, table
from foley_bridge.library.catalogue import FORM, Catalogue
from foley_bridge.library.sound import CORRECTABLE, LibrarySound, sound_id


def sound(name: str, path: str | None = None, **changes: object) -> LibrarySound:
    """A sound whose content is its name."""
    made = LibrarySound(
        id=sound_id(name), paths=(path or f"/sounds/{name}.wav",), name=name, fingerprint=name, size=len(name), mtime_ns=7
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.open(tmp_path / "library", create=True)


def names(catalogue: Catalogue) -> list[str]:
    return [each.name for each in catalogue.list()]


# What is put in


def test_a_sound_comes_back_as_it_was_put_in(catalogue: Catalogue) -> None:
    whole = LibrarySound(
        id=sound_id("x"), paths=("/a/Tür 1.wav",), name="Tür 1", cat_id="DOORWood", category="DOORS", subcategory="WOOD",
        cat_from="file", fx_name="Old Door", description="it's a \"door\"; DROP TABLE", keywords=("ajar", "höl,zern"),
        creator="ME", source="SHOW", library="LIB", licence="CC0", url="https://x.invalid/?a=1&b='2'", duration_s=1.25,
        sample_rate=96000, channels=2, bit_depth=24, format="WAV", size=12345678901, mtime_ns=1700000000123456789,
        fingerprint="f", favourite=True, banned=False,
    )  # fmt: skip
    catalogue.upsert([whole])
    assert catalogue.get(whole.id) == whole
    assert catalogue.list() == [whole]
    assert json.loads(json.dumps(whole.to_json()))["keywords"] == ["ajar", "höl,zern"]


def test_another_program_sees_it_too(catalogue: Catalogue) -> None:
    other = Catalogue.open(catalogue.folder)
    assert other.count() == 0
    catalogue.upsert([sound("door")])
    assert other.count() == 1 and other.search("door")[0].sound == sound("door")
    catalogue.remove([sound("door").id])
    assert other.search("door") == [] and other.list() == []


def test_there_is_one_sound_per_content_with_all_its_files(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door", "/a/door.wav"), sound("door", "/b/copy.wav"), sound("bell")])
    catalogue.upsert([sound("door", "/c/door.wav")])
    assert catalogue.count() == 2
    assert catalogue.get(sound("door").id).paths == ("/a/door.wav", "/b/copy.wav", "/c/door.wav")
    files = catalogue.all_files()
    assert files["/b/copy.wav"] == (sound("door").id, 4, 7, "door") and len(files) == 4


def test_each_file_keeps_its_own_size_and_time(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door", "/a.wav", mtime_ns=1), sound("door", "/b.wav", mtime_ns=2, size=9)])
    catalogue.upsert([sound("door", "/a.wav", mtime_ns=3)])
    files = catalogue.all_files()
    assert (files["/a.wav"][2], files["/b.wav"][1], files["/b.wav"][2]) == (3, 9, 2)


def test_a_sound_goes_with_its_last_file(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door", "/a.wav"), sound("door", "/b.wav"), sound("bell", "/c.wav")])
    assert catalogue.forget(["/a.wav", "/nowhere.wav"]) == []
    assert catalogue.get(sound("door").id).paths == ("/b.wav",)
    assert catalogue.forget(["/b.wav"]) == [sound("door").id]
    assert names(catalogue) == ["bell"]


def test_files_leave_one_sound_and_join_another_in_one_version(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("old", "/a.wav")])
    before = catalogue._store._sounds.table().version
    catalogue.upsert([sound("new", "/a.wav")], leaving=[(sound("old").id, "/a.wav")])
    assert catalogue._store._sounds.table().version == before + 1
    assert names(catalogue) == ["new"] and catalogue.all_files()["/a.wav"][0] == sound("new").id


def test_many_more_than_a_batch_are_put_in(catalogue: Catalogue) -> None:
    count = 2 * store.BATCH + 17
    catalogue.upsert(sound(f"door {number}") for number in range(count))
    catalogue.upsert(sound(f"door {number}", description="again") for number in range(5, store.BATCH + 50))
    assert catalogue.count() == count == len(catalogue.all_files())
    assert catalogue.get(sound("door 5").id).description == "again" and catalogue.get(sound("door 4").id).description == ""


def test_removed_sounds_come_back_with_a_scan(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door"), sound("bell")])
    assert catalogue.remove([sound("door").id]) == 1
    assert names(catalogue) == ["bell"]
    catalogue.upsert([sound("door")])
    assert names(catalogue) == ["bell", "door"]


def test_odd_text_is_kept_in_a_form_that_can_be_shown(catalogue: Catalogue) -> None:
    odd = "a\x00b\x1b[31mc\ud800d\u202ee\nf 🔥"
    catalogue.upsert([dataclasses.replace(sound("door", description=odd, keywords=(odd,)), name=odd)])
    kept = catalogue.get(sound("door").id)
    for text in (kept.description, kept.keywords[0], kept.name):
        assert text.isprintable() and "🔥" in text and "a" in text


def test_a_path_that_is_not_unicode_is_refused_by_name(catalogue: Catalogue) -> None:
    with pytest.raises(LibraryError) as caught:
        catalogue.upsert([sound("door", "/a/\udcff.wav")])
    assert "udcff" in caught.value.message and caught.value.hint
    assert catalogue.count() == 0


# Ids


def test_the_beginning_of_an_id_stands_for_it_while_it_is_alone(catalogue: Catalogue) -> None:
    catalogue.upsert(sound(f"door {number}") for number in range(60))
    ids = sorted(each.id for each in catalogue.list())
    for key in ids[:10]:
        short = next(key[:length] for length in range(1, 13) if sum(each.startswith(key[:length]) for each in ids) == 1)
        assert catalogue.get(short).id == key == catalogue.get(f" {short.upper()} ").id
    letter = next(each[0] for each in ids if sum(other[0] == each[0] for other in ids) > 1)
    with pytest.raises(LibraryError) as caught:
        catalogue.get(letter)
    assert caught.value.message.startswith(letter) and any(key in caught.value.hint for key in ids)


@pytest.mark.parametrize(
    "wrong", ["", "   ", "zzzzzzzzzzzz", "'", "a' OR '1'='1", "%", "_", "\x00", "🔥", "a" * 10_000, "*", "ab cd", "zz\nz"]
)
def test_what_is_no_id_finds_nothing_and_harms_nothing(catalogue: Catalogue, wrong: str) -> None:
    catalogue.upsert([sound("door"), sound("bell")])
    for ask in (catalogue.get, lambda key: catalogue.remove([key]), lambda key: catalogue.edit(key, favourite=True)):
        with pytest.raises(LibraryError):
            ask(wrong)
    assert names(catalogue) == ["bell", "door"]


def test_an_id_that_cannot_be_one_is_not_put_in(catalogue: Catalogue) -> None:
    for wrong in ("", "A", "a'", "x" * 65):
        with pytest.raises(LibraryError):
            catalogue.upsert([sound("door", id=wrong)])
    assert catalogue.count() == 0


def test_when_one_of_several_ids_is_wrong_nothing_is_removed(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door")])
    with pytest.raises(LibraryError):
        catalogue.remove([sound("door").id, "zzzz"])
    assert catalogue.count() == 1


# What the user says


def test_corrections_survive_a_rescan_and_the_rest_is_renewed(catalogue: Catalogue) -> None:
    catalogue.upsert(
        [sound("door", description="scanned", creator="A", cat_id="METLMisc", category="METAL", subcategory="MISC")]
    )
    key = sound("door").id
    mine = (
        catalogue.edit(key, description="  a door  ", ucs_unused=None)
        if False
        else catalogue.edit(key, description="  a door  ")
    )
    assert mine.description == "a door" and mine.edited == ("description",)
    catalogue.edit(key, cat_id="doorwood", keywords="creak, old,, ajar ", favourite=True)
    catalogue.upsert([sound("door", description="scanned again", creator="B", cat_id="RAIN", category="RAIN")])
    kept = catalogue.get(key)
    assert (kept.description, kept.keywords, kept.creator) == ("a door", ("creak", "old", "ajar"), "B")
    assert (kept.cat_id, kept.category, kept.subcategory, kept.cat_from) == ("DOORWood", "DOORS", "WOOD", "user")
    assert kept.favourite and set(kept.edited) == {"description", "cat_id", "keywords"}


def test_a_correction_taken_back_shows_what_the_last_scan_found(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door", description="first", cat_id="RAIN", category="RAIN", cat_from="file")])
    key = sound("door").id
    catalogue.edit(key, description="mine", cat_id="DOORWood", licence="CC0")
    catalogue.upsert(
        [sound("door", description="second", cat_id="WIND", category="WIND", subcategory="GENERAL", cat_from="file")]
    )
    back = catalogue.edit(key, reset=["description", "cat_id"])
    assert (back.description, back.cat_id, back.category, back.subcategory, back.cat_from) == (
        "second", "WIND", "WIND", "GENERAL", "file",
    )  # fmt: skip
    assert back.edited == ("licence",) and back == catalogue.get(key)
    assert catalogue.edit(key, reset=["description"]) == back


def test_a_correction_can_empty_a_field(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door", description="wrong")])
    catalogue.edit(sound("door").id, description="")
    catalogue.upsert([sound("door", description="wrong")])
    assert catalogue.get(sound("door").id).description == ""


def test_marks_are_set_and_taken_back(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door"), sound("bell")])
    key = sound("door").id
    catalogue.edit(key, favourite=True)
    catalogue.edit(key, banned=True)
    assert (
        [each.name for each in catalogue.list(favourite=True)]
        == ["door"]
        == [each.name for each in catalogue.list(banned=True)]
    )
    assert [each.name for each in catalogue.list(banned=False)] == ["bell"]
    catalogue.upsert([sound("door")])
    assert catalogue.get(key).favourite and catalogue.get(key).banned
    assert not catalogue.edit(key, favourite=False, banned=False).favourite
    catalogue.upsert([sound("door")])
    assert not catalogue.get(key).banned and catalogue.get(key).edited == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cat_id": "DOORWod"}, "DOORWod"),
        ({"cat_id": "'; DROP TABLE sounds"}, "DROP"),
        ({"path": "x"}, "path"),
        ({"fingerprint": "x"}, "fingerprint"),
        ({"description": "x" * 5000}, "description"),
        ({"description": 3}, "description"),
        ({"keywords": ["a", 3]}, "keywords"),
        ({"favourite": "yes"}, "favourite"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_by_the_name_of_the_field(
    catalogue: Catalogue, changes: dict[str, object], named: str
) -> None:
    catalogue.upsert([sound("door")])
    with pytest.raises(LibraryError) as caught:
        catalogue.edit(sound("door").id, **changes)
    assert named in caught.value.message
    assert catalogue.get(sound("door").id) == sound("door")


def test_only_a_field_that_can_be_corrected_can_be_reset(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door")])
    with pytest.raises(LibraryError) as caught:
        catalogue.edit(sound("door").id, reset=["name"])
    assert "name" in caught.value.message and all(each in caught.value.hint for each in CORRECTABLE)


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf", "Co", "Cn"]), max_size=30).map(str.strip)
_FIELDS = ("description", "creator", "licence")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("scan"), st.dictionaries(st.sampled_from(_FIELDS), _TEXT)),
            st.tuples(st.just("edit"), st.dictionaries(st.sampled_from(_FIELDS), _TEXT, min_size=1)),
            st.tuples(st.just("reset"), st.sampled_from(_FIELDS)),
        ),
        max_size=6,
    )
)
def test_whatever_the_order_the_user_has_the_last_word_and_the_scan_the_rest(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    catalogue = Catalogue.open(tmp_path_factory.mktemp("library") / "x", create=True)
    catalogue.upsert([sound("door")])
    scanned = dict.fromkeys(_FIELDS, "")
    mine: dict[str, str] = {}
    for step, what in steps:
        if step == "scan":
            assert isinstance(what, dict)
            scanned = dict.fromkeys(_FIELDS, "") | what
            catalogue.upsert([sound("door", **scanned)])
        elif step == "edit":
            assert isinstance(what, dict)
            mine |= what
            catalogue.edit(sound("door").id, **what)
        else:
            mine.pop(str(what), None)
            catalogue.edit(sound("door").id, reset=[str(what)])
        now = catalogue.get(sound("door").id)
        assert {field: getattr(now, field) for field in _FIELDS} == scanned | mine
        assert set(now.edited) == set(mine)


# The folder


def test_where_there_is_no_library_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LibraryError) as caught:
        Catalogue.open(tmp_path / "none")
    assert str(tmp_path / "none") in caught.value.message and "library add" in caught.value.hint
    assert not (tmp_path / "none").exists()


def test_a_newer_form_is_refused_by_its_number(catalogue: Catalogue) -> None:
    (catalogue.folder / "catalogue.json").write_text(json.dumps({"foley_bridge_catalogue": FORM + 1}))
    with pytest.raises(LibraryError) as caught:
        Catalogue.open(catalogue.folder, create=True)
    assert str(FORM + 1) in caught.value.message and str(catalogue.folder) in caught.value.message


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00\xff"])
def test_a_damaged_mark_is_said_and_nothing_is_overwritten(catalogue: Catalogue, content: str) -> None:
    catalogue.upsert([sound("door")])
    mark = catalogue.folder / "catalogue.json"
    mark.write_bytes(content.encode("latin-1"))
    with pytest.raises(LibraryError) as caught:
        Catalogue.open(catalogue.folder, create=True)
    assert str(mark) in caught.value.message
    mark.write_text(json.dumps({"foley_bridge_catalogue": FORM}))
    assert Catalogue.open(catalogue.folder).count() == 1


def test_a_damaged_table_is_an_error_that_names_the_folder(catalogue: Catalogue) -> None:
    catalogue.upsert([sound("door")])
    for each in (catalogue.folder / "sounds.lance").rglob("*"):
        if each.is_file():
            each.write_bytes(b"not lance")
    fresh = Catalogue.open(catalogue.folder)
    for ask in (fresh.count, lambda: fresh.search("door"), fresh.list, fresh.all_files, lambda: fresh.upsert([sound("bell")])):
        with pytest.raises(LibraryError) as caught:
            ask()
        assert str(catalogue.folder) in caught.value.message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LibraryError) as caught:
        Catalogue.open(tmp_path / "file" / "library", create=True)
    assert str(tmp_path / "file") in caught.value.message


def test_opening_a_library_does_not_load_lancedb(catalogue: Catalogue) -> None:
    code = (
        "import sys; from pathlib import Path; from foley_bridge.library.catalogue import Catalogue;"
        f"Catalogue.open(Path({str(catalogue.folder)!r})); print([m for m in ('lancedb', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_nothing_is_said_on_stderr(catalogue: Catalogue) -> None:
    code = (
        "from pathlib import Path; from foley_bridge.library.catalogue import Catalogue;"
        "from foley_bridge.library.sound import LibrarySound;"
        f"c = Catalogue.open(Path({str(catalogue.folder / 'new')!r}), create=True);"
        "[c.upsert([LibrarySound(id='a', paths=(path,), name='door')]) for path in ('/a', '/b')];"
        "c.search('door dor'); c.optimise(); c.forget(['/a']); c.edit('a', favourite=True); c.list(); c.remove(['a'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout == ""


def test_corrections_without_end_do_not_let_the_folder_grow_without_end(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_KEPT_S", 0.001)
    monkeypatch.setattr(store, "_TIDY_EVERY", 10)
    catalogue.upsert(sound(f"door {number}") for number in range(50))
    sizes = []
    for number in range(60):
        catalogue.edit(sound("door 7").id, description=f"take {number}")
        sizes.append(sum(1 for each in catalogue.folder.rglob("*") if each.is_file()))
    assert max(sizes[30:]) <= max(sizes[:30]) + 5
    assert catalogue.get(sound("door 7").id).description == "take 59" and catalogue.count() == 50


# Several at once


def test_a_writer_waits_its_turn_and_then_says_who_holds_it(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.upsert([sound("door")])
    monkeypatch.setattr(store, "_LOCK_WAIT_S", 0.2)
    with FileLock(catalogue.folder / "write.lock"):
        for write in (
            lambda: catalogue.upsert([sound("bell")]),
            lambda: catalogue.edit(sound("door").id, favourite=True),
            lambda: catalogue.remove([sound("door").id]),
            lambda: catalogue.forget(["/sounds/door.wav"]),
            catalogue.optimise,
        ):
            with pytest.raises(LibraryError) as caught:
                write()
            assert str(catalogue.folder) in caught.value.message
        assert catalogue.search("door")[0].sound.name == "door" and names(catalogue) == ["door"]  # readers do not wait
    catalogue.upsert([sound("bell")])
    assert catalogue.count() == 2


def test_readers_see_whole_batches_while_another_thread_writes(catalogue: Catalogue) -> None:
    batch, batches = 100, 12
    stop = threading.Event()
    seen: list[int] = []
    faults: list[Exception] = []

    def read() -> None:
        reader = Catalogue.open(catalogue.folder)
        while not stop.is_set():
            try:
                found = len(reader.search("door", limit=10_000))
                seen.append(found)
                assert len(reader.all_files()) >= found
            except Exception as error:
                faults.append(error)
                return

    reading = threading.Thread(target=read)
    reading.start()
    for number in range(batches):
        catalogue.upsert(sound(f"door {number} {each}") for each in range(batch))
        if number % 4 == 3:
            catalogue.optimise()
    stop.set()
    reading.join(timeout=30)
    assert not faults
    assert seen == sorted(seen) and all(each % batch == 0 for each in seen)
    assert len(catalogue.search("door", limit=10_000)) == batch * batches


def test_versions_cleared_away_under_a_reader_do_not_trouble_it(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_KEPT_S", 0.001)
    catalogue.upsert(sound(f"door {number}") for number in range(30))
    reader = Catalogue.open(catalogue.folder)
    assert len(reader.search("door", limit=100)) == 30
    snapshot = reader._store._sounds._still_newest()
    catalogue.upsert(sound(f"door {number}", description="new") for number in range(30))
    catalogue.optimise()
    assert reader.search("door 3")[0].sound.description == "new"
    assert snapshot is not reader._store._sounds._still_newest()


_WRITER = """
import sys
from pathlib import Path
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.sound import LibrarySound, sound_id
catalogue = Catalogue.open(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    names = [f"door {number} {each}" for each in range(50)]
    catalogue.upsert(LibrarySound(id=sound_id(name), paths=("/" + name,), name=name) for name in names)
    if number % 3 == 0:
        catalogue.upsert([LibrarySound(id=sound_id(name), paths=("/" + name,), name=name, description="x") for name in names])
    if number % 5 == 0:
        catalogue.optimise()
    print(number, flush=True)
"""


def killed_writers(catalogue: Catalogue, kills: int, seed: int) -> None:
    """Writers killed at random moments: each time the catalogue is whole, holds what was acknowledged, and can be written."""
    pick = random.Random(seed)
    done = -1
    for _ in range(kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(catalogue.folder), str(done + 1)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        try:
            done = int(writer.stdout.readline())
            time.sleep(pick.uniform(0, 0.3))
        finally:
            writer.kill()
            writer.wait()
        done = max([done, *(int(line) for line in writer.stdout.read().split())])
        writer.stdout.close()
        reader = Catalogue.open(catalogue.folder)
        count = reader.count()
        assert count % 50 == 0 and count >= 50 * (done + 1), "a batch is there as a whole or not at all, and none is lost"
        assert count == len(reader.all_files()) == len(reader.search("door", limit=10_000)) if count <= 10_000 else True
        done = count // 50 - 1
        reader.edit(sound_id("door 0 0"), favourite=True)
    catalogue.optimise()
    assert catalogue.search("door", limit=1)[0].sound.favourite


def test_a_writer_killed_anywhere_leaves_a_whole_catalogue(catalogue: Catalogue) -> None:
    killed_writers(catalogue, kills=3, seed=1)


@pytest.mark.nightly
def test_a_hundred_writers_killed_anywhere_leave_a_whole_catalogue(catalogue: Catalogue) -> None:
    killed_writers(catalogue, kills=100, seed=2)


def test_two_programs_writing_at_once_lose_nothing(catalogue: Catalogue) -> None:
    code = (
        "import sys; from pathlib import Path; from foley_bridge.library.catalogue import Catalogue;"
        "from foley_bridge.library.sound import LibrarySound, sound_id\n"
        "c = Catalogue.open(Path(sys.argv[1]))\n"
        "for n in range(8):\n"
        "    name = f'door {sys.argv[2]} {n}'\n"
        "    c.upsert([LibrarySound(id=sound_id(name), paths=('/' + name,), name=name), "
        "LibrarySound(id=sound_id('both'), paths=(f'/{sys.argv[2]}/{n}',), name='both')])\n"
    )
    programs = [subprocess.Popen([sys.executable, "-c", code, str(catalogue.folder), who]) for who in ("a", "b")]
    assert [program.wait(timeout=120) for program in programs] == [0, 0]
    assert catalogue.count() == 17
    assert sorted(catalogue.get(sound_id("both")).paths) == sorted(f"/{who}/{n}" for who in "ab" for n in range(8))


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name == "nt", reason="no way to fill a disk here")
def test_a_disk_that_is_full_is_an_error_and_loses_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.upsert([sound("door")])
    code = (
        "import resource, signal, sys; from pathlib import Path; from foley_bridge.library.catalogue import Catalogue;"
        "from foley_bridge.library.sound import LibrarySound, sound_id; from foley_bridge.errors import LibraryError\n"
        "c = Catalogue.open(Path(sys.argv[1])); c.count()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    c.upsert(LibrarySound(id=sound_id(str(n)), paths=(f'/{n}',), name=f'bell {n}') for n in range(1500))\n"
        "except LibraryError as error:\n"
        "    print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(catalogue.folder)], capture_output=True, text=True, check=True)
    assert str(catalogue.folder) in done.stdout, done.stderr
    assert names(catalogue) == ["door"]
    catalogue.upsert([sound("bell")])
    assert catalogue.count() == 2
