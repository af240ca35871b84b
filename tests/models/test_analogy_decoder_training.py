"""Training of the decoder: what learns and what does not, what it is shown, what it begins with, and clips that come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import analogy_decoders as tiny  # noqa: E402
from foley_models.analogy import checkpoint  # noqa: E402
from foley_models.analogy.codebook.vqgan import SpectrogramVQGAN  # noqa: E402
from foley_models.analogy.data import Films, open_films, pairs  # noqa: E402
from foley_models.analogy.decoder import gpt, train  # noqa: E402
from foley_models.analogy.decoder.learner import DecoderLearner  # noqa: E402
from foley_models.analogy.decoder.positions import begin_in_time, positions  # noqa: E402
from foley_models.analogy.decoder.sampling import draws, generate  # noqa: E402
from foley_models.analogy.onset.network import OnsetConfig, OnsetLearner  # noqa: E402
from foley_models.analogy.training import Given, Order, PartTask  # noqa: E402
from foley_models.analogy.training import train as run  # noqa: E402
from foley_models.errors import ModelError  # noqa: E402
from foley_models.processes import Processes  # noqa: E402
from foley_models.settings import Settings  # noqa: E402

from foley_bridge.inference.clips import ClipPicture, ClipSound, mel  # noqa: E402

PICTURE, SOUND = ClipPicture(short_side=24, size=20), ClipSound()
STEPS = 250
SETTINGS = Settings(batch=2, lr=1e-3, optimizer="adamw", schedule="constant")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    cache = tmp_path_factory.mktemp("films")
    return open_films("stage:6:dubbed", split="train", picture=PICTURE, sound=SOUND, cache=cache, workers=0)


class Kept(torch.nn.Module):
    """Saves a network as if it had been trained."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.config = network, network.config


def saved(path: Path, part: str, network: Any, **other: Any) -> Path:
    said = {"picture": PICTURE, "sound": SOUND, "trained": {}} | other
    checkpoint.save(path, part, Kept(network), **said)
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    onset = OnsetLearner(OnsetConfig(picture=tiny.PICTURE, hidden=4)).network
    return {
        "codebook": saved(folder / "codebook.pt", "codebook", tiny.codebook()),
        "picture": saved(folder / "onset.pt", "onset", onset),
    }


@pytest.fixture
def given(films: Films, runs: dict[str, Path]) -> Callable[..., Given]:
    def made(runs: dict[str, Path] = runs, settings: Settings = SETTINGS, **options: Any) -> Given:
        torch.manual_seed(settings.seed)
        known = {**train.OPTIONS, **options}
        return Given("decoder", "mini", films, films, settings, runs, known, PICTURE, SOUND)

    return made


def every_row(rows: torch.Tensor) -> torch.Tensor:
    """Of one process, what all have."""
    return rows


def learnt(task: PartTask, batch: Any) -> set[str]:
    """Which parts of the network one step changes."""
    learner = task.network.train()
    before = {name: each.clone() for name, each in learner.state_dict().items()}
    (turn,) = learner.turns(SETTINGS)
    optimiser = turn.optimiser(SETTINGS)
    for group in optimiser.param_groups:
        group["lr"] = 1e-2
    turn.loss(*batch, gather=every_row)[0].backward()
    optimiser.step()
    return {name.split(".")[1] for name, each in learner.state_dict().items() if not torch.equal(each, before[name])}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"decoder"}),
        ({"system": "no-condition", "sound_as": "vectors"}, {"decoder"}),
        ({"train_picture": True}, {"decoder", "picture"}),
        ({"system": "specvqgan"}, {"decoder", "motion"}),
    ],
)
def test_what_learns(given: Callable[..., Given], options: dict[str, Any], wanted: set[str]) -> None:
    task = train.task(given(**options))
    assert learnt(task, next(task.batches(0, 0))) == wanted


def test_the_picture_network_begins_as_the_onset_runs(given: Callable[..., Given], runs: dict[str, Path]) -> None:
    wanted = checkpoint.load(runs["picture"], "onset").network.picture.state_dict()
    made = train.task(given()).network.network.picture.state_dict()
    assert made.keys() == wanted.keys() and all(torch.equal(made[name], wanted[name]) for name in wanted)


