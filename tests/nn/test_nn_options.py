"""Every option of every cell equals a plain loop over the reference step, one sequence and one step at a time."""

from __future__ import annotations

import itertools

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from torch.nn import functional as F

import unrolled.nn as nn
from unrolled.cells import ACTIVATIONS, CELLS, StepMasks, get_cell
from unrolled.errors import InputError
from unrolled.nn.options import OBSTACLES, obstacle
from unrolled.nn.slstm import whole_matrix

ON = {
    "input_dropout": 0.4,
    "state_dropout": 0.4,
    "recurrent_dropout": 0.4,
    "zoneout of h": (0.4, 0.0),
    "zoneout of c": (0.0, 0.4),
    "weight_drop": 0.4,
    "initial_state": "learned",
    "start": "orthogonal",
    "forget_bias": 1.0,
    "chrono": 20,
    "checkpoint": 2,
    "truncate": 2,
    "residual": True,
    "merge": "sum",
}
"""Every option, with a value that changes something."""


LAYOUTS = {
    "plain": lambda x: x,
    "transposed": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "units apart": lambda x: x.transpose(0, 2).contiguous().transpose(0, 2),
    "sliced": lambda x: F.pad(x, (1, 2, 0, 1, 3, 0))[3:, :-1, 1:-2],
    "every other": lambda x: torch.stack((x, -x), 2).flatten(1, 2)[:, ::2],
    "expanded": lambda x: x[:, :1].expand_as(x),
    "the same step again": lambda x: x[:1].expand_as(x),
    "flipped": lambda x: x.transpose(0, 1).flip(0, 1).transpose(0, 1),
    "negated": lambda x: torch._neg_view(x),
}
"""What a caller may have done to a tensor before it gets here, or does to an output before a gradient comes back."""


def argument(option, value):
    return {"zoneout": value} if option.startswith("zoneout") else {option: value}


class Draws:
    """Masks as the module draws them: from the same generator, in the documented order."""

    def __init__(self, generator):
        self.generator = generator

    def dropout(self, shape, p):
        mask = torch.empty(shape, dtype=torch.float64).bernoulli_(1 - p, generator=self.generator)
        return mask / (1 - p)

    def keep(self, shape, p):
        return torch.empty(shape, dtype=torch.float64).bernoulli_(p, generator=self.generator)


def parameters_of(module, layer, rows):
    """Each direction's parameters by the cell's names; batch normalisation is left to torch."""
    found = []
    for k, (index, suffix) in enumerate(module._suffixes()):
        if index != layer:
            continue
        names = module._all_weights[k]
        params = {name.removesuffix(suffix): getattr(module, name) for name in names}
        x_product = None
        if module.cell == "li_gru":
            product = F.batch_norm(
                rows @ params["weight_ih"].T, getattr(module, f"running_mean{suffix}"),
                getattr(module, f"running_var{suffix}"), params.pop("weight_bn"), params.pop("bias_bn"), module.training,
            )  # fmt: skip
            x_product, width = product, product.shape[1]
            params["weight_ih"] = torch.eye(width, dtype=torch.float64)
        shapes = {name: tuple(p.shape) for name, p in params.items()}
        cell = get_cell(module.cell)
        inputs = rows.shape[1] if x_product is None else x_product.shape[1]
        full = cell.parameter_shapes(**cell.sizes_of(shapes, inputs))
        for name in full.keys() - params.keys():
            params[name] = torch.zeros(full[name], dtype=torch.float64)
        found.append((params, x_product))
    return found


def start_of(module, layer, direction, batch):
    """The states sequences start from, by name."""
    cell = get_cell(module.cell)
    suffix = f"_l{layer}" + ("_reverse" if direction else "")
    states = {}
    for name, width in module._state_sizes(layer).items():
        learned = getattr(module, f"{name}_0{suffix}", None)
        zero = torch.full((width,), cell.initial.get(name, 0.0), dtype=torch.float64)
        states[name] = (zero if learned is None else learned).expand(batch, -1)
    return states


