"""Which of several sounds made for a picture should go on: by the synchronisation network, by onsets, or by both; and what
stands in for the pictures of an example that has none.

    python benchmarks/reranking.py KEEP [--pairs 150] [--candidates 32] [--without-pictures 0] [--material RUN]

With the pack that ships, on the stage's test films, on the CPU. What was made and measured is kept in the folder KEEP, pair by
pair: the same command goes on where it was stopped. ``--material`` (a classifier's run; it needs PyTorch) adds how often it
hears the example's material. Intervals are 95 %, bootstrap over pairs, of the paired difference from the first candidate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import reranking_pairs as pairs
from scipy.stats import spearmanr

from foley_bridge.engines.rerank import agreement, rises, value
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.offsets import Scores, decided, order
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.stage.scene import stream

Pair = dict[str, np.ndarray]
TAKES = 4  # of an example without pictures
DRAWS = 4000
TOLERANCES_S = (0.2, 0.1, 0.05, 0.0)
FIRST, BY_SYNC = "the first: no re-ranking", "sync, tau 0.2 s"
BY_NETWORK, BY_DETECTOR = "agreement, onset network", "agreement, weight-free detector"


def candidates(analogy: Analogy, folder: Path, count: int, takes: int) -> list[Path]:
    """Made and measured, as far as they are not there yet."""
    task = analogy.task
    length_s = task.sound.frames * task.sound.hop / task.sound.sample_rate
    files = []
    for number, (place, other) in enumerate(pairs.places(count, task.picture, task.sound)):
        files.append(folder / f"candidates-{number:04d}.npz")
        if files[-1].exists():
            continue
        given, example = pairs.shown(analogy, place), pairs.shown(analogy, other)
        made = pairs.drawn(analogy, given.features, example.features, example.mel, number, takes)
        samples = pairs.rendered(made, task.sound)
        mels = {"decoded": clips.from_magnitudes(made)[:, None], "rendered": pairs.mel_of(samples, task.sound)}
        true = pairs.true_sound(place, task.sound, task.picture, samples.shape[1])
        truth_s = place.times_s(length_s, task.picture.fps)
        seen_s, confidence = pairs.looked_at(place, length_s, task.picture.fps)
        kept = {
            "truth_s": truth_s,
            "onset": analogy.onsets(given.pictures)[0],
            "seen_s": seen_s,
            "confidence": confidence,
            "example": example.mel,
            "own": given.mel,
            "same": np.array(other.heard == place.heard),
            **pairs.measured(samples, truth_s, true, task.sound),
        }
        for name, mel in mels.items():
            kept |= {name: mel.astype(np.float16), f"offsets_{name}": analogy.offsets(given.pictures, mel)}
        pairs.save(files[-1], kept)
        print(f"{number + 1} of {count}", flush=True)
    return files


def without_pictures(analogy: Analogy, folder: Path, count: int) -> list[Path]:
    """The same of examples whose pictures others stand in for."""
    task, files = analogy.task, []
    length_s = task.sound.frames * task.sound.hop / task.sound.sample_rate
    settings = task.picture
    black = np.zeros((settings.frames, settings.short_side, settings.short_side, 3), np.uint8)
    grey = np.full_like(black, round(255 * np.mean(settings.mean)))
    nothing, middle = (analogy.features(clips.pictures(each, settings)[None]) for each in (black, grey))
    for number, (place, other) in enumerate(pairs.places(count, settings, task.sound)):
        files.append(folder / f"without-pictures-{number:04d}.npz")
        if files[-1].exists():
            continue
        given, example = pairs.shown(analogy, place), pairs.shown(analogy, other)
        first = np.repeat(pairs.kept_pictures(place, settings, 1), settings.frames, axis=0)
        true = pairs.true_sound(place, task.sound, settings, task.sound.frames * task.sound.hop)
        truth_s = place.times_s(length_s, settings.fps)
        standing_in = {
            "the example's own": example.features,
            "black": nothing,
            "grey": middle,
            "no features (zeros)": np.zeros_like(nothing),
            "the input's": given.features,
            "the input's first, still": analogy.features(clips.pictures(first, settings)[None]),
            "the input's mean features": np.repeat(given.features.mean(axis=1, keepdims=True), settings.frames, axis=1),
        }
        kept = {"example": example.mel, "own": given.mel, "same": np.array(other.heard == place.heard)}
        for name, features in standing_in.items():
            made = pairs.drawn(analogy, given.features, features, example.mel, number, TAKES)
            samples = pairs.rendered(made, task.sound)
            told = pairs.measured(samples, truth_s, true, task.sound) | {"rendered": pairs.mel_of(samples, task.sound)}
            kept |= {f"{name}/{what}": each.astype(np.float16 if what == "rendered" else float) for what, each in told.items()}
        pairs.save(files[-1], kept)
        print(f"without pictures: {number + 1} of {count}", flush=True)
    return files


def ways(pair: Pair, offsets_s: tuple[float, ...], frame_s: float, fps: int, heard: str) -> Iterator[tuple[str, np.ndarray]]:
    """Ways to choose, each with what it gives each candidate: the highest is taken.

    Args:
        heard: "decoded" or "rendered": which mel of a candidate is listened to.
    """
    logits = pair[f"offsets_{heard}"]
    scores, count = decided(logits, offsets_s), len(logits)
    yield FIRST, -np.arange(count)
    for tolerance_s in TOLERANCES_S:
        yield f"sync, tau {tolerance_s:g} s", -np.argsort(order(scores, tolerance_s))
    strength = rises(clips.magnitudes(pair[heard][:, 0].astype(np.float32)))
    chances = 1 / (1 + np.exp(-pair["onset"].astype(float)))
    by_network = agreement(strength, frame_s, np.arange(len(chances)) / fps, chances)
    yield BY_NETWORK, by_network
    yield BY_DETECTOR, agreement(strength, frame_s, pair["seen_s"], pair["confidence"])
    weights = np.exp(logits.astype(float) - logits.max(axis=1, keepdims=True))
    in_time = weights[:, np.abs(offsets_s) < 0.06].sum(axis=1) / weights.sum(axis=1)
    yield "both: chance within 0.05 s + agreement, onset network", in_time + by_network
    away = np.abs(scores.offsets_s)
    kept = away <= away.min() + 0.05 + 1e-6
    yield "both: of those that sync keeps (tau 0.05 s) the best agreement", np.where(kept, by_network, -1)


def interval(difference: np.ndarray) -> str:
    """Half of the 95 % interval of a mean over pairs."""
    drawn = stream(0, "re-ranking", "bootstrap").integers(len(difference), size=(DRAWS, len(difference)))
    low, high = np.percentile(difference[drawn].mean(axis=1), [2.5, 97.5])
    return f"{difference.mean():+.3f} ± {(high - low) / 2:.3f}"


def listener(run: Path) -> Callable[[np.ndarray], np.ndarray]:
    """A classifier: which material each mel is of."""
    from foley_models.analogy.checkpoint import load
    from foley_models.analogy.evaluation.classifier import classify

    network = load(run, "classifier").network
    return lambda mels: classify(network, mels.astype(np.float32))


def timbre(pair: Pair, mels: np.ndarray, listen: Callable[[np.ndarray], np.ndarray] | None) -> list[float]:
    """Shares of sounds whose profile is nearer the example's than the input's own (where materials differ), and in which the
    classifier hears what it hears in the example."""
    near = np.nan if pair["same"] else float(pairs.nearer(mels.astype(np.float32), pair["example"], pair["own"]).mean())
    return [near, float((listen(mels) == listen(pair["example"])).mean()) if listen else np.nan]


def table_of_choices(made: list[Pair], analogy: Analogy, count: int, listen: Callable[[np.ndarray], np.ndarray] | None) -> None:
    """What is chosen out of ``count`` candidates, by each way."""
    task, rows = analogy.task, {}
    for pair in made:
        few = {name: each[:count] if name in OF_CANDIDATES else each for name, each in pair.items()}
        said = dict(ways(few, task.offsets_s, task.sound.hop / task.sound.sample_rate, task.picture.fps, "decoded"))
        said["the best there is (AP, then F1)"] = few["ap"] + 1e-3 * few["f1"]
        for name, score in said.items():
            best = int(np.argmax(score))
            told = [few["ap"][best], few["f1"][best], few["away_s"][best]]
            rows.setdefault(name, []).append(told + timbre(few, few["rendered"][best : best + 1], listen))
    print(f"\n| of {count}, {len(made)} pairs | AP | against the first | against sync | F1 | away | nearer | material |")
    print("|---|---|---|---|---|---|---|---|")
    first, sync = (np.array(rows[name])[:, 0] for name in (FIRST, BY_SYNC))
    for name, told in rows.items():
        each = np.array(told)
        against = " | ".join(interval(each[:, 0] - other) for other in (first, sync))
        ap, f1, away, near = np.nanmean(each[:, :4], axis=0)
        material = f"{each[:, 4].mean():.0%}" if listen else "-"
        print(f"| {name} | {ap:.3f} | {against} | {f1:.3f} | {away:.3f} s | {near:.0%} | {material} |")


def table_of_mels(made: list[Pair], analogy: Analogy, count: int) -> None:
    """Listening to what was decoded beside listening to what was rendered of it."""
    task, rows = analogy.task, {}
    for pair in made:
        few = {name: each[:count] if name in OF_CANDIDATES else each for name, each in pair.items()}
        frame_s = task.sound.hop / task.sound.sample_rate
        decoded, rendered = (
            dict(ways(few, task.offsets_s, frame_s, task.picture.fps, heard)) for heard in ("decoded", "rendered")
        )
        for name in list(decoded)[1:]:
            one, other = decoded[name], rendered[name]
            best, best_of_rendered = int(np.argmax(one)), int(np.argmax(other))
            alike = spearmanr(one, other).statistic if np.ptp(one) and np.ptp(other) else np.nan
            rows.setdefault(name, []).append((best == best_of_rendered, alike, few["ap"][best] - few["ap"][best_of_rendered]))
    print(
        f"\n| mel as decoded, beside mel of the rendered sound; of {count} | same winner | rank correlation | AP, difference |"
    )
    print("|---|---|---|---|")
    for name, told in rows.items():
        each = np.array(told, float)
        print(f"| {name} | {each[:, 0].mean():.0%} | {np.nanmean(each[:, 1]):.2f} | {interval(each[:, 2])} |")


def table_of_scores(made: list[Pair], analogy: Analogy) -> None:
    """What a score tells of a sound's AP, over all candidates of all pairs."""
    task, told = analogy.task, {}
    for pair in made:
        said = dict(ways(pair, task.offsets_s, task.sound.hop / task.sound.sample_rate, task.picture.fps, "decoded"))
        scores = decided(pair["offsets_decoded"], task.offsets_s)
        said["sync"] = np.array([value(Scores(*(each[k : k + 1] for each in scores)), None) for k in range(len(pair["ap"]))])
        for name in ("sync", BY_NETWORK, BY_DETECTOR):
            told.setdefault(name, []).append(said[name])
    precision = np.concatenate([pair["ap"] for pair in made])
    print("\n| a candidate's score | correlation with its AP |\n|---|---|")
    for name, each in told.items():
        print(f"| {name} | {np.corrcoef(np.concatenate(each), precision)[0, 1]:.2f} |")


