"""``library embed``, and what ``library add`` does after the scan: the sounds as points of the space of the pack in use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from foley_bridge.cli import show
from foley_bridge.cli.stopping import stopped_between
from foley_bridge.errors import LibraryError

if TYPE_CHECKING:
    from foley_bridge.inference.encoders import Encoders
    from foley_bridge.library.catalogue import Catalogue
    from foley_bridge.library.embedding import Embedded, EmbedProgress


def embedded(catalogue: Catalogue, *, hidden: bool) -> Embedded:
    """Embed what is not yet, with the pack in use, and say what was done unless hidden.

    Raises:
        LibraryError: no pack does this.
    """
    from foley_bridge.inference.in_use import encoders_in_use

    encoders = encoders_in_use()
    if encoders is None:
        raise LibraryError("no pack in use can embed sounds", "foley-bridge packs add FOLDER adds one")
    return _embedded(catalogue, encoders, hidden)


def embedded_if_any(catalogue: Catalogue, *, hidden: bool) -> Embedded | None:
    """Likewise; without such a pack one line says so, and nothing is done. The pack that ships has seen drawn scenes only: it
    embeds what is new where somebody had it embed the library before."""
    from foley_bridge.inference.in_use import encoders_in_use

    encoders = encoders_in_use()
    if encoders is None:
        why = "no pack in use can; search by picture and by sound needs one (foley-bridge packs add FOLDER)"
    elif encoders.pack.ships and encoders.space not in catalogue.spaces():
        why = f"{encoders.pack.id} knows drawn scenes only; add a pack of your own, or try it: foley-bridge library embed"
    else:
        return _embedded(catalogue, encoders, hidden)
    if not hidden:
        print(f"not embedded: {why}")
    return None


def _embedded(catalogue: Catalogue, encoders: Encoders, hidden: bool) -> Embedded:
    with show.Bar(hidden=hidden) as bar, stopped_between() as stopping:

        def watch(progress: EmbedProgress) -> None:
            stopping()
            done = progress.done / progress.total if progress.total else 0.0
            bar.update(f"{progress.step} {progress.done} of {progress.total}, {progress.rate:.0f}/s", done, progress.left_s)

        report = catalogue.embed(encoders, on_progress=watch)
    if not hidden:
        _print_report(report, *catalogue.embedded(encoders.space), str(encoders.pack.id))
    return report


def _print_report(report: Embedded, there: int, of: int, pack: str) -> None:
    parts = [f"{report.sounds} embedded, {report.segments} segments"] if report.sounds else []
    parts += [f"segments of {report.left} that left cleared away"] if report.left else []
    print("; ".join(parts) or "nothing new to embed")
    print(f"{there} of {of} sounds are embedded for {pack}")
    if report.unheard:
        print(f"{report.unheard} that could not be heard before were not tried again", file=sys.stderr)
    show.some(f"{len(report.skipped)} could not be heard:", [f"{path}: {reason}" for path, reason in report.skipped])
