"""The journal: what was accepted is on disk, once, and one daemon at a time writes it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from foley_bridge.errors import JobError
from foley_bridge.jobs.journal import Journal
from foley_bridge.jobs.names import ENDED
from foley_bridge.jobs.record import JobRecord
from foley_bridge.jobs.tables import VERSION

REQUEST = {"kind": "generate", "timeline": {"path": "/a.otio"}, "out": "/b.otio", "media_dir": "/m"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened  # type: ignore[misc]
    opened.close()


def test_a_job_comes_back_as_it_was_written(journal: Journal, tmp_path: Path) -> None:
    asked = {**REQUEST, "options": {"takes": "3"}, "regions": ["0-1 FOLEY ключ\udcff"]}
    added = journal.add("1", "generate", asked, key="k", payload="abc", client="seat", folders=[Path("/b"), Path("/\udcff")])
    assert added.folders == (Path("/b"), Path("/\udcff"))
    assert (added.id, added.state, added.step, added.attempts, added.started_s) == ("1", "queued", "accepted", 0, None)
    assert (added.request, added.key, added.payload, added.client) == (asked, "k", "abc", "seat")
    journal.start("1")
    journal.enter("1", "region 1")
    result = {"out": "/b\udcff.otio", "regions": []}
    ended = journal.finish("1", "done", result=result, failed_regions=2)
    assert ended.result == result
    journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    try:
        read = again.get("1")
        assert read == ended
        assert (read.state, read.step, read.result, read.failed_regions, read.attempts) == ("done", "ended", result, 2, 1)
        assert [name for _, name in again.steps("1")] == ["accepted", "region 1", "ended"]
        assert read.created_s <= (read.started_s or 0) <= (read.finished_s or 0)
    finally:
        again.close()


def test_the_same_key_with_the_same_request_is_the_same_job(journal: Journal) -> None:
    first = journal.add("1", "generate", REQUEST, key="k", payload="p")
    again = journal.add("2", "generate", dict(reversed(REQUEST.items())), key="k", payload="p")
    assert again == first
    assert len(journal.list()) == 1
    journal.finish("1", "failed", error={"kind": "JobError", "message": "m", "hint": ""}, swept=True)
    assert journal.add("3", "generate", REQUEST, key="k", payload="p").id == "1"


@pytest.mark.parametrize(
    ("request_", "payload"), [({**REQUEST, "out": "/other.otio"}, "p"), (REQUEST, "another"), (REQUEST, None)]
)
def test_the_same_key_with_another_request_is_refused(journal: Journal, request_: dict, payload: str | None) -> None:
    journal.add("1", "generate", REQUEST, key="k", payload="p")
    with pytest.raises(JobError, match="key 'k' belongs to job 1"):
        journal.add("2", "generate", request_, key="k", payload=payload)
    assert [record.id for record in journal.list()] == ["1"]


def test_jobs_without_a_key_are_all_different(journal: Journal) -> None:
    assert journal.add("1", "generate", REQUEST).id != journal.add("2", "generate", REQUEST).id


def test_a_job_is_found_by_id_before_key(journal: Journal) -> None:
    journal.add("1", "generate", REQUEST, key="2")
    journal.add("2", "generate", REQUEST, key="k")
    assert [journal.find(name).id for name in ("1", "2", "k")] == ["1", "2", "2"]
    for unknown in ("3", "", "\ud800", "a\0b"):
        with pytest.raises(JobError, match="there is no job"):
            journal.find(unknown)


def test_lists_are_newest_first_and_of_the_states_asked_for(journal: Journal) -> None:
    for number in range(5):
        journal.add(str(number), "generate", REQUEST)
    journal.start("0")
    journal.finish("1", "done", result={"large": "x" * 1000})
    assert [record.id for record in journal.list()] == ["4", "3", "2", "1", "0"]
    assert [record.id for record in journal.list(("queued",), limit=2)] == ["4", "3"]
    assert [record.id for record in journal.list(("running", "done"))] == ["1", "0"]


def test_what_is_large_is_not_read_where_nobody_needs_it(journal: Journal, tmp_path: Path) -> None:
    """It lies in tables of its own, and these can be gone."""
    for number in range(3):
        journal.add(str(number), "generate", REQUEST, folders=[tmp_path])
    journal.finish("2", "done", result={"out": "/b.otio"})
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    for table in ("requests", "results"):
        db.execute(f"DROP TABLE {table}")
    db.close()
    assert [(record.id, record.state, record.folders) for record in journal.list()] == [
        ("2", "done", (tmp_path,)),
        ("1", "queued", (tmp_path,)),
        ("0", "queued", (tmp_path,)),
    ]
    assert [record.id for record in journal.unswept()] == ["2"]
    assert journal.enter("1", "region 1").step == "region 1"
    journal.ask_cancel("1")
    assert journal.died("1") == 1
    with pytest.raises(JobError, match="requests"):
        journal.get("1")


def test_what_ran_waits_again_in_its_old_place(journal: Journal) -> None:
    for number in range(3):
        journal.add(str(number), "generate", REQUEST)
    journal.start("0")
    journal.enter("0", "region 2")
    journal.requeue()
    assert [record.id for record in journal.list(("queued",))] == ["2", "1", "0"]
    assert (journal.get("0").attempts, journal.get("0").step) == (1, "region 2")


def test_deaths_and_cancels_are_remembered(journal: Journal) -> None:
    journal.add("1", "generate", REQUEST)
    assert [journal.died("1"), journal.died("1")] == [1, 2]
    journal.ask_cancel("1")
    kept = journal.get("1")
    assert (kept.deaths, kept.cancelling, kept.swept) == (2, True, False)
    for change in (journal.start, journal.died, journal.ask_cancel, journal.mark_swept):
        with pytest.raises(JobError, match="there is no job 'nobody'"):
            change("nobody")


def test_pruning_keeps_the_newest_and_what_is_not_swept(journal: Journal) -> None:
    for number in range(8):
        journal.add(str(number), "generate", REQUEST, key=f"key {number}")
    for number in (0, 1, 2, 4, 6):
        journal.finish(str(number), ENDED[number % 3], swept=number != 1)
    assert list(journal.prune(2)) == ["2", "0"]
    assert [record.id for record in reversed(journal.list())] == ["1", "3", "4", "5", "6", "7"]
    assert journal.steps("0") == []
    assert [record.id for record in journal.unswept()] == ["1"]
    assert journal.find_key("key 0") is None
    assert journal.add("0", "generate", REQUEST).result is None  # nothing of the old one


def test_a_second_daemon_is_refused_by_name(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="another daemon works in") as told:
        Journal(tmp_path / "journal.sqlite")
    assert str(tmp_path) in told.value.message
    code = "import sys; from pathlib import Path; from foley_bridge.jobs.journal import Journal; Journal(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "journal.sqlite"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "another daemon works in" in done.stderr
    journal.close()
    Journal(tmp_path / "journal.sqlite").close()


def test_a_newer_journal_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    for _ in range(2):  # and the lock is given back
        with pytest.raises(JobError, match="newer foley_bridge"):
            Journal(path)
    assert path.read_bytes() == before


def test_what_is_no_journal_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(JobError, match=r"journal\.sqlite cannot be used"):
        Journal(path)
    assert path.read_bytes() == b"no database at all" * 100
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE jobs (something TEXT)")
    db.close()
    with pytest.raises(JobError, match=r"other\.sqlite cannot be used"):
        Journal(other)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """A child adds jobs and says each id once it is told that it is accepted; it is killed in the middle."""
    code = (
        "import sys; from pathlib import Path; from foley_bridge.jobs.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for number in range(100000):\n"
        "    record = journal.add(str(number), 'generate', {'n': number}, key=f'k{number}'); journal.start(record.id)\n"
        "    print(record.id, flush=True)\n"
    )
    path = tmp_path / "journal.sqlite"
    child = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline().strip() for _ in range(40)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.read().split()
    child.stdout.close()
    child.wait()
    journal = Journal(path)
    try:
        held = {record.id: record for record in journal.list()}
        assert set(said) <= set(held)
        assert all(held[id].state == "running" for id in said)
        assert all(journal.get(id).request == {"n": int(id)} for id in held)
        assert len(held) - len(said) <= 1
    finally:
        journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    """In a child, because the limit on the size of files is the whole process's."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from foley_bridge.errors import JobError\n"
        "from foley_bridge.jobs.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.add('1', 'generate', {})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))\n"
        "ids = ['1']\n"
        "try:\n"
        "    for number in range(2, 1000):\n"
        "        journal.add(str(number), 'generate', {'x': 'y' * 1000}); ids.append(str(number))\n"
        "except JobError as error:\n"
        "    print(error.message)\n"
        "assert [record.id for record in reversed(journal.list())] == ids\n"
        "try:\n"
        "    journal.finish('1', 'done')\n"
        "except JobError:\n"
        "    assert journal.get('1').state == 'queued'\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "assert journal.finish('1', 'done').state == 'done'\n"
        "assert journal.add('again', 'generate', {}).id == 'again'\n"
    )
    path = tmp_path / "journal.sqlite"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"the journal {path} cannot be used: " in done.stdout


def test_many_threads_write_one_journal(journal: Journal) -> None:
    def add(thread: int) -> None:
        for number in range(20):
            record: JobRecord = journal.add(f"{thread}.{number}", "generate", REQUEST, key=f"key {number}")
            journal.enter(record.id, f"step {thread}")

    threads = [threading.Thread(target=add, args=(thread,)) for thread in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(journal.list()) == 20
    assert all(len(journal.steps(record.id)) == 9 for record in journal.list())
