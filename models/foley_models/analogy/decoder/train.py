"""Trains the decoder (section 3.1): two clips of a film, of which one is the example for the sound of the other."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from foley_bridge.inference.clips import ClipSound
from foley_models.analogy.data import Films, clips, mels, pairs
from foley_models.analogy.decoder.gpt import SOUND_AS
from foley_models.analogy.decoder.learner import DecoderLearner
from foley_models.analogy.decoder.positions import begin_in_time
from foley_models.analogy.decoder.remembering import Remembered
from foley_models.analogy.decoder.systems import SYSTEMS, System, model_config
from foley_models.analogy.picture import r2plus1d
from foley_models.analogy.training import Defaults, Given, PartTask, other_run
from foley_models.errors import ModelError
from foley_models.trainer import Tensors

DEFAULTS = {
    "paper": Defaults(batch=32, lr=1.6e-4, optimizer="adamw", schedule="constant"),
    "mini": Defaults(batch=16, lr=1e-3, optimizer="adamw", schedule="cosine"),
}
IN_TIME = {"paper": False, "mini": True}
"""Does the decoder begin as ``positions.begin_in_time`` has it? Else as published."""
OPTIONS = {"system": "ours", "sound_as": SOUND_AS[0], "train_picture": False, "fresh_epochs": 0}
RUNS = {"codebook": "codebook", "picture": "onset", "from": "decoder"}


def task(given: Given) -> PartTask:
    """A decoder's training.

    Options:
        system: see ``systems.SYSTEMS``.
        sound_as: see ``DecoderConfig``.
        train_picture: the picture network learns, too.
        fresh_epochs: clips are drawn anew in so many epochs; later ones bring the same again, see ``Remembered``. 0: always.

    Raises:
        ModelError: an option cannot be, or a run is missing or does not fit; says which.
    """
    learner, system = _learner(given)
    size, seed, fresh = given.settings.batch, given.settings.seed, int(given.options["fresh_epochs"])
    if fresh and not learner.sees_the_same:
        hint = "leave out --fresh-epochs"
        raise ModelError("--fresh-epochs keeps features of pictures, which change where the picture network learns", hint)

    def drawn(epoch: int, first: int) -> Generator[Tensors]:
        yield from _shown(
            given.train, system, given.sound, size=size, seed=seed, epoch=epoch, first=first, augment=system.augment
        )

    def held_out() -> Generator[Tensors]:
        yield from _shown(given.validation, system, given.sound, size=size, seed=0, epoch=0, augment=False, rest=True)

    if not learner.sees_the_same:
        return PartTask(network=learner, batches=drawn, validation=held_out)
    always = Remembered(lambda epoch, first: held_out(), learner, size=size, seed=0, fresh=1)
    some = Remembered(drawn, learner, size=size, seed=seed, fresh=fresh) if fresh else None
    return PartTask(network=learner, batches=some.batches if some else drawn, validation=lambda: always.batches(0, 0))


def _shown(films: Films, system: System, sound: ClipSound, **how: Any) -> Generator[Tensors]:
    """Batches as ``DecoderLearner.loss`` takes them."""
    if system.condition == "none":
        for batch in clips(films, **how):
            yield None, None, batch.pictures, mels(batch.samples, sound)
        return
    for conditional, target in pairs(films, condition=system.examples, **how):
        seen = conditional.pictures if system.condition == "all" else None
        yield seen, mels(conditional.samples, sound), target.pictures, mels(target.samples, sound)


# --- what it begins with ---


def _learner(given: Given) -> tuple[DecoderLearner, System]:
    train_picture = bool(given.options["train_picture"])
    if "picture" in given.runs and "from" in given.runs:
        raise ModelError("--picture and --from: both say which picture network to begin with", "give one of them")
    seen, begun, codebook = (other_run(given, name) for name in ("picture", "from", "codebook"))
    if codebook is None:
        raise ModelError("the decoder speaks in the codes of a codebook", "give --codebook RUN")
    if seen is None and begun is None and not train_picture:
        raise ModelError("the decoder sees with the picture network of an onset run", "give --picture RUN, or --train-picture")
    picture = r2plus1d.SIZES[given.size]
    picture = seen.config.picture if seen is not None else begun.config.picture if begun is not None else picture
    try:
        config = model_config(
            str(given.options["system"]),
            given.size,
            codes=codebook.config.codes,
            vector=codebook.config.dimension,
            picture=picture,
            sound_as=str(given.options["sound_as"]),
        )
    except ValueError as error:
        raise ModelError(f"the decoder: {error}") from error
    system = SYSTEMS[config.system]
    if system.begins and begun is None:
        raise ModelError(f"{config.system} begins with a run of {system.begins}", "give --from RUN")
    learner = DecoderLearner(config, codebook.network, train_picture=train_picture)
    if IN_TIME[given.size]:
        begin_in_time(learner.network.decoder)
    if seen is not None:
        learner.network.picture.load_state_dict(seen.network.picture.state_dict())
    if begun is not None:
        wanted = system.begins or config.system
        if begun.config.system != wanted:
            raise ModelError(f"--from {given.runs['from']} is a run of {begun.config.system}", f"give one of {wanted}")
        if replace(begun.config, system=config.system) != config:
            raise ModelError(
                f"--from {given.runs['from']}: its network is of another size or kind", "give what it was begun with"
            )
        if begun.trained.get("runs", {}).get("codebook") != codebook.sha256:
            raise ModelError(f"--from {given.runs['from']} speaks in the codes of another codebook", "give the same --codebook")
        learner.network.load_state_dict(begun.network.state_dict())
    return learner, system
