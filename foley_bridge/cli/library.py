"""``library``: the sound librarian's commands: add folders, search, look at what is known of a sound, correct it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foley_bridge.cli import searching, show
from foley_bridge.cli.asking import Json
from foley_bridge.cli.sounds import Folder, Ucs, opened, print_sounds
from foley_bridge.cli.stopping import stopped_between
from foley_bridge.errors import LibraryError

if TYPE_CHECKING:
    from foley_bridge.library.scan import ScanProgress, ScanReport
    from foley_bridge.library.sound import LibrarySound

NOT_ALL = 1

app = typer.Typer(help="The sound library: add folders, search, correct.", no_args_is_help=True, rich_markup_mode=None)

Sound = Annotated[str, typer.Argument(metavar="ID", help="A sound's id, or the beginning of it.")]


@app.command()
def add(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Folders of sounds, with all that is in them.")],
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="The licence of all these sounds.")] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Where all these sounds come from.")] = None,
    csv: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A list that Soundminer or BaseHead exported; may be given again.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=64, help="Files read at once [default: as many as pay off].")
    ] = None,
    no_embed: Annotated[bool, typer.Option("--no-embed", help="Do not go on to embed the new sounds.")] = False,
    library: Folder = None,
    as_json: Json = False,
) -> int:
    """Add folders, or what is new in them, and embed it. Ctrl-C keeps what is in; run it again to go on."""
    from foley_bridge.cli import embedding
    from foley_bridge.library.scan import scan

    catalogue = opened(library, create=True)
    with show.Bar(hidden=as_json) as bar, stopped_between() as stopping:

        def watch(progress: ScanProgress) -> None:
            stopping()
            done = progress.read / progress.total if progress.total else 0.0
            rate = f", {progress.rate:.0f}/s" if progress.rate else ""
            count = f" {progress.read} of {progress.total}{rate}" if progress.total else f": {progress.seen} sounds"
            bar.update(progress.step + count, done, progress.left_s)

        report = scan(catalogue, folders, watcher=watch, licence=licence, source=source, csv=csv or (), threads=threads)
    if not as_json:
        _print_report(report, catalogue.count())
    embedded = None if no_embed else embedding.embedded_if_any(catalogue, hidden=as_json)
    if as_json:
        said = {**report.to_json(), "sounds": catalogue.count(), "embedded": embedded.to_json() if embedded else None}
        print(json.dumps(said, indent=2))
    return NOT_ALL if report.failed or (embedded and embedded.skipped) else 0


@app.command()
def embed(library: Folder = None, as_json: Json = False) -> int:
    """Embed new sounds, for search by picture and sound. Ctrl-C keeps what is in; run it again to go on."""
    from foley_bridge.cli import embedding

    embedded = embedding.embedded(opened(library), hidden=as_json)
    if as_json:
        print(json.dumps(embedded.to_json(), indent=2))
    return NOT_ALL if embedded.skipped else 0


app.command(context_settings={"ignore_unknown_options": True})(searching.search)


@app.command("list")
def list_sounds(
    ucs: Ucs = None,
    favourites: Annotated[bool, typer.Option("--favourites", help="Only favourites.")] = False,
    banned: Annotated[bool, typer.Option("--banned", help="Only banned sounds.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The first so many, by name.")] = 50,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """List sounds by name."""
    catalogue = opened(library)
    found = catalogue.list(ucs=ucs, favourite=favourites or None, banned=banned or None, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        print(json.dumps({"sounds": [each.to_json() for each in shown], "total": catalogue.count()}, indent=2))
        return
    if shown:
        print_sounds(shown)
    more = "; --limit shows more of them" if len(found) > limit else ""
    print(f"{len(shown)} shown; the library has {catalogue.count()}{more}")


@app.command("show")
def show_sound(sound: Sound, library: Folder = None, as_json: Json = False) -> None:
    """Show all that is known of a sound."""
    _print_sound(opened(library).get(sound), as_json)


@app.command()
def edit(
    sound: Sound,
    ucs: Annotated[str | None, typer.Option(metavar="CATID", help="Its UCS category, such as DOORWood.")] = None,
    fx_name: Annotated[str | None, typer.Option(metavar="TEXT", help="Its title.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What is heard.")] = None,
    keywords: Annotated[str | None, typer.Option(metavar="TEXT", help="Words to find it by, with commas between.")] = None,
    creator: Annotated[str | None, typer.Option(metavar="TEXT", help="Who made it.")] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Where it comes from.")] = None,
    collection: Annotated[str | None, typer.Option(metavar="TEXT", help="The collection it belongs to.")] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="On what terms it may be used.")] = None,
    url: Annotated[str | None, typer.Option(metavar="TEXT", help="Where it was found.")] = None,
    favourite: Annotated[bool | None, typer.Option("--favourite/--no-favourite", help="Searches lift it a little.")] = None,
    ban: Annotated[bool | None, typer.Option("--ban/--no-ban", help="Searches leave it out.")] = None,
    reset: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Forget your correction of this field; may be given again.")
    ] = None,
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Correct what is known of a sound. The file stays as it is; a later scan keeps what you say here."""
    said: dict[str, Any] = {
        "cat_id": ucs, "fx_name": fx_name, "description": description, "keywords": keywords, "creator": creator,
        "source": source, "library": collection, "licence": licence, "url": url, "favourite": favourite, "banned": ban,
    }  # fmt: skip
    changes = {name: value for name, value in said.items() if value is not None}
    if not changes and not reset:
        raise LibraryError("nothing to change", "say what, such as --description or --favourite; see library edit --help")
    named = {"ucs": "cat_id", "collection": "library"}
    fields = [named.get(name, name.replace("-", "_")) for name in reset or ()]
    _print_sound(opened(library).edit(sound, reset=fields, **changes), as_json)