def plain_loop(module, x, given, lengths, resets, generator):
    """Outputs, last states by name and layer and direction, and all gates, of time-major input; ``given`` like the last."""
    settings, cell, draws = module.settings, get_cell(module.cell), Draws(generator)
    T, B, D, H = *x.shape[:2], module._directions, module.hidden_size
    P = module._size
    share_h, share_c = settings.shares(cell)
    last, gates = {}, []
    for layer in range(module.num_layers):
        inputs = x
        if layer and module.dropout and module.training:
            x = x * draws.dropout((T, B, x.shape[2]), module.dropout)
        on_state = candidate = keep_h = keep_c = None
        if module.training:
            if settings.input_dropout:
                x = x * draws.dropout((B, x.shape[2]), settings.input_dropout)
            on_state = draws.dropout((D, B, P), settings.state_dropout) if settings.state_dropout else None
            candidate = draws.dropout((T, B, D * H), settings.recurrent_dropout) if settings.recurrent_dropout else None
            keep_h = draws.keep((T, B, D * P), share_h) if share_h else None
            keep_c = draws.keep((T, B, D * H), share_c) if share_c else None
        living = [(t, b) for t in range(T) for b in range(B) if t < lengths[b]]
        rows = torch.stack([x[t, b] for t, b in living])
        own = parameters_of(module, layer, rows)
        if settings.weight_drop and module.training:
            for params, _ in own:
                U = params["weight_hh"]
                U = whole_matrix(U, module.num_heads) if module.cell == "slstm" else U
                params["weight_hh"] = U * draws.dropout(tuple(U.shape), settings.weight_drop)
        y = [[[x.new_zeros(P) for _ in range(D)] for _ in range(B)] for _ in range(T)]
        seen = {gate: [[[x.new_zeros(H) for _ in range(D)] for _ in range(B)] for _ in range(T)] for gate in cell.gates}
        for d, b in itertools.product(range(D), range(B)):
            params, x_product = own[d]
            start = {name: state[b : b + 1] for name, state in start_of(module, layer, d, B).items()}
            state = {name: given[name, layer, d][b : b + 1] for name in start} if given else dict(start)
            count = 0
            for t in reversed(range(lengths[b])) if d else range(lengths[b]):
                later = t + 1
                if (resets[later, b] if d else resets[t, b]) if (not d or later < lengths[b]) else False:
                    state, count = dict(start), 0
                elif settings.truncate and count and count % settings.truncate == 0:
                    state = {name: s if name == "window" else s.detach() for name, s in state.items()}
                mask = StepMasks(
                    1.0 if on_state is None else on_state[d, b : b + 1],
                    1.0 if candidate is None else candidate[t, b : b + 1, d * H : (d + 1) * H],
                    share_c if keep_c is None else keep_c[t, b : b + 1, d * H : (d + 1) * H],
                )
                now = x[t, b : b + 1] if x_product is None else x_product[living.index((t, b))][None]
                h, made, made_gates = cell.step(cell, params, now, *state.values(), masks=mask)
                for name, new in zip(cell.states, made, strict=True):
                    share, width = {"h": (share_h, P), "c": (share_c, H)}.get(name, (0, 0))
                    if share and cell.hands_on_h:  # else the step has done it
                        masks = keep_h if name == "h" else keep_c
                        keep = share if masks is None else masks[t, b : b + 1, d * width : (d + 1) * width]
                        new = keep * state[name] + (1 - keep) * new
                    state[name] = new
                y[t][b][d] = state["h"][0] if "h" in state else h[0]
                for gate in cell.gates:
                    seen[gate][t][b][d] = made_gates[gate][0].detach()
                count += 1
            for name, value in state.items():
                last.setdefault((name, layer, d), []).append(value)
        both = torch.stack([torch.stack([torch.stack(sides) for sides in row]) for row in y])  # [T, B, D, P]
        x = both.sum(2) if settings.merge == "sum" else both.flatten(2)
        if settings.residual and layer:
            x = x + inputs
        gates.append({g: torch.stack([torch.stack([torch.cat(s) for s in row]) for row in v]) for g, v in seen.items()})
    return x, {key: torch.cat(values) for key, values in last.items()}, gates


