"""Pictures made square as the authors of Foley by analogy make them: Pillow's numbers, and the settings that ask for them."""

from __future__ import annotations

import numpy as np
import pytest

from foley_bridge.inference import clips, cubic

WAVY = (np.arange(9)[:, None, None] * 37 + np.arange(7)[None, :, None] ** 2 * 11 + np.arange(3) * 90) % 256
SMALLER = [[33, 127, 128], [122, 164, 144], [185, 118, 132], [53, 110, 130]]
"""What Pillow 9.5 makes of the red of that in 3 x 4."""
WIDER = [[156, 138, 104, 90, 89, 103, 146, 155, 118, 128, 144], [141, 146, 151, 146, 146, 146, 120, 121, 157, 142, 125]]
"""And of its blue in 11 x 2."""


def test_numbers_are_pillows() -> None:
    image = WAVY.astype(np.uint8)
    assert cubic.resized(image, 3, 4)[..., 0].tolist() == SMALLER
    assert cubic.resized(image, 11, 2)[..., 2].tolist() == WIDER


def test_what_is_even_stays_even_and_nothing_wraps_around() -> None:
    for level in (0, 1, 254, 255):
        assert (cubic.resized(np.full((90, 61, 3), level, np.uint8), 128, 40) == level).all()
    edge = np.repeat(np.array([0, 255], np.uint8), 40)[None, :, None].repeat(5, axis=0)
    across = cubic.resized(edge, 16, 5)[0, :, 0]
    assert across[:6].tolist() == [0] * 6 and across[10:].tolist() == [255] * 6  # the overshoot at the edge is cut off


def test_a_picture_is_kept_square_only_where_the_settings_say_so() -> None:
    image = np.zeros((180, 320, 3), np.uint8)
    square = clips.ClipPicture(resize="square")
    assert clips.kept(image, square).shape == (128, 128, 3) and clips.kept_size(320, 180, square) == (128, 128)
    assert clips.kept(image).shape == (128, 227, 3)
    assert clips.settings_from_json(clips.ClipPicture, clips.settings_to_json(square)) == square
    with pytest.raises(ValueError, match="resize: round is none of short side, square"):
        clips.settings_from_json(clips.ClipPicture, {**clips.settings_to_json(square), "resize": "round"})
