"""``foley-export``: packs are made, proved again, timed and compared. Heavy libraries load only when a command needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foley_bridge import __version__
from foley_bridge.command import run
from foley_bridge.errors import Cancelled

if TYPE_CHECKING:
    from foley_export.comparison.reveal import Revealed

EXIT_NOT_SO = 1
NAME = "foley-export"

app = typer.Typer(
    name=NAME,
    help="From a checkpoint to a pack that the daemon loads, with proof.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 a pack is not what it says, 2 bad input, 130 interrupted."""
    stopped = Cancelled("interrupted; nothing was left half done", "")
    args = sys.argv[1:] if argv is None else argv
    return run(NAME, lambda given: app(given, standalone_mode=False), args, interrupted=stopped)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"foley-export {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")] = False,
) -> None:
    pass


@app.command()
def recommendation(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="best.pt of a run, or the run's folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The pack's folder, which is not there yet.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the pack; by default the system's.")] = None,
    version: Annotated[str, typer.Option(metavar="VERSION", help="Of the pack.")] = "1",
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="For people.")] = None,
    licence: Annotated[
        str, typer.Option(metavar="SPDX", help="An SPDX expression, or LicenseRef-…")
    ] = "LicenseRef-all-rights-reserved",
    calibrate: Annotated[
        str | None, typer.Option(metavar="DATA", help="Data to prove and calibrate with; by default the run's own.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data's decoded features.")] = None,
    pairs: Annotated[int, typer.Option(min=16, metavar="N", help="At most so many held-out pairs.")] = 428,
    fp16: Annotated[bool, typer.Option("--fp16", help="Weights and arithmetic of half size.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Convolutions in eight bits.")] = False,
    as_json: Json = False,
) -> None:
    """A pack from a checkpoint of recommendation by picture."""
    if fp16 and int8:
        raise typer.BadParameter("--fp16 or --int8, not both")
    _needs_torch()
    from foley_export.recommendation import Wanted, export

    wanted = Wanted(
        name=name,
        version=version,
        title=title,
        licence=licence,
        precision="fp16" if fp16 else "int8" if int8 else "fp32",
        data=calibrate,
        cache=cache,
        pairs=pairs,
    )
    said = export(checkpoint, out, wanted, say=lambda line: print(line, file=sys.stderr)).to_json()
    if as_json:
        print(json.dumps({"pack": str(out), "manifest": said}))
    else:
        _show_made(out, said)


def _show_graphs(out: Path, said: dict[str, Any]) -> None:
    size = sum(file["bytes"] for file in said["files"].values())
    print(f"{out}: {said['name']} {said['version']}, {size / 1e6:.1f} MB")
    for name, graph in said["graphs"].items():
        parity = graph["parity"]
        print(
            f"  {name}: {graph['precision']}, {parity['worst']:.1e} from {parity['against']} at worst, "
            f"{parity['typical']:.1e} typically, over {parity['inputs']} inputs"
            + (f", {parity['moved']:.2%} of the probability on other codes" if "moved" in parity else "")
        )


def _show_made(out: Path, said: dict[str, Any]) -> None:
    _show_graphs(out, said)
    calibration, held_out = said["tasks"]["recommendation"]["calibration"], said["provenance"]["held_out"]
    many = held_out["pairs"]
    print(f"  pairs are {calibration['near']:.3f} apart, strangers {calibration['far']:.3f} (medians of {many} held-out pairs)")
    print(f"  top-10 of {many}: {held_out['top_10']:.3f}")
    if "lost" in held_out:
        same = f"{held_out['in_common']:.1%} of the lists in common"
        print(f"  lost against fp32: {held_out['lost']:.3f} of {held_out['top_10_fp32']:.3f}; {same}")