def table_without_pictures(made: list[Pair], listen: Callable[[np.ndarray], np.ndarray] | None) -> None:
    """Every take of every pair counts."""
    names = [name.rpartition("/")[0] for name in made[0] if name.endswith("/ap")]
    print(f"\n| example's pictures, {len(made)} pairs x {TAKES} takes | AP | against its own | nearer the example | material |")
    print("|---|---|---|---|---|")
    told = {
        name: np.array([[pair[f"{name}/ap"].mean(), *timbre(pair, pair[f"{name}/rendered"], listen)] for pair in made])
        for name in names
    }
    for name, each in told.items():
        against = interval(each[:, 0] - told[names[0]][:, 0])
        material = f"{each[:, 2].mean():.0%} ({interval(each[:, 2] - told[names[0]][:, 2])})" if listen else "-"
        print(f"| {name} | {each[:, 0].mean():.3f} | {against} | {np.nanmean(each[:, 1]):.0%} | {material} |")


OF_CANDIDATES = ("decoded", "rendered", "offsets_decoded", "offsets_rendered", "ap", "f1", "away_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--candidates", type=int, default=32)
    parser.add_argument("--without-pictures", type=int, default=0, metavar="PAIRS")
    parser.add_argument("--material", type=Path, metavar="RUN")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    analogy = Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")
    listen = listener(given.material) if given.material else None
    made = [dict(np.load(file)) for file in candidates(analogy, given.keep, given.pairs, given.candidates)]
    for count in sorted({min(8, given.candidates), given.candidates}):
        table_of_choices(made, analogy, count, listen)
        table_of_mels(made, analogy, count)
    table_of_scores(made, analogy)
    if given.without_pictures:
        files = without_pictures(analogy, given.keep, given.without_pictures)
        table_without_pictures([dict(np.load(file)) for file in files], listen)


if __name__ == "__main__":
    main()