def by_name(module, states):
    """A module's last states, or its ``hx``, by name, layer and direction."""
    names = [name for name in get_cell(module.cell).states if name != "window"]
    states, D = list(states), module._directions
    found = {}
    for name in names:
        state = states.pop(0)
        found.update({(name, k // D, k % D): state[k] for k in range(len(state))})
    for layer, window in enumerate(states):
        found.update({("window", layer, d): window[d] for d in range(D)})
    return found


def random_states(module, batch):
    """An ``hx``, as a list."""
    D, L = module._directions, module.num_layers
    sizes = module._state_sizes(0)
    states = [torch.randn(L * D, batch, w, dtype=torch.float64) for name, w in sizes.items() if name != "window"]
    if "n" in sizes:
        states[2] = states[2].abs() + 1
    if "window" in sizes:
        widths = [module._state_sizes(k)["window"] for k in range(L)]
        states += [torch.randn(D, batch, width, dtype=torch.float64) for width in widths]
    return [state.requires_grad_() for state in states]


def check(
    module, *, T=5, B=3, lengths=None, resets=None, given=False, batch_first=False, seed=3, layout="plain"
):  # fmt: skip
    """Outputs, last states, gates and every gradient of a module equal those of the plain loop."""
    torch.manual_seed(seed)
    arrange = LAYOUTS[layout]
    leaf = torch.randn(T, B, module.input_size, dtype=torch.float64, requires_grad=True)
    x = arrange(leaf)
    leaves_of_states = random_states(module, B) if given else []
    hx = [state if layout == "negated" else arrange(state) for state in leaves_of_states]  # n of an sLSTM is positive
    passed = None if not hx else hx[0] if len(get_cell(module.cell).states) == 1 else tuple(hx)
    running = {name: buffer.clone() for name, buffer in module.named_buffers()}
    turn = (lambda a: a.transpose(0, 1)) if batch_first else (lambda a: a)
    y, last, _, gates = module(
        turn(x), passed, lengths=lengths, return_states=True, return_gates=True,
        resets=None if resets is None else turn(resets), generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    last = last if isinstance(last, tuple) else (last,)
    after = {name: buffer.clone() for name, buffer in module.named_buffers()}
    for name, buffer in module.named_buffers() if module.training else ():
        buffer.copy_(running[name])
    steps = [T] * B if lengths is None else list(lengths)
    flags = torch.zeros(T, B, dtype=torch.bool) if resets is None else resets
    want_y, want_last, want_gates = plain_loop(
        module, x, by_name(module, hx) if hx else None, steps, flags, torch.Generator().manual_seed(seed)
    )
    for name, buffer in module.named_buffers():
        torch.testing.assert_close(after[name], buffer, rtol=1e-10, atol=1e-12)
    close = {"rtol": 1e-9, "atol": 1e-11}
    torch.testing.assert_close(turn(y), want_y, **close)
    found = by_name(module, last)
    assert found.keys() == want_last.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, want_last[key], **close)
    for layer, (shown, wanted) in enumerate(zip(gates, want_gates, strict=True)):
        assert list(shown) == list(wanted)
        for gate, value in shown.items():
            torch.testing.assert_close(
                turn(value), wanted[gate], **close, msg=lambda m, g=gate, k=layer: f"{k} {g}: {m}"
            )

    torch.manual_seed(seed + 1)
    weights = [torch.randn_like(want_y), *(torch.randn_like(value) for value in found.values())]
    finite = [bool(torch.isfinite(value).all()) for value in found.values()]  # m of an sLSTM that has seen nothing

    def loss(outputs, ends):
        total = (weights[0] * arrange(outputs)).sum()
        for w, end, counts in zip(weights[1:], ends, finite, strict=True):
            total = total + (w * arrange(end[None])[0]).sum() if counts else total
        return total

    leaves = [leaf, *leaves_of_states, *(p for p in module.parameters() if p.requires_grad)]
    ours = torch.autograd.grad(loss(turn(y), list(found.values())), leaves, allow_unused=True, materialize_grads=True)
    theirs = torch.autograd.grad(
        loss(want_y, [want_last[key] for key in found]), leaves, allow_unused=True, materialize_grads=True
    )
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10, msg=lambda m, k=k: f"gradient {k}: {m}")


def test_every_cell_has_a_module(make_layer):
    for name in CELLS:
        assert make_layer(name).cell == name


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("option", [*ON, "activations"])
def test_the_table_says_what_happens(name, option, make_layer):
    """An option the table refuses raises with its reason; every other one changes nothing but what it should."""
    reason = obstacle(get_cell(name), option)
    if option == "activations":
        value = ("softsign",) * max(1, len(get_cell(name).activations))
        arguments = {"nonlinearity": "softsign"} if name.startswith("rnn_") else {"activations": value}
        if name.startswith("rnn_"):
            module = nn.RNN(3, 4, dtype=torch.float64, **arguments)
            return check(module)
    else:
        arguments = argument(option, ON[option])
    both = {"bidirectional": True} if option == "merge" else {}
    deep = {"num_layers": 2} if option == "residual" else {}
    if reason:
        with pytest.raises(InputError, match=reason.split("(")[0].strip()):
            make_layer(name, **arguments, **both, **deep)
        return None
    return check(make_layer(name, **arguments, **both, **deep), lengths=[5, 2, 0])


@pytest.mark.parametrize("name", CELLS)
def test_stacks_directions_lengths_states_and_resets(name, make_layer):
    resets = torch.tensor([[0, 1, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 1]], dtype=torch.bool)
    both = {"merge": "sum"} if name == "sru" else {}
    for given, lengths, where in itertools.product((False, True), (None, [3, 0, 5]), (None, resets)):
        module = make_layer(name, num_layers=2, bidirectional=True, dropout=0.3, batch_first=given, **both)
        check(module, given=given, lengths=lengths, resets=where, batch_first=given)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CELLS)
def test_strides_do_not_matter(name, layout, make_layer):
    """Of input, states and gradients, whatever runs the layer: whole, in segments, in segments once more, in episodes."""
    resets = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=torch.bool)
    both = {"merge": "sum"} if name == "sru" else {}
    ways = (
        ({}, {"lengths": [4, 0, 5]}),
        ({"checkpoint": 2}, {"given": True}),
        ({"truncate": 2}, {"given": True, "batch_first": True}),
        ({"checkpoint": 2}, {"lengths": [4, 0, 5], "batch_first": True}),
        ({"truncate": 4, "checkpoint": 2, "num_layers": 2, "bidirectional": True, **both}, {}),
        ({"checkpoint": 3}, {"given": True, "resets": resets}),
    )
    first = (list(CELLS).index(name) + list(LAYOUTS).index(layout)) % 3
    for options, call in ways[first::3]:  # every cell meets all of them, every layout does
        module = make_layer(name, **options, batch_first=call.get("batch_first", False))
        check(module, **call, layout=layout)