def test_weight_decay_is_on_weights_of_linear_layers_alone() -> None:
    learner = DecoderLearner(tiny.config(), tiny.codebook(), train_picture=True)
    (turn,) = learner.turns(SETTINGS)
    names = {id(each): name for name, each in learner.network.named_parameters()}
    decayed, others = ({names[id(each)] for each in group["params"]} for group in turn.groups)
    assert [group["weight_decay"] for group in turn.groups] == [0.01, 0.0] and turn.betas == (0.9, 0.95)
    linear = ("key", "query", "value", "proj", "mlp.0", "mlp.2")
    assert decayed == {f"decoder.blocks.{n}.{'' if m[0] == 'm' else 'attn.'}{m}.weight" for n in (0, 1) for m in linear} | {
        "decoder.head.weight"
    }
    assert decayed | others == set(names.values()) and not decayed & others
    assert {"decoder.tok_emb.weight", "decoder.pos_emb", "decoder.embedder.weight", "decoder.ln_f.weight"} <= others


def test_the_loss_is_cross_entropy_of_the_targets_codes(given: Callable[..., Given], films: Films) -> None:
    task = train.task(given())
    learner, batch = task.network.eval(), next(task.batches(0, 0))
    (conditional, target), *_ = pairs(films, size=2, seed=0, epoch=0)
    codebook = tiny.codebook()
    codes, wanted = (codebook.encode(torch.from_numpy(mel(each.samples.numpy(), SOUND))) for each in (conditional, target))
    with torch.no_grad():
        features = [learner.network.picture(each.pictures) for each in (conditional, target)]
        logits = learner.network.logits(features[0], features[1], codes, wanted)
        loss, right = learner.loss(*batch, gather=every_row)
    told = -logits.log_softmax(2).gather(2, wanted[..., None]).mean()
    assert torch.allclose(loss, told, atol=1e-5) and right.shape == (100,)
    assert right.tolist() == (logits.argmax(2) == wanted).flatten().tolist()


def test_the_papers_way_has_the_codebooks_vectors_up_to_a_factor(given: Callable[..., Given], runs: dict[str, Path]) -> None:
    learner = train.task(given(sound_as="vectors")).network
    entries = checkpoint.load(runs["codebook"], "codebook").network.quantize.embedding.weight
    ratio = learner.network.decoder.codebook / entries
    assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio)) and "network.decoder.codebook" in learner.state_dict()
    assert not any("encoder" in name for name in learner.state_dict())  # the codebook itself is no part of it


def test_systems_are_shown_what_they_know(given: Callable[..., Given], films: Films) -> None:
    def first(**options: Any) -> Any:
        return next(train.task(given(**options)).batches(0, 0))

    ours, alone, heard = first(), first(system="no-condition"), first(system="no-conditional-video")
    assert [each is None for each in ours] == [False] * 4
    assert [each is None for each in alone] == [True, True, False, False]
    assert [each is None for each in heard] == [True, False, False, False] and torch.equal(heard[3], ours[3])
    plain, others = first(system="no-augmentation"), first(system="random-conditional-examples")
    (wanted, *_), (unlike, *_) = (
        pairs(films, size=2, seed=0, epoch=0, **each) for each in ({"augment": False}, {"condition": "random"})
    )
    assert torch.equal(plain[2], wanted.target.pictures) and torch.equal(others[0], unlike.conditional.pictures)


