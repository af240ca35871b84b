"""Foley by analogy as the authors' code makes it, at published sizes, in plain PyTorch: what the engine is measured against.

    python benchmarks/analogy_published.py --pack DIR [--statistics call|frozen] [--int8-all]

makes a pack of the same networks with the same random weights (``--statistics call``: as the authors' checkpoints are; frozen:
as runs of ours are; ``--int8-all``: with pictures and mels to judge by in int8, too), which ``benchmarks/analogy.py`` runs
beside them.

The way of working is that of the published code (XYPB/CondFoleyGen, commit c565db7; docs/analogy.md, "Paper, published code,
ours"), and nothing slower; where ours is faster, ours is taken:

- ``gen_audio_condImage_fast`` in audio_generation.py: the example's and the input's pictures go through the visual network for
  each sound that is asked for; for each of the 50 codes the decoder runs anew over the whole sequence of 159 tokens (places
  that are not drawn yet hold code 0) and gives logits of all of them; then the codebook's decoder and MelGAN, once.
  It also makes the example's own sound once more, plots and files: that is left out.
- ``gen_audio_condImage_fast_multiple``: for many candidates the pictures are looked at once and all else is done for each
  candidate alone.
- SparseSync/predict_best_sync.py: each candidate is scored alone, and the picture is encoded each time. Their network sees 5 s
  at 25 pictures a second and 256 px; here it is ours, of 2 s at 15 a second and 112 px, which is less than half the work.
- ``r2plus1d18KeepTemp``: normalisation by the call's own statistics, as PyTorch's own batch normalisation does it in training.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from foley_models.analogy.codebook import vqgan
from foley_models.analogy.decoder import gpt
from foley_models.analogy.decoder.model import AnalogyConfig, AnalogyModel
from foley_models.analogy.decoder.sampling import pick
from foley_models.analogy.onset import network as onset
from foley_models.analogy.picture import r2plus1d
from foley_models.analogy.sync import network as sync
from foley_models.analogy.vocoder import melgan
from torch import Tensor

from foley_bridge.inference import clips
from foley_bridge.inference.clips import ClipPicture, ClipSound

SEED = 1
STATISTICS = ("call", "frozen")


class Published:
    """Networks of one size with random weights, and the published way of using them. All for one clip of two seconds.

    Args:
        size: "paper", as published.
        statistics: of the visual network's normalisation: "call" as published, "frozen" as in runs of ours.
    """

    def __init__(self, size: str = "paper", statistics: str = "call") -> None:
        torch.manual_seed(SEED)
        own = statistics == "call"
        picture = r2plus1d.PictureConfig(**{**vars(r2plus1d.SIZES[size]), "batch_statistics": own})
        decoder = gpt.DecoderConfig(**{**vars(gpt.SIZES[size]), "picture": picture.width})
        self.model = AnalogyModel(AnalogyConfig("ours", decoder, picture)).eval()
        self.codebook = vqgan.SpectrogramVQGAN(vqgan.SIZES[size]).eval()
        self.vocoder = melgan.Generator(melgan.SIZES[size]).eval()
        self.sync = sync.SyncNetwork(sync.SIZES[size]).eval()
        self.onset = onset.OnsetNetwork(onset.SIZES[size]).eval()
        torch.nn.init.normal_(
            self.codebook.quantize.embedding.weight, std=0.6
        )  # so far apart that rounding makes no other codes
        self.picture, self.sound = ClipPicture(), ClipSound(rms=0.0, scale="htk") if own else ClipSound()
        for network in (self.model, self.codebook, self.vocoder, self.sync, self.onset):
            network.requires_grad_(False)
        self._normal = self.model.picture.train(own)  # as published: by the call's own statistics, in PyTorch's own kernel

    def features(self, pictures: Tensor) -> Tensor:
        """Of one clip: float32 (1, 3, 30, 112, 112) to (1, 30, 512)."""
        return self._normal(pictures)

    def codes(self, samples: Tensor) -> Tensor:
        """Of the example's sound: float32 (44100,) to int64 (1, 50)."""
        mel = clips.mel(clips.levelled(samples.numpy(), self.sound), self.sound)
        return self.codebook.encode(torch.from_numpy(mel))

    def logits(self, features: Tensor, codes: Tensor) -> Tensor:
        """One step of drawing: features of both clips (1, 60, 512), codes of both (1, 100), to logits of all 159 tokens."""
        decoder = self.model.decoder
        tokens = torch.cat([decoder.pictures(features), decoder.sounds(codes[:, :-1])], dim=1)
        return decoder(tokens)[0]

    def draw(self, features: Tensor, example: Tensor, drawn: Tensor, *, steps: int | None = None) -> Tensor:
        """The codes of a sound.

        Args:
            features: of the example's and the input's pictures, (1, 60, 512).
            example: codes of the example's sound, int64 (1, 50).
            drawn: float64 (50,) in [0, 1).
            steps: only so many of them; all steps are the same work.

        Returns:
            int64 (1, 50).
        """
        config = self.model.decoder.config
        codes = torch.cat([example, torch.zeros_like(example)], dim=1)
        for step in range(config.sound if steps is None else steps):
            logits = self.logits(features, codes)[:, config.prefix + step - 1]
            codes[:, config.sound + step] = pick(logits, drawn[step : step + 1], config.codes // 2, 1.0)
        return codes[:, config.sound :]

    def mel(self, codes: Tensor) -> Tensor:
        """Int64 (1, 50) to float32 (1, 1, 80, 160), from -1 to 1."""
        return self.codebook.decode(codes)

    def wave(self, mel: Tensor) -> Tensor:
        """Float32 (1, 1, 80, 160) to (1, 1, 40960)."""
        return self.vocoder(torch.from_numpy(clips.magnitudes(mel.numpy()))[:, 0])

    def score(self, pictures: Tensor, mel: Tensor) -> Tensor:
        """Logits of the offsets of one sound; the picture is encoded for it."""
        return self.sync(pictures, mel)

    def take(self, example: Tensor, samples: Tensor, pictures: Tensor, drawn: Tensor) -> Tensor:
        """One sound from nothing: pictures of the example and of the input, and the example's samples, to (1, 1, 40960)."""
        features = torch.cat([self.features(example), self.features(pictures)], dim=1)
        return self.wave(self.mel(self.draw(features, self.codes(samples), drawn)))


def write_pack(published: Published, target: Path, int8_all: bool = False) -> None:
    """A pack of the same networks, proved as any pack is.

    Args:
        int8_all: the decoder is there in int8 in any case; pictures and mels to judge by, too?
    """
    from foley_export.analogy.export import Wanted, export
    from foley_export.analogy.parts import SILENCE, Parts

    published.model.eval()
    config = published.model.config
    parts = Parts(
        model=published.model,
        codebook=published.codebook,
        vocoder=published.vocoder,
        sync=published.sync,
        onset=published.onset,
        picture=published.picture,
        sound=published.sound,
        top_k=config.decoder.codes // 2,
        temperature=1.0,
        slide="half",
        pictures_per_column=clip_columns(published),
        fill=SILENCE,
        origin="runs",
        name="random",
        provenance={"weights": "random"},
    )
    wanted = Wanted(version="1", title="Random weights, for measuring", licence="CC0-1.0")
    export(parts, target, replace(wanted, int8_pictures=int8_all, int8_mel=int8_all), say=print)


def clip_columns(published: Published) -> float:
    """Pictures in the time of one column."""
    sound, columns = published.sound, published.model.decoder.config.columns
    return published.picture.fps * sound.frames * sound.hop / (columns * sound.sample_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--statistics", choices=STATISTICS, default="call")
    parser.add_argument("--size", choices=("paper", "mini"), default="paper")
    parser.add_argument("--int8-all", action="store_true")
    options = parser.parse_args()
    write_pack(Published(options.size, options.statistics), options.pack, options.int8_all)


if __name__ == "__main__":
    main()
