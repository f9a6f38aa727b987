from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from unrolled.cells import Cell, Masks, StepMasks, get_cell


@dataclass
class Case:
    """A cell with random parameters, input, initial states, and random gradients of everything it returns."""

    cell: Cell
    hidden_size: int
    params: dict[str, np.ndarray]
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    grad_h: np.ndarray
    grad_last_states: tuple[np.ndarray, ...]
    grad_c: np.ndarray | None
    masks: Masks = field(default_factory=Masks)

    def forward(self):
        return self.cell.forward(self.params, self.x, self.states, self.masks)

    def backward(self):
        _, _, tape = self.forward()
        return self.cell.backward(
            self.params, tape, self.grad_h, self.grad_last_states, grad_c=self.grad_c, masks=self.masks
        )

    def memory(self, states_of_steps, concatenate, stack):
        """The states that `grad_c` belongs to, of every step side by side."""
        places = [self.cell.states.index(name) for name in self.cell.memory]
        return stack([concatenate([states[k] for k in places], 1) for states in states_of_steps])

    def loss(self) -> float:
        """A scalar whose gradients are those that `backward` returns."""
        h, last_states, tape = self.forward()
        at_end = zip(self.grad_last_states, last_states, strict=True)
        total = np.sum(self.grad_h * h) + sum(np.sum(grad * state) for grad, state in at_end)
        if self.grad_c is not None:
            total += np.sum(self.grad_c * self.memory([now.after for now in tape], np.concatenate, np.stack))
        return total

    def variables(self) -> dict[str, np.ndarray]:
        """Everything the loss is differentiated by, under the names of the gradients."""
        initial = {f"{name}0": state for name, state in zip(self.cell.states, self.states, strict=True)}
        return {"x": self.x, **self.params, **initial}

    def leaves(self) -> dict[str, torch.Tensor]:
        """The variables as tensors that require gradients."""
        return {name: torch.tensor(value, requires_grad=True) for name, value in self.variables().items()}

    def check_against_autograd(self, leaves, h, states_of_steps, rtol=1e-10):
        """That forward and backward agree with what torch computed from `leaves`: outputs ``h``, the states of each step.

        States may be missing at their end; their gradients are then left out on both sides.
        """
        _, _, tape = self.forward()
        last = states_of_steps[-1]
        outputs, grads = [h], [torch.tensor(self.grad_h)]
        for state, grad in zip(last, self.grad_last_states, strict=False):
            outputs.append(state)
            grads.append(torch.tensor(grad))
        if self.grad_c is not None:
            outputs.append(self.memory(states_of_steps, torch.cat, torch.stack))
            grads.append(torch.tensor(self.grad_c))
        torch.autograd.backward(outputs, grads)
        self.grad_last_states = tuple(
            grad if k < len(last) else np.zeros_like(grad) for k, grad in enumerate(self.grad_last_states)
        )

        np.testing.assert_allclose(self.forward()[0], h.detach().numpy(), rtol=1e-12, atol=1e-13, err_msg="h")
        for now, expected in zip(tape, states_of_steps, strict=True):
            for name, state, tensor in zip(self.cell.states, now.after, expected, strict=False):
                np.testing.assert_allclose(state, tensor.detach().numpy(), rtol=1e-12, atol=1e-13, err_msg=name)
        for name, gradient in self.backward().items():
            expected = torch.zeros_like(leaves[name]) if leaves[name].grad is None else leaves[name].grad
            np.testing.assert_allclose(gradient, expected.numpy(), rtol=rtol, atol=rtol / 10, err_msg=name)


def own_sizes(cell: Cell, H: int) -> dict[str, int]:
    """Sizes that only this cell has, as little like ``H`` as they may be."""
    chosen = {"proj_size": max(1, H - 1), "kernel_width": 3, "head_size": H // 2 if H % 2 == 0 else H}
    return {size.name: chosen[size.name] for size in cell.sizes}


@pytest.fixture
def make_case():
    def make(cell_name: str, *, T=5, B=3, I=2, H=4, dtype=np.float64, seed=0, **sizes: int) -> Case:
        rng = np.random.default_rng([seed, T, B, I, H])
        cell = get_cell(cell_name)
        I = H if cell.square else I
        sizes = {"input_size": I, "hidden_size": H, **own_sizes(cell, H), **sizes}

        def normal(*shape):
            return rng.normal(size=shape).astype(dtype)

        params = {name: 0.7 * normal(*shape) for name, shape in cell.parameter_shapes(**sizes).items()}
        params = {name: value.astype(dtype) for name, value in params.items()}
        widths = cell.state_sizes(**sizes)
        states = tuple(normal(B, width) for width in widths.values())
        if "n" in cell.memory:  # the normaliser, which a running sum of exponentials keeps above 0
            states = tuple(np.abs(s) + 1 if name == "n" else s for name, s in zip(cell.states, states, strict=True))
        last = tuple(normal(B, width) for width in widths.values())
        grad_c = normal(T, B, len(cell.memory) * H) if cell.memory else None
        grad_h = normal(T, B, widths.get("h", H))
        return Case(cell, H, params, normal(T, B, I), states, grad_h, last, grad_c)

    return make


@pytest.fixture
def unroll_on_tensors():
    """A cell's own step run on torch tensors over the whole sequence: ``h`` and the states of every step."""

    def unroll(case: Case, leaves: dict[str, torch.Tensor]):
        cell, masks, kinds = case.cell, case.masks, ("state", "candidate", "keep_h", "keep_c")
        tensors = {kind: torch.tensor(m) for kind in kinds if (m := getattr(masks, kind)) is not None}
        states = tuple(leaves[f"{name}0"] for name in cell.states)
        outputs, states_of_steps = [], []
        for t, x_t in enumerate(leaves["x"]):
            keeps = {
                name: tensors[f"keep_{name}"][t] if f"keep_{name}" in tensors else masks.keep(name, t)
                for name in ("h", "c")
            }
            on_candidate = tensors["candidate"][t] if "candidate" in tensors else 1.0
            met = StepMasks(tensors.get("state", 1.0), on_candidate, keeps["c"])
            h, made, _ = cell.step(cell, leaves, x_t, *states, masks=met)
            before, states = states, list(made)
            for k, name in enumerate(cell.states if cell.hands_on_h else ()):
                keep = keeps.get(name, 0.0)
                if not isinstance(keep, float) or keep:
                    states[k] = keep * before[k] + (1 - keep) * made[k]
            outputs.append(states[0] if cell.hands_on_h else h)
            states_of_steps.append(states)
        return torch.stack(outputs), states_of_steps

    return unroll


@pytest.fixture
def central_difference():
    """Gradient of `loss()` by its fourth-order central difference in every element of `variable`, changed in place."""

    def differentiate(loss, variable: np.ndarray, step=1e-4) -> np.ndarray:
        gradient = np.empty_like(variable)
        for index in np.ndindex(variable.shape):
            value = variable[index]
            moved = {}
            for k in (-2, -1, 1, 2):
                variable[index] = value + k * step
                moved[k] = loss()
            variable[index] = value
            gradient[index] = (moved[-2] - 8 * moved[-1] + 8 * moved[1] - moved[2]) / (12 * step)
        return gradient

    return differentiate
