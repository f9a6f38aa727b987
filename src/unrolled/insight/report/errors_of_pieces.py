"""What surprises a model that says sequences from themselves: the symbols that cost it the most nats."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from unrolled.aliases import Values
from unrolled.charts.page import Page
from unrolled.insight.report.case import Case, called, shortened
from unrolled.insight.report.section import Found, Part, table

__all__ = ["piece_errors"]

ROWS, SHOWN, LONGEST = 12, 300, 20_000
STYLE = """
.surprise { font: 15px/1.9 ui-monospace, monospace; overflow-wrap: anywhere; max-width: none; }
.surprise span { background: color-mix(in srgb, var(--truth) var(--share), transparent); padding: 2px 0; }
"""
EQUATION = "E[t] = -log p(x[t] | x[1], …, x[t-1])"


def piece_errors(case: Case) -> Found:
    """Symbols by their nats, with the text around the worst; numbers by the nats of a piece."""
    pieces = [piece[:LONGEST] for piece in case.items]
    nats = [-each for each in case.estimator.log_likelihoods(pieces, case.targets)]
    mean = float(np.concatenate(nats).mean())
    n = int(np.argmax([each.max(initial=0.0) for each in nats]))
    piece = pieces[n]
    if not isinstance(piece, str) and not (len(piece) and isinstance(piece[0], str)):
        worst = np.argsort([-each.mean() for each in nats], kind="stable")[:ROWS].tolist()
        rows = [[case.place(k), called(case, k), f"{nats[k].mean():.3f}"] for k in worst]
        finding = f"On average a step costs {mean:.3f} nats, of its density."
        return Found((EQUATION,), finding, [table(["piece", "what it is", "nats a step"], rows)])
    finding = f"On average a symbol costs {mean:.3f} nats: as much as to guess among {np.exp(mean):.3g} that are equally likely."
    return Found(
        (EQUATION,), finding, _surprises(list(piece), nats[n][: len(piece)], "" if isinstance(piece, str) else " ")
    )


def _surprises(symbols: list[str], nats: Values, between: str) -> list[Part]:
    """The text around the most surprising symbol, with all of them marked, and a table of the most surprising."""
    worst = np.argsort(-nats, kind="stable")[:ROWS].tolist()
    start = max(0, min(worst[0] - SHOWN // 2, len(nats) - SHOWN))
    marked = "".join(_marked(symbols[t] + between, float(nats[t])) for t in range(start, min(start + SHOWN, len(nats))))
    caption = "The more colour, the more nats a symbol costs: none is certain, full colour is 8 nats, one in 3,000."
    shown = (
        f'<figure><p class="surprise" role="group" aria-label="text in which surprising symbols are marked">{marked}</p>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
    rows = [
        [
            f"step {t + 1}",
            "…" + shortened(between.join(symbols[max(0, t - 24) : t])),
            repr(symbols[t]),
            f"{nats[t]:.2f}",
        ]
        for t in worst
    ]
    return [partial(Page.markup, html=shown, style=STYLE), table(["where", "after", "came", "nats"], rows)]


def _marked(symbol: str, nats: float) -> str:
    shown = "↵ " if symbol == "\n" else symbol
    return f'<span style="--share: {min(100, round(12.5 * nats))}%" title="{nats:.2f} nats">{escape(shown)}</span>'
