"""Strokes as offsets and positions: there and back, in units, and what is no stroke."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from unrolled.codecs.strokes import StrokeCodec, check_strokes, offsets_of, positions_of
from unrolled.errors import InputError


def drawing(seed, count=9):
    rng = np.random.default_rng(seed)
    return np.column_stack([50 + 30 * rng.normal(size=(count, 2)), rng.integers(0, 2, count)])


def test_offsets_are_differences_and_positions_their_sums():
    piece = drawing(0)
    offsets = offsets_of(piece)
    np.testing.assert_array_equal(offsets[1:, :2], piece[1:, :2] - piece[:-1, :2])
    np.testing.assert_array_equal(offsets[0], piece[0])
    np.testing.assert_allclose(positions_of(offsets), piece)
    np.testing.assert_allclose(positions_of(offsets_of(piece, [7, 8]), [7, 8]), piece)


@pytest.mark.parametrize("positions", [False, True])
@pytest.mark.parametrize("factor", [1.0, 1e-200, 1e200])
def test_what_is_read_has_a_mean_square_of_one_and_can_be_undone(positions, factor):
    pieces = [drawing(seed) * [factor, factor, 1] for seed in range(20)]
    scaling = StrokeCodec.fit(pieces, positions=positions)
    read = [scaling.encode(piece) for piece in pieces]
    assert np.sqrt(np.mean(np.concatenate(read)[:, :2].astype(float) ** 2)) == pytest.approx(1, rel=1e-5)
    for piece, steps in zip(pieces, read, strict=True):
        np.testing.assert_array_equal(steps[:, 2], piece[:, 2])
        np.testing.assert_allclose(scaling.decode(steps.astype(float)), piece, rtol=1e-3, atol=1e-4 * factor)


def test_a_direction_keeps_its_angle():
    pieces = [drawing(seed) * [10, 1, 1] for seed in range(5)]
    scaling = StrokeCodec.fit(pieces, positions=False)
    np.testing.assert_allclose(
        scaling.encode(np.array([[3.0, 3.0, 0]]))[0, 0], scaling.encode(np.array([[3.0, 3.0, 0]]))[0, 1]
    )


def test_positions_begin_where_they_do_on_the_average():
    pieces = [drawing(seed) + np.array([1000, -1000, 0]) for seed in range(5)]
    scaling = StrokeCodec.fit(pieces, positions=True)
    np.testing.assert_allclose(scaling.start, np.mean([piece[0, :2] for piece in pieces], axis=0))
    assert abs(np.concatenate([scaling.encode(piece) for piece in pieces])).max() < 10
    np.testing.assert_array_equal(scaling.places(pieces[0]), pieces[0])
    offsets = StrokeCodec.fit(pieces, positions=False)
    np.testing.assert_allclose(offsets.places(offsets_of(pieces[0])), pieces[0])


def test_a_density_is_one_of_an_area():
    pieces = [drawing(seed) for seed in range(5)]
    one, larger = (StrokeCodec.fit([piece * [k, k, 1] for piece in pieces], positions=False) for k in (1, 7))
    assert larger.log_unit - one.log_unit == pytest.approx(2 * np.log(7))


def test_a_pen_that_never_moves():
    still = [np.array([[0.0, 0.0, 1.0]])]
    assert StrokeCodec.fit(still, positions=False).encode(still[0]).tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (np.zeros((3, 2)), r"piece 0 has shape \[3, 2\], expected \[T, 3\]"),
        (np.array([[0, 0, 0], [0, 0, 2.0]]), "piece 0, step 1: the pen is 2, expected 0 or 1"),
    ],
)
def test_what_is_no_stroke(steps, message):
    with pytest.raises(InputError, match=message):
        check_strokes(steps, "piece 0")


@pytest.mark.parametrize("given", [{"unit": 0.0}, {"unit": 1.0, "start": [1.0]}, {"unit": -1.0}])
def test_a_file_that_lies(given):
    with pytest.raises((InputError, msgspec.ValidationError), match=r"unit|start|length"):
        msgspec.convert({"positions": True, **given}, StrokeCodec)
