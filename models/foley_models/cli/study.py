"""``foley-models study``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer


def study(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="What evaluate analogy --keep has kept; with --results, the study itself."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The study's folder, to be made; with --results, a file for the table.")
    ] = None,
    base: Annotated[str | None, typer.Option(metavar="SYSTEM", help="The one that others are held against (ours).")] = None,
    against: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM", help="One of the others; may be repeated. Else all of Table 2.")
    ] = None,
    sets: Annotated[int | None, typer.Option(metavar="N", help="How many a participant judges (21).", min=1)] = None,
    practice: Annotated[int | None, typer.Option(metavar="N", help="How many of them do not count (5).", min=0)] = None,
    pairs: Annotated[int | None, typer.Option(metavar="N", help="Take only so many of the pairs, by chance.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of which pairs, and of the clips' names (0).")] = None,
    results: Annotated[
        list[Path] | None, typer.Option(metavar="CSV", help="A participant's answers, or a folder of them; may be repeated.")
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="With --results: show the paper's figures, too.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --results: a table in Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Make the listening study of Foley by analogy, and Table 2 of what was judged in it."""
    from foley_models.errors import ModelError

    making = {"base": base, "alternatives": against, "sets": sets, "practice": practice, "most": pairs, "seed": seed}
    given = {name: value for name, value in making.items() if value is not None}
    if results is None:
        if paper or markdown:
            raise ModelError("--paper and --markdown are about a table, which --results gives", "give --results CSV")
        _make(folder, out, given, as_json=as_json)
        return
    if given:
        raise ModelError("with --results nothing is made: the study says what it was made of", "leave the other options out")
    if as_json and (markdown or paper):
        raise ModelError("--json has all figures as they are", "leave --markdown and --paper out")
    _tell(folder, out, results, paper=paper, markdown=markdown, as_json=as_json)


def _make(kept: Path, out: Path | None, given: Mapping[str, object], *, as_json: bool) -> None:
    from foley_models.analogy.study.key import FOLDER, PAGE
    from foley_models.analogy.study.making import make
    from foley_models.errors import ModelError

    if out is None:
        raise ModelError("a study is a folder", "give --out DIR")
    key = make(kept, out, **given)  # type: ignore[arg-type]
    page = out / FOLDER / PAGE
    if as_json:
        said = {"study": key.id, "page": str(page), "base": key.base, "alternatives": key.alternatives, "pairs": len(key.pairs)}
        print(json.dumps(said))
        return
    print(f"study: {page}")
    print(f"{len(key.pairs)} pairs, {key.base} against {', '.join(key.alternatives)}.")
    print(
        f"Give participants the folder {out / FOLDER}, and nothing else; {out / 'key.json'} says which clip is of which system."
    )
    print(f"What they save gives Table 2: foley-models study {out} --results CSV")


def _tell(folder: Path, out: Path | None, results: list[Path], *, paper: bool, markdown: bool, as_json: bool) -> None:
    from foley_bridge.media.whole_file import whole_file
    from foley_models.analogy.study.answers import read
    from foley_models.analogy.study.key import Key
    from foley_models.analogy.study.table import Results

    key = Key.read(folder)
    found = Results.of(key.base, key.alternatives, read(key, results))
    table = found.table(paper=paper)
    said = json.dumps(found.to_json()) if as_json else table.markdown() if markdown else table.text()
    if out is None:
        sys.stdout.write(said + "\n")
        return
    with whole_file(out) as beside:
        beside.write_text(said + "\n", encoding="utf-8")
    print(json.dumps({"report": str(out)}) if as_json else f"report: {out}")
