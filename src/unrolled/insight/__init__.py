"""See inside recurrent models: how gradients flow through time, what a step does to its state.

It reads models and runs; nothing else of the library knows it.
"""

from __future__ import annotations

from unrolled.insight.alignment import Alignment, alignment
from unrolled.insight.attributions import Attributions, attributions
from unrolled.insight.explanation import Explanation, explain
from unrolled.insight.fixed_points import FixedPoint, FixedPoints, fixed_points
from unrolled.insight.gate_roles import GateRoles
from unrolled.insight.gates import LayerGates, gates
from unrolled.insight.gradient_flow import GradientFlow, StateFlow, gradient_flow
from unrolled.insight.jacobians import Jacobians, jacobians
from unrolled.insight.movements import Moved, Movements, movements
from unrolled.insight.order_effect import OrderEffect, order_effect
from unrolled.insight.report import Inspection, inspect
from unrolled.insight.trajectories import Trajectories, trajectories
from unrolled.insight.unrolled_view import UnrolledView, unrolled_view
from unrolled.insight.watcher import Finding, Watcher, WatchStopped
from unrolled.insight.worked_examples import worked_example

__all__ = [
    "Alignment", "Attributions", "Explanation", "Finding", "FixedPoint", "FixedPoints", "GateRoles", "GradientFlow",
    "Inspection", "Jacobians", "LayerGates", "Moved", "Movements", "OrderEffect", "StateFlow", "Trajectories",
    "UnrolledView", "WatchStopped", "Watcher", "alignment", "attributions", "explain", "fixed_points", "gates", "gradient_flow",
    "inspect", "jacobians", "movements", "order_effect", "trajectories", "unrolled_view", "worked_example",
]  # fmt: skip
