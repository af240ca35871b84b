"""The listening study: what is made of what was kept, and Table 2 of what participants said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from foley_models.analogy.study import table
from foley_models.analogy.study.answers import Answer, read
from foley_models.analogy.study.key import Key
from foley_models.analogy.study.making import make
from foley_models.analogy.study.page import COLUMNS
from foley_models.analogy.study.table import Results, wilson
from foley_models.cli import main
from foley_models.errors import ModelError
from study_kept import SYSTEMS, kept


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def study(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("made") / "study"
    make(folder, target)
    return target


def rows(key: Key, participant: str, said: Sequence[tuple[str, str, str]], *, base: str = "left") -> str:
    """A participant's file: of every set, which system was beside the base, and what was chosen of (sync, material)."""
    lines = [",".join(COLUMNS)]
    for number, (alternative, sync, material) in enumerate(said, 1):
        pair = key.pairs[number % len(key.pairs)]
        two = [pair.clips[key.base], pair.clips[alternative]]
        left, right = two if base == "left" else two[::-1]
        practice = str(int(number <= key.practice))
        side = {"base": base, "other": "right" if base == "left" else "left"}
        lines.append(
            ",".join([key.id, participant, str(number), practice, pair.example, left, right, side[sync], side[material]])
        )
    return "\n".join(lines) + "\n"


def sets(key: Key, *chosen: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    """Practice, in which the base is always chosen, then these: (alternative, sync, material)."""
    return [(key.alternatives[0], "base", "base")] * key.practice + list(chosen)


def test_a_study_has_every_clip_once_by_a_name_that_says_nothing(folder: Path, study: Path) -> None:
    key = Key.read(study)
    assert (key.base, key.alternatives, key.sets, key.practice) == ("ours", ("onset-transfer", "re-rank"), 21, 5)
    names = [name for pair in key.pairs for name in (pair.example, *pair.clips.values())]
    assert len(names) == len(set(names)) == 4 * 4
    for pair in key.pairs:
        assert set(pair.clips) == {"ours", "onset-transfer", "re-rank"}  # the limit of codes is not in Table 2
        for system, name in {**pair.clips, "conditional": pair.example}.items():
            assert (study / "study" / name).read_bytes() == (folder / system / f"{pair.number:03d}.mp4").read_bytes()
    given = [path.relative_to(study / "study").as_posix() for path in (study / "study").rglob("*") if path.is_file()]
    assert sorted(given) == sorted([*names, "study.html"])
    text = (study / "study" / "study.html").read_text()
    assert not [system for system in SYSTEMS if f'"{system}"' in text or f"&#34;{system}&#34;" in text]
    assert "http:" not in text and "https:" not in text


def test_names_do_not_follow_the_systems(study: Path) -> None:
    key = Key.read(study)
    orders = {
        tuple(system for _, system in sorted((clip, system) for system, clip in pair.clips.items())) for pair in key.pairs
    }
    assert len(orders) > 1


def test_the_same_seed_makes_the_same_study_and_pairs_can_be_fewer(folder: Path, study: Path, tmp_path: Path) -> None:
    assert make(folder, tmp_path / "again") == Key.read(study)
    few = make(folder, tmp_path / "few", alternatives=("coded",), most=2, sets=8, practice=0, seed=3)
    assert len(few.pairs) == 2 and few.alternatives == ("coded",) and few.id != Key.read(study).id
    assert len(list((tmp_path / "few" / "study" / "clips").iterdir())) == 6


def test_a_study_that_cannot_be_made_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing of specvqgan was kept"):
        make(folder, tmp_path / "out", alternatives=("specvqgan",))
    with pytest.raises(ModelError, match="other systems"):
        make(folder, tmp_path / "out", alternatives=("ours",))
    with pytest.raises(ModelError, match="leave none to count"):
        make(folder, tmp_path / "out", sets=5)
    with pytest.raises(ModelError, match=r"pairs\.json"):
        make(tmp_path, tmp_path / "out")
    broken = kept(tmp_path / "kept", pairs=1, systems=("ours", "re-rank"))
    (broken / "re-rank" / "000.mp4").unlink()
    with pytest.raises(ModelError, match=r"000\.mp4"):
        make(broken, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    with pytest.raises(ModelError, match="is there already"):
        make(folder, broken)


def test_answers_are_counted_for_the_alternative_whatever_side_it_was_on_and_practice_is_not(
    study: Path, tmp_path: Path
) -> None:
    key = Key.read(study)
    one = sets(key, ("re-rank", "other", "base"), ("re-rank", "other", "other"), ("onset-transfer", "base", "other"))
    other = sets(key, ("re-rank", "base", "base"), ("onset-transfer", "base", "other"))
    (tmp_path / "one.csv").write_text(rows(key, "one", one))
    (tmp_path / "other.csv").write_text(rows(key, "other", other, base="right"), encoding="utf-8-sig")
    found = Results.of(key.base, key.alternatives, read(key, [tmp_path]))
    assert (found.participants, found.counted, found.practice) == (2, 5, 10)
    told = {system: {name: (each.count, each.of) for name, each in row.items()} for system, row in found.rows.items()}
    assert told == {
        "onset-transfer": {"material": (2, 2), "synchronised": (0, 2)},
        "re-rank": {"material": (1, 3), "synchronised": (2, 3)},
    }


def test_who_only_practised_is_no_participant(study: Path, tmp_path: Path) -> None:
    key = Key.read(study)
    (tmp_path / "a.csv").write_text(rows(key, "a", sets(key)))
    found = Results.of(key.base, key.alternatives, read(key, [tmp_path / "a.csv"]))
    assert (found.participants, found.counted, found.rows) == (0, 0, {})


def test_a_file_saved_twice_counts_once_and_two_that_contradict_each_other_are_refused(study: Path, tmp_path: Path) -> None:
    key = Key.read(study)
    said = sets(key, ("re-rank", "other", "base"))
    for name in ("a", "a (1)"):
        (tmp_path / f"{name}.csv").write_text(rows(key, "a", said))
    assert Results.of(key.base, key.alternatives, read(key, [tmp_path])).counted == 1
    (tmp_path / "a (1).csv").write_text(rows(key, "a", sets(key, ("re-rank", "base", "base"))))
    with pytest.raises(ModelError, match="something else of set 6"):
        read(key, [tmp_path])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda line: line.replace("left", "middle").replace("right", "middle"), "neither left nor right"),
        (lambda line: "0" + line[1:], "another study"),
        (lambda line: line.replace("clips/", "clip/"), "no such set"),
        (lambda line: ",".join([*line.split(",")[:2], "22", *line.split(",")[3:]]), "no such set"),
        (lambda line: ",".join([*line.split(",")[:5], line.split(",")[6], *line.split(",")[6:]]), "no set of these clips"),
    ],
)
def test_a_line_that_the_page_cannot_have_saved_is_named(study: Path, tmp_path: Path, change: object, why: str) -> None:
    key = Key.read(study)
    head, *lines = rows(key, "a", sets(key, ("re-rank", "other", "base"))).splitlines()
    assert callable(change)
    lines[-1] = change(lines[-1])
    (tmp_path / "a.csv").write_text("\n".join([head, *lines]))
    with pytest.raises(ModelError, match=why) as caught:
        read(key, [tmp_path / "a.csv"])
    assert "line 7" in caught.value.message