@app.command()
def analogy(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The pack's folder, which is not there yet.")],
    decoder: Annotated[Path | None, typer.Option(metavar="RUN", help="A decoder's run, or its best.pt.")] = None,
    codebook: Annotated[Path | None, typer.Option(metavar="RUN", help="The codebook's that it was trained with.")] = None,
    vocoder: Annotated[Path | None, typer.Option(metavar="RUN", help="A vocoder's.")] = None,
    griffin_lim: Annotated[bool, typer.Option("--griffin-lim", help="No vocoder: Griffin-Lim makes the sound.")] = False,
    sync: Annotated[Path | None, typer.Option(metavar="RUN", help="A synchronisation network's, to choose takes by.")] = None,
    onset: Annotated[Path | None, typer.Option(metavar="RUN", help="An onset network's.")] = None,
    published: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Instead of runs: the authors' files; once for each.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the pack.")] = None,
    version: Annotated[str, typer.Option(metavar="VERSION", help="Of the pack.")] = "1",
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="For people.")] = None,
    licence: Annotated[
        str, typer.Option(metavar="SPDX", help="An SPDX expression, or LicenseRef-…")
    ] = "LicenseRef-all-rights-reserved",
    data: Annotated[str, typer.Option(metavar="DATA", help="Clips to prove with.")] = "stage:8",
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of that data's films.")] = None,
    beside: Annotated[Path | None, typer.Option(metavar="PACK", help="A pack of another task, to be one pack with.")] = None,
    int8: Annotated[
        bool, typer.Option("--int8/--no-int8", help="The decoder in eight bits, too, unless it loses much.")
    ] = True,
    int4: Annotated[bool, typer.Option("--int4", help="The decoder in four bits, too, likewise.")] = False,
    int8_pictures: Annotated[
        bool, typer.Option("--int8-pictures", help="The picture network in eight bits, too; it then serves on CPUs.")
    ] = False,
    int8_mel: Annotated[
        bool, typer.Option("--int8-mel", help="The decoder of mels in eight bits, too; by it takes are chosen on CPUs.")
    ] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="The decoder in numbers of half size, too, likewise: for GPUs.")] = False,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the decoder without ONNX Runtime's own operators, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """A pack of Foley by analogy: from runs of ours, or from the authors' published files."""
    runs = {"decoder": decoder, "codebook": codebook, "vocoder": vocoder, "sync": sync, "onset": onset}
    given = {part: path for part, path in runs.items() if path is not None}
    if published and given:
        raise typer.BadParameter(f"--published or --{min(given)}, not both")
    if not published and (decoder is None or codebook is None):
        raise typer.BadParameter("--decoder and --codebook are wanted, or --published")
    if not published and (vocoder is None) != griffin_lim:
        raise typer.BadParameter("--vocoder or --griffin-lim is wanted, and not both")
    _needs_torch()
    from foley_export.analogy.export import Wanted, export
    from foley_export.analogy.parts import of_published, of_runs

    parts = of_published(published) if published else of_runs(given)
    if published and (parts.vocoder is None) != griffin_lim:
        raise typer.BadParameter("give the vocoder's file with --published, or --griffin-lim, and not both")
    wanted = Wanted(
        name=name,
        version=version,
        title=title,
        licence=licence,
        data=data,
        cache=cache,
        reference=reference,
        beside=beside,
        smaller=[each for each, asked in {"int8": int8, "int4": int4, "fp16": fp16}.items() if asked],
        int8_pictures=int8_pictures,
        int8_mel=int8_mel,
    )
    said = export(parts, out, wanted, say=lambda line: print(line, file=sys.stderr)).to_json()
    if as_json:
        print(json.dumps({"pack": str(out), "manifest": said}))
        return
    _show_graphs(out, said)
    provenance = said["provenance"].get("analogy", said["provenance"])
    for each in provenance["sequences"]:
        rest = f"; the others from a margin of {each['margin']:.1e} on" if each["same"] < each["takes"] else ""
        print(f"  {each['same']} of {each['takes']} sequences as PyTorch draws them ({each['codes']} codes){rest}")


@app.command()
def check(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The pack's folder.")],
    as_json: Json = False,
) -> int:
    """Prove a pack again, without PyTorch: files, graphs, golden output, batches. Exit status 1: something does not hold."""
    from foley_export.check import check as findings_of

    found = findings_of(pack)
    if as_json:
        print(
            json.dumps(
                {"pack": str(pack), "holds": all(each.holds for each in found), "findings": [f.to_json() for f in found]}
            )
        )
    else:
        for each in found:
            print(f"{'holds ' if each.holds else 'FAILED'}  {each.claim}: {each.seen}")
    return 0 if all(each.holds for each in found) else EXIT_NOT_SO


@app.command()
def bench(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The pack's folder.")],
    against: Annotated[
        Path | None, typer.Option(metavar="PACK", help="Another pack, mostly the same in fp32: says the ratio.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of the CPU; by default as many as the daemon has.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Time a pack on this machine: milliseconds of each graph for one input, alone and in batches."""
    from foley_bridge.inference.where import in_words
    from foley_export.bench import bench as benched

    found = benched(pack, against, threads=threads)
    if as_json:
        print(json.dumps(found.to_json()))
        return
    print(f"{found.pack}: {found.bytes / 1e6:.1f} MB; {in_words([each.runs for each in found.graphs.values()])}")
    for role, each in found.graphs.items():
        for size, ms in each.ms.items():
            ratio = f", {each.ratio[size]:.2f} of {found.against}'s" if each.ratio else ""
            print(f"  {role}, batch {size}: {ms:.2f} ms{ratio}")


