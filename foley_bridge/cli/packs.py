"""``packs``: what looks at pictures and listens to sounds: which are there, which serve what, where they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foley_bridge.cli import show
from foley_bridge.cli.asking import Json

if TYPE_CHECKING:
    from foley_bridge.inference.installed import Found, Installed

app = typer.Typer(help="Packs: what looks at pictures and listens to sounds.", rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A pack's name, or NAME@VERSION.")]


@app.callback(invoke_without_command=True)
def packs(context: typer.Context, as_json: Json = False) -> None:
    """List the packs that are installed, which serves what, and where it runs."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise typer.BadParameter(f"--json comes after {context.invoked_subcommand}")
        return
    list_packs(as_json)


@app.command("list")
def list_packs(as_json: Json = False) -> None:
    """List the packs, which serves what, and where it runs."""
    from foley_bridge.inference import where

    installed = _installed()
    found, serving = installed.packs(), where.serving(installed)
    if as_json:
        print(json.dumps({"packs": [_row(one) for one in found], "serving": [one.to_json() for one in serving]}, indent=2))
        return
    if not found:
        print("no packs; foley-bridge packs add FOLDER adds one")
        return
    rows = [[one.id, ", ".join(one.serves), one.pack.manifest.title if one.pack else "cannot be used"] for one in found]
    show.table(["pack", "serves", ""], rows)
    for one in serving:
        if one.pack and not one.fault:
            print(f"{one.task}: {one.pack}: {where.in_words(one.graphs)}")
    for fault in [one.fault.to_json() for one in found if one.fault] or [one.fault for one in serving if one.fault]:
        show.fault(fault["message"], fault["hint"])


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with a pack.json.")], as_json: Json = False
) -> None:
    """Check a pack and copy it; used where none was chosen yet."""
    _say(_installed().add(folder.absolute()), "added", as_json)


@app.command("show")
def show_pack(name: Name, as_json: Json = False) -> None:
    """Show licence, provenance, scores and parity of a pack."""
    found = _installed().find(name)
    if found.pack is None:
        assert found.fault is not None
        raise found.fault
    manifest = found.pack.manifest
    if as_json:
        print(json.dumps({**_row(found), "manifest": manifest.to_json()}, indent=2))
        return
    lines = [
        ("pack", found.pack.id), ("title", manifest.title), ("licence", manifest.licence), ("created", manifest.created),
        ("serves", ", ".join(found.serves) or "nothing"), ("tasks", ", ".join(manifest.tasks)), ("folder", str(found.folder)),
    ]  # fmt: skip
    if manifest.recommendation is not None:
        lines.append(("space of recommendation", found.pack.space))
    if manifest.analogy is not None:
        lines += [(f"analogy, {what}", said) for what, said in manifest.analogy.in_words()]
    for graph, entry in manifest.graphs.items():
        parity = entry.parity
        near = f"worst {parity.worst:.2g}, typical {parity.typical:.2g} from {parity.against} over {parity.inputs} inputs"
        lines.append((f"graph {graph}", f"{entry.precision}, opset {entry.opset}; {near} (at most {parity.tolerance:.2g})"))
    for key, value in manifest.provenance.items():
        lines.append((key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    width = max(len(label) for label, _ in lines) + 2
    for label, value in lines:
        print(f"{label + ':':{width}}{value}")


@app.command()
def use(
    name: Name,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Only for this task [default: all that it has].")] = None,
    as_json: Json = False,
) -> None:
    """Use a pack from now on.

    A daemon that runs does so with its next job.
    """
    _say(_installed().use(name, task), "used", as_json)


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Take a pack away.

    What the library knows by it stays there, for when it comes back.
    """
    found = _installed().remove(name)
    if as_json:
        print(json.dumps({"removed": found.id}))
    else:
        print(f"{found.id} removed")


def _installed() -> Installed:
    from foley_bridge.home import home
    from foley_bridge.inference.installed import Installed

    return Installed(home())


def _say(found: Found, what: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_row(found), indent=2))
    else:
        print(f"{found.id} {what}; it serves {', '.join(found.serves) or 'nothing: foley-bridge packs use ' + found.id}")


def _row(found: Found) -> dict[str, Any]:
    manifest = found.pack.manifest if found.pack else None
    return {
        "pack": found.id,
        "version": manifest.version if manifest else None,
        "folder": str(found.folder),
        "title": manifest.title if manifest else None,
        "licence": manifest.licence if manifest else None,
        "tasks": list(manifest.tasks) if manifest else [],
        "serves": list(found.serves),
        "sha256": found.pack.hash if found.pack else None,
        "fault": found.fault.to_json() if found.fault else None,
    }
