"""See inside recurrent models: how gradients flow through time, what a step does to its state.

It reads models and runs; nothing else of the library knows it.
"""

from __future__ import annotations

from unrolled.insight.gradient_flow import GradientFlow, StateFlow, gradient_flow

__all__ = ["GradientFlow", "StateFlow", "gradient_flow"]