@app.command()
def compare(
    pack_a: Annotated[Path | None, typer.Argument(metavar="PACK_A", help="A pack's folder.")] = None,
    pack_b: Annotated[Path | None, typer.Argument(metavar="PACK_B", help="Another's.")] = None,
    reels: Annotated[
        list[Path] | None, typer.Argument(metavar="REEL", help="Timelines with marked regions, or videos.")
    ] = None,
    sounds: Annotated[Path | None, typer.Option(metavar="DIR", help="A folder of sounds to find from.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The comparison's folder.")] = Path("comparison"),
    top: Annotated[int, typer.Option(min=1, max=20, metavar="N", help="Sounds of each pack in each region.")] = 5,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Which side is whose; by default drawn.")] = None,
    judgements: Annotated[
        Path | None, typer.Option("--reveal", metavar="FILE", help="What the page saved: says which pack won.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Two packs on your own reels, judged blind: makes a page; --reveal then says which one won."""
    if judgements is not None:
        from foley_export.comparison.reveal import reveal

        revealed = reveal(out, judgements)
        if as_json:
            print(json.dumps({**vars(revealed), "verdict": revealed.verdict}))
        else:
            _show_revealed(revealed)
        return
    if pack_a is None or pack_b is None or not reels or sounds is None:
        raise typer.BadParameter("two packs, at least one reel and --sounds are wanted; or --reveal, with what the page saved")
    from foley_export.comparison.blind import KEY, PAGE
    from foley_export.comparison.compare import compare as made

    key = made((pack_a, pack_b), reels, sounds, out, top=top, seed=seed, say=lambda line: print(line, file=sys.stderr))
    judged = sum(region.judged for region in key.regions)
    if as_json:
        print(json.dumps({"page": str(out / PAGE), "regions": len(key.regions), "judged": judged, "seed": key.seed}))
        return
    print(f"{out / PAGE}: {judged} regions to judge, {len(key.regions) - judged} in which both found the same")
    print(f"then: foley-export compare --out {out} --reveal judgements-{key.id}.json     ({KEY} says what is what: look later)")


def _show_revealed(revealed: Revealed) -> None:
    for region in revealed.regions:
        won = revealed.packs[region["winner"]] if region["winner"] else "as good as each other"
        print(f"  {region['reel']}, {region['region']}: {won}")
    for letter in "ab":
        print(f"{revealed.packs[letter]}: better in {revealed.wins[letter]}")
    print(f"as good: {revealed.as_good}; found the same: {revealed.same}; not judged: {revealed.left}")
    print(f"sign test: {revealed.verdict}")


def _needs_torch() -> None:
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        from foley_export.errors import ExportError

        raise ExportError(f"{error.name} is not installed", "pip install 'foley-bridge[models]'") from error