@pytest.mark.parametrize("checkpoint", [None, 2])
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_masks_of_both_directions_and_a_residual_past_dropout(name, checkpoint, make_layer):
    """Every mask at once, drawn for sequences that are rearranged by their lengths."""
    module = make_layer(
        name, num_layers=2, bidirectional=True, dropout=0.4, residual=True, input_dropout=0.4, state_dropout=0.4,
        recurrent_dropout=0.4, zoneout=(0.4, 0.4 * (name == "lstm")), checkpoint=checkpoint,
    )  # fmt: skip
    check(module, B=4, lengths=[2, 5, 0, 4])


@pytest.mark.parametrize("name", CELLS)
def test_evaluation_draws_nothing_and_mixes_in_zoneout(name, make_layer):
    cell = get_cell(name)
    shares = (0.0 if obstacle(cell, "zoneout of h") else 0.3, 0.0 if obstacle(cell, "zoneout of c") else 0.2)
    module = make_layer(name, num_layers=2, dropout=0.5, input_dropout=0.5, zoneout=shares).eval()
    check(module, lengths=[5, 0, 2])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if len(cell.activations) > 1])
def test_activation_functions(name, activation, make_layer):
    for place in range(len(get_cell(name).activations)):
        chosen = [a.name for a in get_cell(name).activations]
        chosen[place] = activation
        check(make_layer(name, activations=tuple(chosen)), T=3, B=2)


