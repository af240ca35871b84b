"""The decoder: the published names, what its tokens see, and what it is told of the conditional example."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

import analogy_decoders as tiny  # noqa: E402
from foley_models.analogy.config import from_json, to_json  # noqa: E402
from foley_models.analogy.decoder import gpt, systems  # noqa: E402
from foley_models.analogy.decoder.model import AnalogyConfig  # noqa: E402
from foley_models.analogy.picture.r2plus1d import SIZES  # noqa: E402

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "facts" / "condfoley_state_dict.json"


def test_the_published_size_has_the_published_names_and_shapes() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the list of the published names is not here")
    said = json.loads(PUBLISHED.read_text())["transformer_ckpt.state_dict"]
    wanted = {key.removeprefix("transformer."): row for key, row in said.items() if key.startswith("transformer.")}
    with torch.device("meta"):
        made = gpt.Decoder(gpt.SIZES["paper"]).state_dict()
    assert {key: [list(each.shape), str(each.dtype).removeprefix("torch.")] for key, each in made.items()} == wanted


def by_hand(decoder: gpt.Decoder, tokens: torch.Tensor) -> torch.Tensor:
    """minGPT in numpy's manner, out of the state dict alone."""
    held = decoder.state_dict()

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ held[f"{name}.weight"].T + held.get(f"{name}.bias", 0)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        away = x - x.mean(-1, keepdim=True)
        return away / (away.square().mean(-1, keepdim=True) + 1e-5).sqrt() * held[f"{name}.weight"] + held[f"{name}.bias"]

    count, heads = tokens.shape[1], decoder.config.heads
    x = tokens + held["pos_emb"][:, :count]
    for block in range(decoder.config.layers):
        at = f"blocks.{block}"
        inner, seen = norm(x, f"{at}.ln1"), torch.zeros_like(x)
        query, key, value = (linear(inner, f"{at}.attn.{name}").chunk(heads, dim=-1) for name in ("query", "key", "value"))
        parts = []
        for q, k, v in zip(query, key, value, strict=True):
            scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
            scores = scores.masked_fill(torch.ones(count, count).triu(1).bool(), -torch.inf)
            parts.append(scores.softmax(-1) @ v)
        seen = linear(torch.cat(parts, dim=-1), f"{at}.attn.proj")
        x = x + seen
        inner = linear(norm(x, f"{at}.ln2"), f"{at}.mlp.0")
        x = x + linear(inner * 0.5 * (1 + torch.erf(inner / 2**0.5)), f"{at}.mlp.2")
    return linear(norm(x, "ln_f"), "head")


def test_logits_are_minGPTs_and_the_same_with_what_is_kept() -> None:
    decoder = tiny.model().decoder
    tokens = torch.randn(3, 40, 16).double()
    logits, _ = decoder(tokens)
    assert torch.allclose(logits, by_hand(decoder, tokens), atol=1e-10)
    past: gpt.Past = ()
    for part in (tokens[:, :25], tokens[:, 25:26], tokens[:, 26:]):
        one, past = decoder(part, past)
        before = past[0][0].shape[2] - part.shape[1]
        assert torch.allclose(one, logits[:, before : before + part.shape[1]], atol=1e-10)
    assert torch.equal(decoder(tokens, last=4)[0], logits[:, -4:])


@pytest.mark.parametrize("sound_as", gpt.SOUND_AS)
@pytest.mark.parametrize("condition", gpt.CONDITIONS)
def test_each_code_is_told_from_all_before_it_and_from_nothing_else(condition: str, sound_as: str) -> None:
    model = tiny.model(tiny.config(condition=condition, sound_as=sound_as))
    (conditional, codes), (features, target) = tiny.clip(1), tiny.clip(2)
    logits = model.logits(conditional, features, codes, target)
    assert logits.shape == (1, 50, 16)

    def differ(**other: torch.Tensor) -> list[int]:
        given = {"conditional": conditional, "features": features, "codes": codes, "target": target} | other
        return [at for at in range(50) if not torch.equal(model.logits(**given)[:, at], logits[:, at])]

    changed = target.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 16
    assert differ(target=changed) == list(range(21, 50))
    changed = codes.clone()
    changed[0, 49] = (changed[0, 49] + 1) % 16
    assert differ(codes=changed) == ([] if condition == "none" else list(range(50)))
    assert differ(conditional=conditional + 1) == (list(range(50)) if condition == "all" else [])
    assert differ(features=features + 1) == list(range(50))


