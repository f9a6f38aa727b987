"""The drawings of the documentation: cells, the unrolled network, activation functions, losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray
from picture import Picture, Svg, chart

from unrolled.cells import CELLS
from unrolled.cells.activation import relu, sigmoid
from unrolled.cells.loss import binary_cross_entropy, half_squared_error
from unrolled.runtime.decoding.crf import Crf
from unrolled.runtime.decoding.viterbi import viterbi


def rnn_cell() -> Svg:
    """The simple recurrent cell."""
    p = Picture(420, 200, "The simple recurrent cell: input and previous state enter one tanh layer")
    p.cell(80, 22, 250, 138)
    p.wire((20, 90), (182, 90), arrow=True)
    p.wire((130, 190), (130, 90))
    p.dot(130, 90)
    p.gate(205, 90, "tanh")
    p.wire((228, 90), (400, 90), arrow=True)
    p.wire((285, 90), (285, 6), arrow=True)
    p.dot(285, 90)
    p.text(34, 78, "h[t-1]")
    p.text(384, 78, "h[t]")
    p.text(312, 14, "h[t]", style="small")
    p.text(104, 186, "x[t]")
    p.text(205, 128, "W x + U h + b", style="small")
    return p.svg()


def lstm_frame(description: str) -> Picture:
    """What all LSTMs share: memory, state, three sigmoid gates and the candidate."""
    p = Picture(680, 330, description)
    p.cell(90, 30, 500, 256)
    memory, bus, gates = 74, 250, 196
    p.wire((24, memory), (656, memory), arrow=True)
    p.wire((24, bus), (440, bus))
    p.wire((126, 322), (126, bus))
    p.dot(126, bus)
    columns = {"f": 176, "i": 264, "g": 352, "o": 440}
    for name, x in columns.items():
        p.wire((x, bus), (x, gates + 16), arrow=True)
        if name != "o":
            p.dot(x, bus)
    p.wire((176, gates - 16), (176, memory + 13), arrow=True)
    p.wire((264, gates - 16), (264, 132), (339, 132), arrow=True)
    p.wire((352, gates - 16), (352, 145), arrow=True)
    p.wire((352, 119), (352, memory + 13), arrow=True)
    p.wire((524, memory), (524, 107), arrow=True)
    p.dot(524, memory)
    p.wire((524, 139), (524, 183), arrow=True)
    p.wire((463, gates), (511, gates), arrow=True)
    p.wire((524, 209), (524, bus), (656, bus), arrow=True)
    for name, x in columns.items():
        p.gate(x, gates, "tanh" if name == "g" else "σ", style="candidate" if name == "g" else "")
    for name, x in {"f": 188, "i": 276, "g": 364}.items():
        p.text(x, 172, name, style="small")
    p.text(484, 188, "o", style="small")
    p.gate(524, 123, "tanh", style="plain")
    p.operation(176, memory, "×")
    p.operation(352, 132, "×")
    p.operation(352, memory, "+")
    p.operation(524, gates, "×")
    p.text(52, memory - 12, "c[t-1]")
    p.text(630, memory - 12, "c[t]")
    p.text(52, bus - 12, "h[t-1]")
    p.text(630, bus - 12, "h[t]")
    p.text(152, 318, "x[t]")
    return p


def lstm_cell() -> Svg:
    """The LSTM cell."""
    return lstm_frame("The LSTM cell: three sigmoid gates and a candidate around the cell state c").svg()


def lstm_peephole_cell() -> Svg:
    """The LSTM cell whose gates see the memory."""
    p = lstm_frame("The LSTM with peepholes: forget and input gate see the old cell state, the output gate the new one")
    p.wire((112, 190), (112, 226), (222, 226), (222, 196), (241, 196), arrow=True, over=True)
    p.wire((112, 74), (112, 196), (153, 196), arrow=True)
    p.wire((440, 74), (440, 180), arrow=True)
    p.dot(112, 74)
    p.dot(440, 74)
    p.text(128, 186, "p_f", style="small")
    p.text(210, 220, "p_i", style="small")
    p.text(426, 130, "p_o", style="small")
    return p.svg()


def gru_frame(description: str) -> Picture:
    """What both forms of the GRU share: state, input, the two sigmoid gates and the blend at the end."""
    p = Picture(680, 330, description)
    p.cell(90, 30, 500, 262)
    state, x_bus, h_bus, gates = 74, 268, 238, 190
    p.wire((24, state), (656, state), arrow=True)
    p.wire((118, state), (118, h_bus), (284, h_bus))
    p.dot(118, state)
    p.wire((150, 322), (150, x_bus), (500, x_bus), (500, gates + 16), arrow=True)
    for x in (176, 272):
        p.wire((x, x_bus), (x, gates + 16), arrow=True, over=True)
        p.dot(x, x_bus)
        p.wire((x + 12, h_bus), (x + 12, gates + 16), arrow=True)
    p.dot(188, h_bus)
    p.text(52, state - 12, "h[t-1]")
    p.text(630, state - 12, "h[t]")
    p.text(124, 318, "x[t]")
    return p


def gru_blend(p: Picture, height: float) -> None:
    """The update gate's two paths at ``height``, and the candidate's way to the new state."""
    state, gates = 74, 190
    p.wire((278, gates - 16), (278, height), (437, height), arrow=True, over=True)
    p.wire((400, height), (400, state + 13), arrow=True)
    p.dot(400, height)
    p.wire((463, height), (487, height), arrow=True)
    p.wire((500, gates - 16), (500, height + 13), arrow=True)
    p.wire((500, height - 13), (500, state + 13), arrow=True)
    p.gate(182, gates, "σ")
    p.gate(278, gates, "σ")
    p.gate(500, gates, "tanh", style="candidate")
    p.operation(400, state, "×")
    p.operation(500, state, "+")
    p.operation(450, height, "1-")
    p.operation(500, height, "×")
    p.text(290, 164, "z", style="small")
    p.text(512, 164, "n", style="small")


def gru_reset_before_cell() -> Svg:
    """The GRU whose reset gate acts on the state before the product."""
    p = gru_frame("The GRU, reset before: the reset gate multiplies the previous state, the product follows")
    p.wire((182, 174), (182, 137), arrow=True)
    p.wire((182, 74), (182, 111), arrow=True)
    p.dot(182, 74)
    p.wire((195, 124), (226, 124), (226, 150), (350, 150), (350, 190), (477, 190), arrow=True)
    gru_blend(p, 118)
    p.operation(182, 124, "×")
    p.text(194, 164, "r", style="small")
    p.text(386, 182, "r ∘ h[t-1]", style="small")
    return p.svg()


def gru_cell() -> Svg:
    """The GRU whose reset gate acts on the product."""
    p = gru_frame("The GRU, reset after: the product of the previous state comes first, the reset gate multiplies it")
    p.wire((284, 238), (366, 238), (366, 206), arrow=True)
    p.dot(284, 238)
    p.wire((182, 174), (182, 148), (353, 148), arrow=True)
    p.wire((366, 174), (366, 161), arrow=True)
    p.wire((379, 148), (432, 148), (432, 190), (477, 190), arrow=True)
    gru_blend(p, 112)
    p.gate(366, 190, "U_n h + b_{hn}", width=84, style="plain")
    p.operation(366, 148, "×")
    p.text(194, 166, "r", style="small")
    return p.svg()


def unrolled_network() -> Svg:
    """The network with its loop, and the same network with one copy a time step."""
    p = Picture(700, 300, "A recurrent network drawn with its loop, and unrolled over the time steps")
    p.wire((70, 200), (70, 166), arrow=True)
    p.wire((94, 150), (128, 150), (128, 196), (96, 196), (96, 168), arrow=True)
    p.wire((70, 134), (70, 96), arrow=True)
    p.gate(70, 150, "cell", width=56)
    p.text(70, 222, "x[t]")
    p.text(70, 86, "ŷ[t]")
    p.text(146, 178, "U", style="small")
    p.words(180, 155, "=", style="large")
    columns = {"1": 270, "2": 380, "3": 490, "T": 640}
    p.wire((216, 150), (242, 150), arrow=True)
    p.text(228, 138, "h[0]", style="small")
    xs = list(columns.values())
    p.wire((298, 150), (352, 150), arrow=True)
    p.wire((408, 150), (462, 150), arrow=True)
    p.wire((518, 150), (545, 150))
    p.words(565, 155, "…", style="large")
    p.wire((585, 150), (612, 150), arrow=True)
    for x, name in zip((325, 435, 540), ("h[1]", "h[2]", "h[3]"), strict=True):
        p.text(x, 138, name, style="small")
    for name, x in columns.items():
        p.wire((x, 200), (x, 166), arrow=True)
        p.wire((x, 134), (x, 96), arrow=True)
        p.wire((x, 72), (x, 44), arrow=True)
        p.gate(x, 150, "cell", width=56)
        p.text(x, 222, f"x[{name}]")
        p.text(x + 16, 190, "W", style="small")
        p.text(x + 16, 120, "V", style="small")
        p.text(x, 88, f"ŷ[{name}]")
        p.text(x, 34, f"E[{name}]")
    p.wire((xs[-1] + 28, 262), (242, 262), arrow=True, style="back")
    p.words(455, 284, "the gradient flows back through every copy and adds up", style="back")
    return p.svg()


def activations() -> Svg:
    """σ, tanh and ReLU, and their slopes."""
    a = np.linspace(-4, 4, 161)
    values = chart(
        {"σ(a)": (a, sigmoid(a)), "tanh(a)": (a, np.tanh(a)), "ReLU(a)": (a[a <= 1.2], relu(a[a <= 1.2]))},
        "The logistic function, tanh and ReLU",
        x_label="a",
    )
    slopes = chart(
        {"σ′ ≤ 1/4": (a, sigmoid(a) * (1 - sigmoid(a))), "tanh′ ≤ 1": (a, 1 - np.tanh(a) ** 2)},
        "The slopes of the logistic function and of tanh",
        x_label="a",
        y_range=(0, 1),
    )
    return Svg(f'<div class="charts">{values}{slopes}</div>')


def losses() -> Svg:
    """Half squared error and binary cross entropy over the pre-activation, and their slopes."""
    q = np.linspace(-4, 4, 161)
    y = np.ones_like(q)
    squared, cross = half_squared_error(q[:, None], y[:, None]), binary_cross_entropy(q[:, None], y[:, None])
    errors = chart(
        {"squared": (q, squared[0]), "cross entropy": (q, cross[0])},
        "Half squared error and binary cross entropy for the target one",
        x_label="q",
        y_range=(0, 5),
    )
    slopes = chart(
        {"squared": (q, squared[1][:, 0]), "cross entropy": (q, cross[1][:, 0])},
        "Their gradients, prediction minus target",
        x_label="q",
        y_range=(-5, 3),
    )
    return Svg(f'<div class="charts">{errors}{slopes}</div>')


def forecaster() -> Svg:
    """From a series to its forecast: smoothing, the network on what smoothing leaves over, and back."""
    p = Picture(700, 270, "The forecaster: smoothing removes level and season, the network predicts the rest")
    low, high = 190, 76
    p.gate(70, low, "log", width=64, style="plain")
    p.gate(196, low, "smoothing", width=104)
    p.operation(330, low, "-")
    p.gate(440, low, "RNN", width=70, style="candidate")
    p.gate(548, low, "V", width=46, style="candidate")
    p.operation(548, high, "+")
    p.gate(636, high, "exp", width=52, style="plain")
    p.wire((70, 252), (70, low + 16), arrow=True)
    p.wire((102, low), (144, low), arrow=True)
    p.wire((124, low), (124, 244), (330, 244), (330, low + 13), arrow=True)
    p.dot(124, low)
    p.wire((248, low), (317, low), arrow=True)
    p.wire((343, low), (405, low), arrow=True)
    p.wire((475, low), (525, low), arrow=True)
    p.wire((548, low - 16), (548, high + 13), arrow=True)
    p.wire((280, low), (280, high), (535, high), arrow=True)
    p.dot(280, low)
    p.wire((440, 150), (440, low - 16), arrow=True)
    p.wire((561, high), (610, high), arrow=True)
    p.wire((662, high), (694, high), arrow=True)
    p.text(70, 266, "y[1], …, y[t]")
    p.text(122, 180, "z", style="small")
    p.text(264, 180, "l, s", style="small")
    p.text(372, 180, "x[t]", style="small")
    p.text(500, 180, "h[t]", style="small")
    p.text(440, 142, "h[t-1]", style="small")
    p.text(562, 138, "o[t]", anchor="start", style="small")
    p.text(410, 66, "l[t] + s[t+k]", style="small")
    p.text(676, 52, "ŷ[t+k]", style="small")
    return p.svg()


def forecaster_windows() -> Svg:
    """A window cut into seasons: a recurrent network reads and weights them, a linear path reads the whole of it."""
    p = Picture(
        700,
        346,
        "A window of three seasons, read and weighted by a recurrent network season by season, and read by a linear path",
    )
    top, low, left, size = 30, 190, 90, 120
    for s in range(3):
        x = left + s * size
        p.parts.append(f'<rect class="cell" x="{x}" y="{top}" width="{size}" height="56" rx="4"/>')
        points = [
            (x + u, top + 28 - 17 * float(np.sin(2 * np.pi * u / size)) * (0.8 + 0.1 * s))
            for u in range(0, size + 1, 6)
        ]
        p.parts.append(f'<path class="line colour-1" d="M{"L".join(f"{u:g} {v:.1f}" for u, v in points)}"/>')
        p.wire((x + size / 2, top + 56), (x + size / 2, low - 16), arrow=True)
        p.gate(x + size / 2, low, "RNN", width=70, style="candidate")
        p.wire((x + size / 2 + 35, low), (x + size + (25 if s < 2 else 40), low), arrow=True)
    p.gate(left + 3 * size + 63, low, "V", width=46, style="candidate")
    p.wire((left + 3 * size + 86, low), (left + 3 * size + 147, low), arrow=True)
    p.operation(left + 3 * size + 160, low, "+")
    weighted, linear, right = 244, 290, left + 3 * size
    p.wire((right + 12, low), (right + 12, weighted), (right + 40, weighted), arrow=True)
    p.dot(right + 12, low)
    p.gate(right + 63, weighted, "U", width=46, style="candidate")
    p.wire((right + 86, weighted), (right + 107, weighted), arrow=True)
    p.operation(right + 120, weighted, "×")
    p.wire((right + 133, weighted), (right + 147, weighted), arrow=True)
    p.operation(right + 160, weighted, "+")
    p.wire((right + 160, weighted - 13), (right + 160, low + 13), arrow=True)
    p.wire((left, top + 28), (left - 40, top + 28), (left - 40, linear), (right + 40, linear), arrow=True)
    p.gate(right + 63, linear, "A", width=46, style="candidate")
    p.wire((right + 86, linear), (right + 160, linear), (right + 160, weighted + 13), arrow=True)
    p.wire(
        (right + 12, linear), (right + 12, 330), (right + 120, 330), (right + 120, weighted + 13), arrow=True, over=True
    )
    p.dot(right + 12, linear)
    p.wire((left + 3 * size + 173, low), (694, low), arrow=True)
    p.words(left + 1.5 * size, 20, "a window minus its mean, one season per step", style="small")
    p.text(left + size, low - 10, "h_1", style="small")
    p.text(left + 2 * size, low - 10, "h_2", style="small")
    p.text(left + 3 * size + 10, low - 10, "h_3", style="small")
    p.text(left + 3 * size + 118, low - 10, "o", style="small")
    p.text(right + 97, weighted - 10, "w", style="small")
    p.text(left + 1.5 * size, linear + 20, "x", style="small")
    p.text(672, low - 14, "ẑ - a", style="small")
    return p.svg()


def estimator_parts() -> Svg:
    """What an estimator is made of, and what follows from it."""
    p = Picture(
        700, 250, "Parameters, networks and metrics are below an estimator; commands, model file and page above it"
    )
    above = {"constructor": 90, "model file": 220, "command": 350, "search": 480, "documentation": 610}
    below = {"parameters": 110, "network": 270, "problem": 430, "metrics": 590}
    p.gate(350, 125, "", width=190)
    p.words(350, 130, "estimator")
    for name, x in above.items():
        p.gate(x, 34, "", width=112, style="plain")
        p.words(x, 39, name, style="small")
        p.wire((350 + (x - 350) * 0.3, 109), (x, 52), arrow=True)
    for name, x in below.items():
        p.gate(x, 214, "", width=112, style="candidate")
        p.words(x, 219, name, style="small")
        p.wire((x, 198), (350 + (x - 350) * 0.3, 143), arrow=True)
    return p.svg()


def doubling_scan(steps: int = 8) -> Svg:
    """A scan in the logarithm of the steps: in each pass every step takes what lies 1, 2, 4, … before it."""
    p = Picture(640, 292, "A scan of eight steps in three passes, each reaching twice as far back as the one before")
    top, row, column = 30, 72, 62
    xs = [170 + column * t for t in range(steps)]
    passes = steps.bit_length() - 1
    for level in range(passes + 1):
        y = top + level * row
        words = "one step" if level == 0 else f"{2**level} steps"
        p.words(20, y + 5, f"spans {words}", anchor="start", style="tick")
        for t, x in enumerate(xs):
            if level:
                reach = 2 ** (level - 1)
                p.wire((x, y - row + 16), (x, y - 16), arrow=True)
                if t >= reach:
                    p.wire((xs[t - reach], y - row + 16), (x - 12, y - 16), arrow=True)
            first, last = max(t + 2 - 2**level, 1), t + 1
            spanned = str(last) if first == last else f"{first}…{last}"
            done = first == 1
            p.gate(x, y, f"h[{last}]" if done else spanned, width=46, style="candidate" if done else "plain")
    return p.svg()


def parameter_counts(size: int = 128) -> Svg:
    """How many parameters each cell has, by how a step uses U."""
    styles = {"one_product": "", "two_product": "candidate", "no_product": "plain"}
    names = {"one_product": "one product with U", "two_product": "a second one, after a gate", "no_product": "none"}
    left, right, line, top = 150, 610, 19, 40
    counts: dict[str, int] = {}
    for name, cell in CELLS.items():
        counts[name] = sum(map(prod, cell.parameter_shapes(input_size=size, hidden_size=size).values()))
    p = Picture(690, top + line * len(counts) + 8, f"Parameters of every cell with {size} inputs and {size} units")
    for x, kind in zip((left, left + 160, left + 370), styles, strict=True):
        p.parts.append(f'<rect class="gate {styles[kind]}" x="{x}" y="10" width="14" height="14" rx="3"/>')
        p.words(x + 20, 21, names[kind], anchor="start", style="tick")
    for place, (name, count) in enumerate(counts.items()):
        y = top + line * place
        width = (right - left) * count / max(counts.values())
        bar = f'<rect class="gate {styles[CELLS[name].recurrence]}" x="{left}" y="{y}" width="{width:.1f}" height="14" rx="3"/>'
        p.parts.append(bar)
        p.words(left - 8, y + 11, name, anchor="end", style="tick")
        p.words(left + width + 7, y + 11, f"{count:,}", anchor="start", style="tick")
    return p.svg()


def crf_lattice(crf: Crf, emissions: NDArray[np.float64], words: Sequence[str], tags: Sequence[str]) -> Svg:
    """Every way through the tags of one sentence ``[T, K]``, the best one in colour; nodes hold the tags' probabilities."""
    lengths = np.array([len(words)])
    best = viterbi(crf, emissions[:, None], lengths).paths[:, 0]
    p_tag = crf.marginals(emissions[:, None], lengths)[:, 0]
    p = Picture(560, 40 + 68 * len(tags), f"The tags {', '.join(tags)} for each of the words {', '.join(words)}")
    xs, ys = [110 + 180 * t for t in range(len(words))], [70 + 68 * k for k in range(len(tags))]
    reached = crf.forward(emissions[:, None], np.ones((len(words), 1), bool))[:, 0] > -np.inf
    for t, x in enumerate(xs[1:], 1):
        for j, k in np.argwhere(reached[t - 1][:, None] & (crf.transitions > -np.inf)):
            chosen = best[t - 1] == j and best[t] == k
            p.wire((xs[t - 1] + 44, ys[j]), (x - 44, ys[k]), arrow=chosen, style="" if chosen else "faint")
    for t, x in enumerate(xs):
        p.words(x, 28, words[t])
        for k, y in enumerate(ys):
            style = "candidate" if best[t] == k else "" if reached[t, k] else "plain"
            p.gate(x, y, f"{tags[k]}  {p_tag[t, k]:.2f}", width=86, style=style)
    return p.svg()


DRAWINGS: dict[str, Callable[[], Svg]] = {
    drawing.__name__: drawing
    for drawing in (
        rnn_cell,
        lstm_cell,
        lstm_peephole_cell,
        gru_cell,
        gru_reset_before_cell,
        unrolled_network,
        activations,
        losses,
        forecaster,
        forecaster_windows,
        doubling_scan,
        parameter_counts,
    )
}