@app.command()
def remove(
    sounds: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of sounds, or the beginnings of them.")],
    library: Folder = None,
    as_json: Json = False,
) -> None:
    """Take sounds out of the library. Their files stay, and adding their folder again brings them back; see edit --ban."""
    count = opened(library).remove(sounds)
    if as_json:
        print(json.dumps({"removed": count}))
    else:
        print(f"{_sounds(count)} removed from the library; the files are where they were")


def _print_report(report: ScanReport, count: int) -> None:
    counts = {
        "added": report.added, "changed": report.changed, "moved": report.moved, "vanished": report.vanished,
        "unchanged": report.unchanged, "copies of others": report.duplicates,
    }  # fmt: skip
    print(", ".join(f"{number} {what}" for what, number in counts.items() if number) or "no sounds there")
    print(f"the library has {_sounds(count)}")
    for note in report.notes:
        print(f"note: {note}")
    show.some(f"{len(report.failed)} could not be read:", [f"{path}: {reason}" for path, reason in report.failed])
    lines = [f"{csv}, line {line}: {path}: {why}" for csv, line, path, why in report.unmatched]
    show.some(f"{len(lines)} lines of the lists belong to no sound there:", lines)


def _print_sound(sound: LibrarySound, as_json: bool) -> None:
    if as_json:
        print(json.dumps(sound.to_json(), indent=2))
        return
    how = f"{sound.sample_rate} Hz, {sound.channels} channel{'' if sound.channels == 1 else 's'}"
    how += (f", {sound.bit_depth} bit" if sound.bit_depth else "") + f", {sound.format}"
    category = (
        f"{sound.cat_id} · {sound.category} {sound.subcategory} ({_CATEGORY_FROM[sound.cat_from]})" if sound.cat_id else ""
    )
    marks = ", ".join(mark for mark, held in (("favourite", sound.favourite), ("banned", sound.banned)) if held)
    lines = {
        "id": sound.id, "name": sound.name, "UCS": category, "title": sound.fx_name, "description": sound.description,
        "keywords": ", ".join(sound.keywords), "creator": sound.creator, "source": sound.source, "collection": sound.library,
        "licence": sound.licence, "url": sound.url, "length": f"{sound.duration_s:.3f} s", "sound": how, "marks": marks,
    }  # fmt: skip
    fields = {"title": "fx_name", "collection": "library"}
    for label, value in lines.items():
        if value:
            mine = "  (yours)" if fields.get(label, label) in sound.edited else ""
            print(f"{label + ':':13}{value}{mine}")
    for place, path in enumerate(sound.paths):
        print(f"{'file:' if not place else '':13}{path}")


_CATEGORY_FROM = {"file": "from its name", "metadata": "from its metadata", "guess": "guessed", "user": "yours"}


def _sounds(count: int) -> str:
    return f"{count} sound{'' if count == 1 else 's'}"
