r"""A model of one long text that goes on learning while it is measured.

.. math::
    \ell_s = -\frac 1 S \sum_{u \in s} \log p_{\theta_s}(y[u] \mid y[<u]), \qquad
    \theta_{s+1} = \theta_s - \eta \nabla \ell_s + \lambda (\theta_0 - \theta_s)

for one segment :math:`s` of S steps after the other: each step is foreseen by weights that have learned from nothing but what was
before its segment, so the measure is honest. What comes again in a text, such as names, is then less of a surprise. The model
itself is not changed.

Source: Krause, Kahembwe, Murray, Renals 2018, *Dynamic evaluation of neural sequence models*, arXiv 1709.07432, with plain
gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.networks.next_step import NextStep, NextStepConfig, Steps
from unrolled.nn.threads import kernels_apart
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.next_step import text_parts

__all__ = ["dynamic_log_likelihoods"]

DECAY = 0.002
"""λ, of the way back to the weights that were trained."""


def dynamic_log_likelihoods(
    config: NextStepConfig, tensors: Mapping[str, NDArray[Any]], text: Steps, *, rate: float, segment: int
) -> Values:
    """Of each step of one long text the log-likelihood after those before it, ``[U]``.

    Args:
        tensors: the trained parameters by name.
        rate: η; 0 measures without learning.
        segment: S, steps that are foreseen before the weights learn from them.
    """
    found: list[Values] = []
    with kernels_apart():
        module = NetworkModule(NextStep, config, NetworkOptions()).eval()
        trained = {name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()}
        module.load_state_dict(trained)
        parameters, states = dict(module.named_parameters()), None
        for part in text_parts(text, config.head, 1, segment):
            scores, after = module(part.inputs, None, None, states)
            log_p = module.network.head.log_p(scores, part.expected)
            found.append(log_p.detach()[:, 0].numpy().astype(np.float64))
            states = tuple(each.detach() for each in after)
            if not rate:
                continue
            gradients = torch.autograd.grad(-log_p.mean(), list(parameters.values()))
            with torch.no_grad():
                for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
                    parameter += DECAY * (trained[name] - parameter) - rate * gradient
    return np.concatenate(found)