def test_a_file_of_something_else_is_none_of_the_studys(study: Path, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").mkdir()
    for path, why in ((tmp_path / "b.csv", "columns"), (tmp_path / "c.csv", "cannot be read"), (tmp_path / "empty", "no CSV")):
        with pytest.raises(ModelError, match=why):
            read(Key.read(study), [path])
    with pytest.raises(ModelError, match=r"key\.json"):
        Key.read(tmp_path)


def test_an_interval_holds_the_share_it_was_drawn_from_about_95_times_in_a_hundred() -> None:
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.64):
        held = [low <= share <= high for low, high in (wilson(int(rng.binomial(60, share)), 60) for _ in range(2000))]
        assert 0.93 < np.mean(held) < 0.975
    low, high = wilson(0, 10)
    assert low == 0 and 0.2 < high < 0.35  # nobody of ten does not mean nobody
    assert wilson(318, 636)[1] - 0.5 == pytest.approx(0.0387, abs=1e-3)  # the paper's +- 3.9


def test_the_table_has_the_papers_rows_in_its_order_and_its_figures_when_asked_for(study: Path) -> None:
    answers = [
        Answer("a", number, False, 0, system, {"material": number % 2 == 0, "synchronised": True})
        for number, system in enumerate(["re-rank", "onset-transfer", "mine", "mine"], 6)
    ]
    found = Results.of("ours", ("re-rank", "onset-transfer", "mine"), answers)
    plain, printed = found.table(paper=False), found.table(paper=True)
    labels = [table.TABLE_2.get(name, name) for name in ("onset-transfer", "ours", "re-rank", "mine")]
    assert [row[0] for row in plain.rows] == labels
    assert plain.rows[-1][1].startswith("50.0 [") and plain.rows[-1][3] == "2"
    assert printed.rows[1] == ["  paper", "64.7 ± 3.8", "57.3 ± 3.9", ""]
    assert found.to_json()["systems"]["mine"]["synchronised"]["p"] == pytest.approx(0.5)
    assert "1 participant, 4 sets" in plain.title


def test_the_command_makes_a_study_and_tells_its_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "study"
    assert main(["study", str(folder), "--out", str(target), "--against", "re-rank", "--sets", "3", "--practice", "1"]) == 0
    assert str(target / "study" / "study.html") in capsys.readouterr().out
    key = Key.read(target)
    (tmp_path / "a.csv").write_text(rows(key, "a", sets(key, ("re-rank", "other", "base"), ("re-rank", "other", "base"))))
    asked = ["study", str(target), "--results", str(tmp_path / "a.csv")]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "Ours - with re-rank" in text and "100.0 [" in text and "1 participant, 2 sets" in text
    assert main([*asked, "--markdown", "--paper", "--out", str(tmp_path / "table.md")]) == 0
    assert "| paper | 54.3 ± 3.4 |" in " ".join((tmp_path / "table.md").read_text(encoding="utf-8").split())
    capsys.readouterr()
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["systems"]["re-rank"]["synchronised"]["chosen"] == 2
    for wrong in ([str(folder)], [str(folder), "--paper"], [*asked[1:], "--seed", "1"], [*asked[1:], "--json", "--paper"]):
        assert main(["study", *wrong]) == 2