@pytest.mark.parametrize("system", ["ours", "no-condition"])
def test_clips_that_come_again_are_those_of_the_fresh_epochs(given: Callable[..., Given], system: str) -> None:
    settings = replace(SETTINGS, seed=3)
    task, plain = (train.task(given(settings=settings, system=system, fresh_epochs=each)) for each in (2, 0))
    learner = task.network.eval()
    drawn: list[Any] = []
    for epoch in (0, 1):
        for made, raw in zip(task.batches(epoch, 0), plain.batches(epoch, 0), strict=True):
            assert torch.equal(made[3], learner.codes(raw[3])) and torch.equal(made[2], learner.features(raw[2]))
            drawn.append(made)
            with torch.no_grad():
                assert torch.allclose(learner.loss(*made, gather=every_row)[0], learner.loss(*raw, gather=every_row)[0])
    again = list(task.batches(2, 0))
    both = [] if system == "no-condition" else [row for batch in drawn for row in batch[1].tolist()]
    known = sorted(both + [row for batch in drawn for row in batch[3].tolist()])
    seen = sorted(
        [row for batch in again for column in (1, 3) for row in (batch[column].tolist() if both or column == 3 else [])]
    )
    assert seen == known and len(again) == len(drawn)
    assert not torch.equal(torch.cat([each[3] for each in again]), torch.cat([each[3] for each in drawn]))
    later = train.task(given(settings=settings, system=system, fresh_epochs=2))  # as after a break
    for wanted, made in zip(again[1:], later.batches(2, 1), strict=True):
        assert all((a is None and b is None) or torch.equal(a, b) for a, b in zip(wanted, made, strict=True))


