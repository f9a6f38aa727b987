"""What Python and the compiled code both know is found by name, and fits."""

from __future__ import annotations

import pytest

from unrolled.cells import CELLS
from unrolled.cells.activation import ACTIVATIONS
from unrolled.kernels import _native
from unrolled.kernels.compiled import get_compiled
from unrolled.kernels.kernel import get_kernel

KERNELS = {passes.name: passes for passes in _native.cells()}
SIZES = {"steps": 0, "reverse": False, "mask_row": 0, "zoneout_h": 0.0, "zoneout_c": 0.0}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_described_as_it_is_compiled(name):
    compiled = get_compiled(name)
    for kernel in (compiled.kernel, f"{compiled.kernel}_any"):
        passes = KERNELS.get(kernel, KERNELS[compiled.kernel])
        assert (passes.gates, passes.gradient_columns) == (compiled.gates, len(compiled.gradient_columns))


def test_every_kernel_has_one_name_and_a_cell():
    assert len(KERNELS) == len(_native.cells())
    described = {get_compiled(name).kernel for name in CELLS}
    assert {name.removesuffix("_any") for name in KERNELS} == described


@pytest.mark.parametrize("name", [name.removesuffix("_any") for name in KERNELS if name.endswith("_any")])
def test_other_activation_functions_have_a_kernel_of_their_own(name):
    clipped = CELLS[name].with_activations(*CELLS[name].activations, clip=3.0)
    usual, other = (get_kernel(spec, "float32") for spec in (name, clipped.spec))
    assert [_native.cells()[kernel.number].name for kernel in (usual, other)] == [name, f"{name}_any"]


def test_activation_functions_are_the_references():
    assert sorted(_native.activations()) == sorted(ACTIVATIONS)


def test_a_call_takes_fields_by_name_and_no_others():
    sizes = {**SIZES, **dict.fromkeys(("inputs", "hidden", "outputs", "gates_row", "h_row", "c_row", "c_values"), 1)}
    assert _native.ForwardCall(**sizes, tape=False, work_row=0, h=64)
    with pytest.raises(TypeError):
        _native.ForwardCall(**sizes, tape=False, work_row=0, hh=64)
    with pytest.raises(TypeError):  # sizes have no default
        _native.ForwardCall(**sizes, tape=False)