@st.composite
def cases(draw):
    """A cell, arguments it can have, and a call."""
    name = draw(st.sampled_from(list(CELLS)))
    cell = get_cell(name)
    arguments = {
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "bias": name == "li_gru" or draw(st.booleans()),
    }
    if arguments["num_layers"] > 1:
        arguments["dropout"] = draw(st.sampled_from([0.0, 0.5]))
        arguments["residual"] = draw(st.booleans())
    if arguments["bidirectional"]:
        arguments["merge"] = (
            "sum" if name == "sru" and arguments["num_layers"] > 1 else draw(st.sampled_from(["sum", "concat"]))
        )
    for option in ("input_dropout", "state_dropout", "recurrent_dropout", "weight_drop"):
        if not obstacle(cell, option) and draw(st.integers(0, 3)) == 0:
            arguments[option] = 0.4
    shares = tuple(
        draw(st.sampled_from([0.0, 0.0, 0.4])) if not obstacle(cell, f"zoneout of {state}") else 0.0 for state in "hc"
    )
    if any(shares):
        arguments["zoneout"] = shares
    if not obstacle(cell, "initial_state"):
        arguments["initial_state"] = draw(st.sampled_from(["zero", "learned"]))
    arguments["checkpoint"] = draw(st.sampled_from([None, None, 1, 2]))
    arguments["truncate"] = draw(st.sampled_from([None, None, 2, 4]))
    if cell.activations and not name.startswith("rnn_") and draw(st.integers(0, 4)) == 0:
        bounded = ["tanh", "sigmoid", "softsign", "hard_sigmoid"]
        smooth = st.sampled_from([*bounded, "softplus", "identity"])
        chosen = [draw(smooth) for _ in cell.activations]
        if len(chosen) > 1:  # unbounded gates overflow in a few layers; test_activation_functions has them
            chosen[0] = draw(st.sampled_from(bounded))
        arguments["activations"] = tuple(chosen)
    T, B = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    call = {
        "T": T, "B": B, "given": draw(st.booleans()), "batch_first": draw(st.booleans()),
        "lengths": draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B).filter(lambda n: sum(n) > 1)),
        "resets": draw(st.none() | st.just(True)), "seed": draw(st.integers(0, 10**6)),
        "layout": draw(st.sampled_from(list(LAYOUTS))),
    }  # fmt: skip
    hidden = draw(st.sampled_from([4, 6, 18] if name in ("slstm", "lstmp") else [1, 3, 4, 17]))
    return name, draw(st.integers(1, 4)), hidden, arguments, call, draw(st.booleans())


@pytest.mark.parametrize("part", range(4))
@hypothesis.settings(
    max_examples=75, deadline=None, derandomize=False, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(case=cases())
def test_random_combinations(part, case, make_layer):
    name, inputs, hidden, arguments, call, training = case
    if name == "li_gru" and call["lengths"] is None and call["T"] * call["B"] < 2:
        return
    if arguments["num_layers"] == 1:
        arguments.pop("dropout", None)
    module = make_layer(name, inputs, hidden, batch_first=call["batch_first"], **arguments).train(training)
    if call["resets"]:
        call = call | {"resets": torch.rand(call["T"], call["B"]) < 0.3}
    check(module, **call)


def test_the_table_names_every_option_with_an_obstacle():
    assert set(OBSTACLES) <= {*ON, "activations"}
