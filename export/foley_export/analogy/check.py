"""A pack of Foley by analogy proved again, without PyTorch, through the runtime's own door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.errors import PackError
from foley_bridge.inference.analogy import CODES_ALIKE, Analogy
from foley_bridge.inference.decode import Cache, Prefix, before, pick
from foley_bridge.inference.golden import WITHIN
from foley_bridge.inference.pack import Pack
from foley_export.finding import BATCHES, Finding, apart_from, proved

Array = NDArray[Any]
Golden = dict[str, NDArray[np.float32]]
ALONE_TOLERANCE = 1e-4
COLUMNS = (1, 4, 23)
TAKES = 3


def of_analogy(pack: Pack) -> Iterator[Finding]:
    """All that such a pack claims."""
    analogy = Analogy(pack, precision="fp32")
    claim = "analogy: the golden file has inputs and outputs of the task's shapes"
    try:
        golden = analogy.golden()
    except PackError as error:
        yield Finding(claim, False, error.message)
        return
    yield Finding(claim, True, analogy.task.golden)
    calls = _calls(analogy, golden)
    for role in analogy.task.roles:
        name = analogy.graph(role).name
        yield proved(pack.graph(name))
        if role == "decoder":
            yield from _decoder(analogy, golden)
            continue
        where = analogy.session(role).device
        call, given = calls[role]
        made, wanted = call(given), golden[f"{role}_out"]
        if role == "codes":
            alike = float((made == wanted).mean())
            yield Finding(f"{name}: gives the golden codes on {where}", alike >= CODES_ALIKE, f"{alike:.1%} of them")
        else:
            apart = apart_from(made, wanted)
            yield Finding(f"{name}: gives the golden output on {where}", apart <= WITHIN, f"{apart:.1e}, {WITHIN:.0e} allowed")
        yield from _together(name, call, given)
        if role in ("mel", "vocoder"):
            yield _lengths(analogy, name, role, call, given)
    for role in analogy.task.smaller:
        yield proved(pack.graph(analogy.task.graphs[role]))
        kind, _, precision = role.partition("_")
        smaller = Analogy(pack, precision=precision)
        if kind == "decoder":
            yield from _decoder(smaller, golden)
        else:
            serving = "picture" if kind == "picture" else smaller.judging
            name, within = smaller.graph(serving).name, smaller.within(serving)
            given, wanted = golden[f"{kind}_in"], golden[f"{kind}_out"]
            made = smaller.features(given) if kind == "picture" else smaller.magnitudes(given.astype(np.int64), serving)
            apart = apart_from(made, wanted)
            claim = f"{name}: gives the golden output on {smaller.session(serving).device}"
            yield Finding(claim, apart <= within, f"{apart:.1e}, {within:.0e} allowed")


def _calls(analogy: Analogy, golden: Golden) -> dict[str, tuple[Callable[[Array], Array], Array]]:
    """Of each role but the decoder: the call, and its golden input."""
    calls: dict[str, tuple[Callable[[Array], Array], Array]] = {
        "picture": (analogy.features, golden["picture_in"]),
        "codes": (analogy.codes, golden["codes_in"]),
        "mel": (analogy.magnitudes, golden["mel_in"].astype(np.int64)),
    }
    if analogy.has("vocoder"):
        calls["vocoder"] = (lambda given: analogy.wave(given)[:, None], golden["vocoder_in"])
    if analogy.has("sync"):
        pictures = golden["sync_pictures"][:1]
        calls["sync"] = (lambda given: analogy.offsets(pictures, given), golden["sync_in"])
    if analogy.has("onset"):
        calls["onset"] = (analogy.onsets, golden["onset_in"])
    return calls


def _together(name: str, call: Callable[[Array], Array], given: Array) -> Iterator[Finding]:
    """Each input has an output of its own, the same every time."""
    turned = given[:, ::-1] if given.dtype == np.int64 else given[..., ::-1]
    many = np.concatenate([given, turned, given, turned, given, turned, given])[: max(BATCHES)]
    whole = call(many)
    worst = max(apart_from(call(many[:size]), whole[:size]) for size in BATCHES)
    sizes = ", ".join(map(str, BATCHES))
    claim = f"{name}: batches of {sizes} give each input its own output"
    yield Finding(claim, worst <= ALONE_TOLERANCE, f"{worst:.1e} apart, {ALONE_TOLERANCE:.0e} allowed")
    same = bool(np.array_equal(whole, call(many)))
    yield Finding(f"{name}: gives the same numbers every time", same, "two runs")


def _lengths(analogy: Analogy, name: str, role: str, call: Callable[[Array], Array], given: Array) -> Finding:
    task = analogy.task
    width = task.sound.frames // task.columns
    if role == "mel":
        lengths = [call(np.resize(given, (1, columns, task.rows))).shape[-1] for columns in COLUMNS]
        wanted = [columns * width for columns in COLUMNS]
    else:
        lengths = [call(np.resize(given, (1, task.sound.mels, columns * width))).shape[-1] for columns in COLUMNS]
        wanted = [columns * width * task.sound.hop for columns in COLUMNS]
    return Finding(f"{name}: takes any length", lengths == wanted, f"{lengths} of {', '.join(map(str, COLUMNS))} columns")


def _decoder(analogy: Analogy, golden: Golden) -> Iterator[Finding]:
    name, task, within = analogy.graph("decoder").name, analogy.task, analogy.within("decoder")
    where = analogy.session("decoder").device
    logits = analogy.retrace(golden)
    apart = apart_from(logits, golden["decoder_out"])
    claim = f"{name}: gives the golden logits along the golden codes on {where}"
    yield Finding(claim, apart <= within, f"{apart:.1e}, {within:.0e} allowed")
    prefix = prefix_of(analogy, golden)
    drawn = golden["decoder_draws"][:1].astype(np.float64)
    made, wanted = analogy.generate(prefix, drawn).reshape(1, -1), golden["decoder_codes"][:1]
    different = np.flatnonzero((made != wanted)[0])
    margin = apart_from(logits[0, different[0]], golden["decoder_out"][0, different[0]]) if len(different) else 0.0
    seen = f"from code {different[0]} on others, where logits are {margin:.1e} apart" if len(different) else "all of them"
    claim = f"{name}: the same draws give the same codes, or logits are so near that either may be"
    meant = pick(golden["decoder_out"][0], drawn[0], task.top_k, task.temperature)
    if not np.array_equal(meant, wanted[0]):
        seen = "the golden draws do not mean the golden codes"
    yield Finding(claim, bool(np.array_equal(meant, wanted[0])) and margin <= within, seen)
    known = task.rows * task.columns // 2
    batches = np.random.default_rng(0).integers(0, task.entries, (2, TAKES, known + 1))
    batches[1, -1] = batches[0, 0]
    one, _ = Cache.full(analogy.session("decoder"), task, *before(task, prefix, 0))
    nothing = np.zeros((TAKES, 0, task.features), np.float32)
    logits_of = []
    for rows in batches:
        cache = one.rows_after(TAKES, known + 1)
        logits_of.append([cache.run(nothing, rows[:, :known]), cache.run(nothing, rows[:, known:])])
    same = all(first[0].tobytes() == second[-1].tobytes() for first, second in zip(*logits_of, strict=True))
    yield Finding(f"{name}: logits are the same whatever other rows hold", same, f"{TAKES} rows, {known} codes at once and one")


def prefix_of(analogy: Analogy, golden: Golden) -> Prefix:
    """The golden file's."""
    task = analogy.task
    frames, features = task.picture.frames, golden["decoder_in"][:1]
    codes = golden["decoder_condition"][:1].astype(np.int64)
    condition = task.decoder.condition
    return Prefix(
        features[:, :frames] if condition == "all" else None, features[:, -frames:], codes if condition != "none" else None
    )