def test_what_does_not_fit_is_said(given: Callable[..., Given], runs: dict[str, Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = saved(tmp_path / "other.pt", "codebook", SpectrogramVQGAN(tiny.CODEBOOK))
    small = saved(tmp_path / "small.pt", "onset", OnsetLearner(OnsetConfig()).network, picture=ClipPicture())
    ours = saved(tmp_path / "ours.pt", "decoder", train.task(given()).network.network)
    told = {"runs": {"codebook": checkpoint.load(runs["codebook"], "codebook").sha256}}
    two = train.task(given(system="specvqgan")).network.network
    saved(tmp_path / "two.pt", "decoder", two, trained=told)
    alone = {"codebook": runs["codebook"]}
    for known, options, said in (
        ({}, {}, "--codebook RUN"),
        (alone, {}, "--picture RUN, or --train-picture"),
        (alone | {"picture": small}, {}, "shown other pictures"),
        (runs | {"from": ours}, {}, "give one of them"),
        (runs, {"system": "specvqgan-finetuned"}, "give --from RUN"),
        (runs, {"system": "theirs"}, "no such system"),
        (runs, {"sound_as": "sound"}, "none of indices, vectors"),
        (runs, {"train_picture": True, "fresh_epochs": 1}, "leave out --fresh-epochs"),
        (alone | {"from": ours}, {"system": "specvqgan-finetuned"}, "a run of ours"),
        (alone | {"from": ours}, {}, "of another codebook"),
        (
            alone | {"from": tmp_path / "two.pt"},
            {"system": "specvqgan-finetuned", "sound_as": "vectors"},
            "another size or kind",
        ),
        ({"codebook": other, "from": tmp_path / "two.pt"}, {"system": "specvqgan-finetuned"}, "of another codebook"),
    ):
        with pytest.raises(ModelError) as raised:
            train.task(given(runs=known, **options))
        assert said in f"{raised.value} {raised.value.hint}"
    begun = train.task(given(runs=alone | {"from": tmp_path / "two.pt"}, system="specvqgan-finetuned")).network.network
    assert begun.config.system == "specvqgan-finetuned"
    assert all(torch.equal(each, two.state_dict()[name]) for name, each in begun.state_dict().items())


class Nobody:
    """Watches nothing."""

    def stepped(self, *said: Any) -> None: ...

    def validated(self, *said: Any) -> None: ...

    def note(self, text: str) -> None: ...


def test_a_run_leaves_a_model_that_speaks_and_goes_on_to_the_same_weights(
    films: Films, runs: dict[str, Path], tmp_path: Path
) -> None:
    def order(out: str, steps: int) -> Any:
        options = {**train.OPTIONS, "fresh_epochs": 1}
        settings = replace(SETTINGS, steps=steps, validate_every=3)
        ordered = Order("decoder", "mini", "stage:6:dubbed", films, films, runs, options)
        return run(ordered, settings, tmp_path / out, Processes(torch.device("cpu")), Nobody())

    order("broken", 4)  # an epoch is three steps: in the middle of the second, which brings the first's clips again
    order("broken", 7)
    order("whole", 7)
    states = [checkpoint.load(tmp_path / out / "last.pt", "decoder") for out in ("broken", "whole")]
    assert all(torch.equal(each, states[1].state[name]) for name, each in states[0].state.items())
    loaded = checkpoint.load(tmp_path / "whole", "decoder")
    assert loaded.trained["runs"]["codebook"] == checkpoint.load(runs["codebook"], "codebook").sha256
    network = loaded.network
    features = network.features(next(pairs(films, size=1, seed=0, epoch=0)).target.pictures)
    codes = torch.zeros(1, 50, dtype=torch.int64)
    with torch.no_grad():
        made = generate(network, features, features, codes, draws(0, 2, 50))
    assert made.shape == (2, 50) and int(made.min()) >= 0 and int(made.max()) < 16


@pytest.mark.parametrize("condition", gpt.CONDITIONS)
def test_a_decoder_can_begin_as_one_that_looks_at_the_pictures_of_the_moment(condition: str) -> None:
    torch.manual_seed(0)
    config = replace(gpt.SIZES["mini"], condition=condition)
    decoder = gpt.Decoder(config)
    begin_in_time(decoder)
    assert abs(float(positions(config).square().mean().sqrt()) - 0.1) < 0.02
    codes, pictures = torch.randint(256, (2, config.prefix + 50)), torch.rand(2, config.prefix, config.picture)
    tokens = decoder.sounds(codes)
    own = config.prefix - 30 - (0 if condition == "none" else 50)  # where the input's pictures begin
    tokens[:, : own + 30] = decoder.pictures(pictures[:, : own + 30])
    attention = decoder.blocks[0].attn
    x = decoder.blocks[0].ln1(tokens + decoder.pos_emb)
    query, key = (linear(x)[..., :48] for linear in (attention.query, attention.key))  # of the first head
    scores = (query @ key.transpose(1, 2) / 48**0.5).masked_fill(attention.mask[0] == 0, -torch.inf).softmax(2)
    seen = scores[:, -50:-1, own : own + 30].detach()
    assert float(seen.sum(2).mean()) > 0.8
    moment = (torch.arange(1, 50) // 5 + 0.5) * 4096 / 22050 * 15 - 0.5  # of the code to be said, counted in pictures
    away = (seen * (torch.arange(30) - moment[:, None]).abs()).sum(2) / seen.sum(2)
    assert float(away.mean()) < 4  # of a look at all alike: 9


def test_a_tiny_decoder_learns_to_answer_as_the_example_does_when_the_picture_says() -> None:
    """The example's timbre at the moments that the input's pictures show: what the pretext task is for."""
    torch.manual_seed(0)
    config = tiny.config(layers=2, heads=2, width=32)
    learner = DecoderLearner(config, tiny.codebook())
    begin_in_time(learner.network.decoder)
    (turn,) = learner.turns(SETTINGS)
    optimiser = turn.optimiser(SETTINGS)
    rng = np.random.default_rng(0)

    def clip(timbre: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        loud = rng.random((len(timbre), 10)) < 0.4  # by column
        codes = np.where(np.repeat(loud, 5, axis=1), 1 + timbre[:, None], 0)
        features = rng.normal(size=(len(timbre), 30, 6)) * 0.1
        features[..., 0] += 2.0 * np.repeat(loud, 3, axis=1)
        return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(codes)

    def batch(size: int) -> tuple[torch.Tensor, ...]:
        timbre = rng.integers(4, size=size)
        (conditional, codes), (features, target) = clip(timbre), clip(timbre)
        return conditional, codes, features, target

    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - step / STEPS)
        learner.zero_grad(set_to_none=True)
        learner.loss(*batch(16), gather=every_row)[0].backward()
        optimiser.step()
    conditional, codes, features, target = batch(12)
    given = [[each[k : k + 1] for each in (conditional, features, codes)] for k in range(12)]
    made = torch.cat([generate(learner.network, *each, draws(k, 1, 50)) for k, each in enumerate(given)])
    assert (made == target).double().mean() > 0.9  # answering with silence: 0.6