def test_the_order_is_conditional_pictures_then_the_inputs_then_conditional_codes_then_the_targets() -> None:
    model = tiny.model()
    (conditional, codes), (features, _) = tiny.clip(1), tiny.clip(2)
    decoder = model.decoder
    prefix = model.prefix(conditional, features, codes)
    weight, bias = decoder.embedder.weight[..., 0], decoder.embedder.bias
    assert torch.allclose(prefix[:, :30], conditional @ weight.T + bias)
    assert torch.allclose(prefix[:, 30:60], features @ weight.T + bias)
    assert torch.equal(prefix[:, 60:], decoder.tok_emb.weight[codes])
    assert (decoder.config.prefix, decoder.config.positions) == (110, 160)


def test_by_the_papers_text_codes_enter_as_what_the_codebook_has_for_them() -> None:
    model = tiny.model(tiny.config(sound_as="vectors"))
    (conditional, codes), (features, _) = tiny.clip(1), tiny.clip(2)
    decoder = model.decoder
    wanted = decoder.codebook[codes] @ decoder.tok_emb.weight.T + decoder.tok_emb.bias
    assert torch.allclose(model.prefix(conditional, features, codes)[:, 60:], wanted)


def test_what_a_model_needs_has_to_be_given() -> None:
    (conditional, codes), (features, _) = tiny.clip(1), tiny.clip(2)
    with pytest.raises(ValueError, match="looks at the conditional"):
        tiny.model().prefix(None, features, codes)
    with pytest.raises(ValueError, match="listens"):
        tiny.model(tiny.config(condition="sound")).prefix(conditional, features, None)


def test_with_batch_statistics_clips_do_not_decide_about_each_other() -> None:
    pictures = torch.randn(3, 3, 5, 16, 16).double()
    model = tiny.model(tiny.config(batch_statistics=True))
    together, alone = model.features(pictures), torch.cat([model.features(each[None]) for each in pictures])
    assert torch.equal(together, alone)
    assert not torch.allclose(model.picture(pictures), alone)  # which they do in one call


def test_the_motion_stream_sees_change_alone() -> None:
    model = tiny.model(tiny.config(condition="none", motion=True))
    pictures = torch.randn(1, 3, 6, 16, 16).double()
    seen, brighter = model.features(pictures), model.features(pictures + 1)
    assert seen.shape == (1, 6, 12)
    assert torch.allclose(seen[..., 6:], brighter[..., 6:]) and not torch.allclose(seen[..., :6], brighter[..., :6])
    still = model.features(pictures[:, :, :1].expand(-1, -1, 6, -1, -1))
    assert torch.allclose(still[..., 6:], model.motion(torch.zeros_like(pictures)))


def test_systems_are_what_the_tables_say() -> None:
    made = {name: systems.model_config(name, "mini", codes=256, vector=64, picture=SIZES["mini"]) for name in systems.SYSTEMS}
    assert {name: each.decoder.positions for name, each in made.items()} == {
        "ours": 160,
        "no-condition": 80,
        "no-conditional-video": 130,
        "no-augmentation": 160,
        "random-conditional-examples": 160,
        "specvqgan": 80,
        "specvqgan-finetuned": 80,
    }
    assert made["specvqgan"].motion and made["specvqgan"].decoder.picture == 128 and not made["no-condition"].motion
    assert all(from_json(AnalogyConfig, json.loads(json.dumps(to_json(each)))) == each for each in made.values())
    with pytest.raises(ValueError, match="no such system, only ours"):
        systems.model_config("theirs", "mini", codes=256, vector=64, picture=SIZES["mini"])
    with pytest.raises(ValueError, match="not what the picture network gives"):
        replace(made["ours"], motion=True)
