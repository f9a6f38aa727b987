"""The watcher: what is seen becomes passes, rules look at them, findings are told once, and everything is written down."""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.errors import InputError, TrainingError
from unrolled.insight.watcher.finding import Finding
from unrolled.insight.watcher.layers import described, is_recurrent
from unrolled.insight.watcher.observation import observing
from unrolled.insight.watcher.recording import Recording
from unrolled.insight.watcher.records import LayerCall, LossCall, ModelCall, Pass, tensors_in
from unrolled.insight.watcher.rules import every_rule
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["WatchStopped", "Watcher"]

EARLY = frozenset((1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 34, 45, 60, 80))
"""Steps that are looked at closely besides every ``interval``-th: most faults are there from the start."""
MOMENTS = ("trained", "evaluated", "failed", "steps", "stepped", "ended")
"""When rules are asked: after a backward pass, after a call without one, after a backward pass that failed, and, for passes that
are looked at closely, before an optimiser step and after any; and when all is over."""
EAGER, AGAIN = 300, 400
"""The data of the first passes are all looked at, later those of one in twenty, twenty in a row out of 400."""
FEW_NODES = 40
"""Nodes of a graph between the end of one call and the begin of the next: a slice, a stack, a product with a mask."""


class WatchStopped(TrainingError):
    """A run was stopped because it had become useless: a loss or a gradient is not finite."""


class Watcher:
    r"""Watches a torch training run and says, while it runs, what is wrong with it.

    Within its context every module, loss, backward pass and optimiser step of the process is seen, through torch's global hooks;
    the run computes the same numbers, bit for bit, as it would alone. Each finding has a cause by name, a place, the step,
    the number that says so, and a remedy; it is told once, at once, on stderr. A run whose loss or gradients are not finite
    is stopped before the step is taken.

    Args:
        csv: where the record goes, one row for each optimiser step: loss, norm of the gradient, and at some steps more
            (:data:`~unrolled.insight.watcher.recording.COLUMNS`). False: nowhere.
        interval: steps between two close looks, which cost about half a step; at the start there are more of them.
        tensorboard: a folder for the same numbers in TensorBoard's format; None: beside the CSV file if TensorBoard is
            installed; False: nowhere.
        stop: whether to stop a run that is no longer finite.
        say: what is told of each finding, instead of stderr.

    Raises:
        InputError: a value is out of range, or the record cannot be written there.
        WatchStopped: out of the run, when it is stopped.

    >>> import torch
    >>> model = torch.nn.LSTM(1, 8)
    >>> optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with Watcher(csv=False) as watcher:
    ...     for x in torch.randn(3, 20, 4, 1):  # three batches [T, B, I]
    ...         loss = model(x)[0].square().mean()
    ...         optimiser.zero_grad()
    ...         loss.backward()
    ...         optimiser.step()
    >>> print(watcher)
    3 steps watched: nothing found
    """

    def __init__(
        self,
        csv: str | os.PathLike[str] | bool = "watch.csv",
        *,
        interval: int = 50,
        tensorboard: str | os.PathLike[str] | bool | None = None,
        stop: bool = True,
        say: Callable[[str], object] | None = None,
    ) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"interval {interval!r}: expected a whole number of steps from 1 on")
        if csv is True:
            raise InputError("csv=True names no file: give a path, or False for none")
        self.run = Run()
        self.interval, self.stop = interval, stop
        self.failure: str | None = None
        """Why the watcher itself gave up, if it did; the run goes on without it."""
        self.broken: dict[str, str] = {}
        """Cause → why its rule gave up."""
        self._recording = Recording(csv or None, tensorboard)
        self._say = say or (lambda message: print(message, file=sys.stderr))
        self._depth_of_use, self._stack = 0, ExitStack()
        self._modules: list[Any] = []  # that are running, the outermost first; None in the place of a loss
        self._resting = False  # whether a training pass is under way in which nobody will look
        self._names = self.run.all_names
        rules = every_rule()
        self._rules = {moment: [rule for rule in rules if hasattr(rule, moment)] for moment in MOMENTS}
        self._now: Pass | None = None  # the training pass under way
        self._looked: Pass | None = None  # the call without gradients under way
        self._done: Pass | None = None  # the training pass that was differentiated last
        self._ended: weakref.WeakKeyDictionary[Any, tuple[tuple[Tensor, ...], Pass]] = weakref.WeakKeyDictionary()
        self._counts: dict[int, int] = {}
        self._unused: list[ModelCall] = []  # calls that the last backward pass did not go through
        self._seen_any = False  # whether any model ran
        self._batch_first = True  # of the inputs of the last pass whose data were looked at
        self._before: dict[str, Tensor] = {}
        self._generation = 0  # backward passes so far

    @property
    def csv(self) -> Path | None:
        """Where the record is written, as soon as there is a step."""
        return self._recording.path

    @property
    def written(self) -> list[str]:
        """What has been written, in words."""
        record = self._recording
        if not record.written:
            return []
        board = [] if record.folder is None else [f"the same numbers for TensorBoard to {record.folder}"]
        return [*([] if record.path is None else [str(record.path)]), *board]

    @property
    def findings(self) -> list[Finding]:
        """What was found, the most certain and severe first."""
        return sorted(self.run.findings, key=lambda found: found.rank)

    def __str__(self) -> str:
        steps, found = self.run.step, self.findings
        counted = f"{steps} step{'s' * (steps != 1)} watched" if steps or found else self._nothing_seen()
        if self.failure is not None:
            counted += f" (the watcher gave up: {self.failure})"
        if self.broken:
            counted += f" (not for {', '.join(self.broken)}, whose rules failed)"
        if not found:
            return f"{counted}: nothing found" if steps else counted
        lines = [f"{place}. {finding}" for place, finding in enumerate(found, 1)]
        return "\n".join([f"{counted}, {len(found)} finding{'s' * (len(found) != 1)}, the most certain first:", *lines])

    def _nothing_seen(self) -> str:
        """That there was no training, and what there was of it."""
        if self.run.passes:
            passes = f"{self.run.passes} backward pass{'es' * (self.run.passes != 1)}"
            why = f"there was no step of an optimiser of torch.optim after {passes}"
        elif self._seen_any:
            why = "models of torch ran, but no loss of theirs was differentiated"
        else:
            why = "no model of torch ran in this process"
        return f"no training step was seen: {why}"

    def __enter__(self) -> Watcher:
        import torch

        if not self._depth_of_use:
            self._learns = torch.is_grad_enabled
            self._recording.begin()
            self._stack.enter_context(observing(self))
        self._depth_of_use += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth_of_use -= 1
        if not self._depth_of_use:
            self._guarded(self._settle, None)
            self._guarded(self._consult, "ended")
            self._stack.close()
            self._recording.end()
            self._forget()

    def __call__(self, progress: Any) -> None:
        """A callback of an estimator's fit, which enters the watcher for as long as it runs."""

    # What observation tells. Whatever goes wrong in here must not be the run's trouble, and most of it must cost next to nothing:
    # while the watcher rests, only the modules that are running are kept in mind.

    def enters(self, module: Any, args: Any) -> None:
        """A module is about to run."""
        if self._resting and (self._modules or self._learns()):
            self._modules.append(module)
        else:
            self._guarded(self._enters, module, args)

    def leaves(self, module: Any, args: Any, kwargs: Any, output: Any = None) -> None:
        """A module has run, or failed."""
        if not self._modules:  # it ran before anybody watched
            return
        while self._modules.pop() is not module and self._modules:  # an error skips some
            pass
        if not self._resting:
            self._guarded(self._leaves, module, args, kwargs, output)

    def measures(self, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        """A loss was computed."""
        if not self._resting:
            self._guarded(self._measures, name, args, kwargs)

    def drops(self, p: float, training: bool) -> None:
        """A dropout function was called."""
        if p > 0 and not self._resting:
            self._guarded(self._drops, training)

    def rectifies(self, result: Any) -> None:
        """A ReLU was computed."""
        if not self._resting:
            self._guarded(self._rectifies, result)

    def differentiates(self, losses: Any) -> None:
        """A backward pass is about to begin."""
        if self._now is not None:
            self._guarded(self.run.begin_backward)

    def has_differentiated(self, losses: Any, error: BaseException | None) -> None:
        """It is over, or failed."""
        self._guarded(self._has_differentiated, losses, error)

    def updates(self, optimiser: Any, *called_with: Any) -> None:
        """An optimiser is about to take a step."""
        self._guarded(self._updates, optimiser)

    def has_updated(self, optimiser: Any, *called_with: Any) -> None:
        """It has taken it."""
        self._guarded(self._has_updated, optimiser)

    def _guarded(self, what: Callable[..., None], *args: Any) -> None:
        if self.failure is not None:
            return
        try:
            what(*args)
        except WatchStopped:
            raise
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            self._forget()
            self._say(f"unrolled watch: gave up watching, the run goes on: {self.failure}")

    def _enters(self, module: Any, args: Any) -> None:
        if not self._modules:
            if type(module).__module__ == "torch.nn.modules.loss":
                self._modules.append(None)
                return
            self._seen_any = True
            seen = self._current(self._learns())
            if self._resting:
                seen.calls.append(ModelCall(module, "", args, True, used=True))
            else:
                self._names.add(module)
                seen.calls.append(ModelCall(module, self._names.of(module), args, module.training))
                self._counts = {}
        elif self._modules[0] is not None:
            count = self._counts[id(module)] = self._counts.get(id(module), 0) + 1
            if count == 3:
                self._pass.repeated.add(id(module))
        self._modules.append(module)

    def _current(self, learns: bool) -> Pass:
        """The pass that a call belongs to."""
        step, passes = self.run.step + 1, self.run.passes
        if not learns:
            self._looked, self._resting = Pass(step, False, True), False
            return self._looked
        if self._now is None:
            close = step in EARLY or step % self.interval == 0
            self._now = Pass(step, close, passes < EAGER or passes % AGAIN < AGAIN // 20)
            self._resting = not self._now.asked
        return self._now

    @property
    def _pass(self) -> Pass:
        seen = self._looked or self._now
        assert seen is not None
        return seen

    def _leaves(self, module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if type(module).__module__ == "torch.nn.modules.loss":
            return
        seen, looked = self._pass, self._looked
        call = seen.calls[-1]
        if output is not None and is_recurrent(module):
            call.layers += self._layers(module, args, kwargs, output)
        if self._modules:
            return
        self._looked, self._resting = None, self._now is not None and not self._now.asked
        if output is None:
            return
        if looked is None:
            self._mark(seen, call, output)
        else:
            self._consult("evaluated", looked)

    def _layers(self, module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> list[LayerCall]:
        """What a call of a recurrent module was, if it is one with sequences."""
        layer = described(module, self._names.of(module), args, kwargs, output, self._generation)
        if layer is None:
            return []
        seen = self._pass
        ended, where = self._ended.get(module, ((), None))
        if layer.hx and ended:
            layer.carried = all(_same(a, b) for a, b in zip(layer.hx, ended, strict=False))
            layer.earlier = layer.carried and where is not seen
            layer.cut = layer.carried and not any(state.requires_grad for state in layer.hx)
        self._ended[module] = tuple(state.detach() for state in layer.last), seen
        if self._looked is None:
            layer.ancestors = max((self._ancestors(state) for state in layer.hx), default=0)
            for tensor in (layer.output, *layer.last):
                if tensor.grad_fn is not None:
                    _notes(tensor.grad_fn)["unrolled"] = (self._generation, layer.ancestors)
            if seen.close:
                _listen(layer.output, lambda grad: layer.upstream.__setitem__("y", layer.time_major(grad)))
                for place, state in enumerate(layer.last):
                    _listen(state, partial(layer.upstream.__setitem__, f"last{place}"))
        return [layer]

    def _ancestors(self, state: Tensor) -> int:
        """How many earlier backward passes the graph of a given state leads into."""
        waiting, known = [state.grad_fn], 0
        while waiting and known < FEW_NODES:
            node = waiting.pop()
            if node is None:
                continue
            known += 1
            generation, ancestors = _notes(node).get("unrolled", (None, 0))
            if generation is not None:
                return ancestors + (generation < self._generation)
            waiting += [following for following, _ in node.next_functions]
        return 0

    def _mark(self, seen: Pass, call: ModelCall, output: Any) -> None:
        """Notice whether a backward pass goes through the output of a call."""
        learning = [tensor for tensor in tensors_in(output) if tensor.requires_grad]
        call.used = not learning
        for tensor in learning:
            seen.dtypes.add(tensor.dtype)

            if tensor.grad_fn is not None:
                _notes(tensor.grad_fn)["unrolled_output"] = tuple(tensor.shape)
            tensor.register_hook(partial(self._arrives, seen, call, tensor.detach()))

    @staticmethod
    def _arrives(seen: Pass, call: ModelCall, output: Tensor, grad: Tensor | None) -> None:
        """A gradient arrives at the output of a call."""
        call.used = True
        if seen.close and grad is not None:
            call.upstream.append((output, grad.detach()))

    def _measures(self, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        import torch

        seen = self._now if torch.is_grad_enabled() else None
        given = dict(zip(("input", "target"), args, strict=False)) | kwargs
        input, target = given.pop("input", None), given.pop("target", None)
        if seen is not None and hasattr(input, "dtype") and hasattr(target, "dtype"):
            seen.losses.append(LossCall(name, input.detach(), target, given))
            seen.dtypes.add(input.dtype)

    def _drops(self, training: bool) -> None:
        if self._modules and self._modules[0] is not None:
            place = self._names.of(self._modules[-1])
            self._pass.masks[place] = self._pass.masks.get(place, False) or bool(training)

    def _rectifies(self, result: Tensor) -> None:
        if self._modules and self._modules[0] is not None and self._looked is None and self._pass.close:
            place = self._names.of(self._modules[-1])
            rows = result.detach().reshape(-1, result.shape[-1])
            alive = (rows > 0).any(0)
            known = self._pass.rectified.get(place)
            fits = known is not None and known.shape == alive.shape
            self._pass.rectified[place] = known | alive if known is not None and fits else alive

    def _has_differentiated(self, losses: Any, error: BaseException | None) -> None:
        run, seen = self.run, self._now
        self._now, self._resting = None, False
        self._generation += 1
        if seen is None:
            return
        if error is not None:
            if isinstance(error, RuntimeError):
                self._consult("failed", seen, error)
            return
        self._settle(seen)
        roots = tensors_in(losses)
        values = [loss.item() for loss in roots if loss.numel() == 1]
        run.loss = values[0] if values else math.nan
        if not seen.calls:
            return
        self._done = seen
        run.passes += 1
        if self.stop and values and not math.isfinite(run.loss):
            self._stop(f"the loss became {run.loss}", seen)
        if seen.asked:
            seen.roots = [loss.grad_fn for loss in roots] if seen.close else []
            self._batch_first = seen.batch_first
            self._consult("trained", seen)

    def _settle(self, seen: Pass | None) -> None:
        """Calls that even the second backward pass after them has not gone through were measured, not learned from."""
        for call in self._unused:
            if not call.used:
                step = self.run.step if seen is None else seen.step
                self._consult("evaluated", Pass(step, False, True, [call]))
        self._unused = []
        if seen is not None and seen.asked:
            self._unused = [call for call in seen.calls if not call.used]
            seen.calls = [call for call in seen.calls if call.used]

    def _updates(self, optimiser: Any) -> None:
        run, seen = self.run, self._done
        run.begin_step(optimiser)
        if self.stop and not math.isfinite(run.norm):
            self._stop("a gradient is not finite", seen)
        if seen is not None and seen.close:
            self._before = {name: weight.detach().clone() for name, weight in run.recurrent_weights.items()}
            self._consult("steps", seen)

    def _has_updated(self, optimiser: Any) -> None:
        run, seen = self.run, self._done
        run.updated(self._before)
        self._before = {}
        if seen is not None:
            self._consult("stepped", seen)
        if self._recording.wanted:
            self._recording.add(run.row())
            if run.step % self.interval == 0:
                self._recording.flush()
        self._done = None if seen is None or seen.close else seen

    def _consult(self, moment: str, *about: Any) -> None:
        """Ask the rules, and tell what they find."""
        for rule in self._rules[moment]:
            try:
                found: Found | None = getattr(rule, moment)(*about, self.run)
            except Exception as error:  # of a run that the rule did not think of: the other rules go on
                self.broken[rule.cause] = f"{type(error).__name__}: {error}"
                self._dismiss(rule)
                continue
            if found is not None:
                finding = Finding(rule.cause, found.place, max(self.run.step, 1), found.message, found.remedy)
                self.run.findings.append(finding)
                self._dismiss(rule)
                self._say(f"unrolled watch: {finding}")

    def _dismiss(self, rule: Any) -> None:
        """Ask a rule no more."""
        self._rules = {moment: [each for each in rules if each is not rule] for moment, rules in self._rules.items()}

    def _stop(self, what: str, seen: Pass | None) -> None:
        run = self.run
        step = run.step if seen is None else max(seen.step, run.step)
        self._recording.add(run.row() | {"step": step})
        where = run.not_finite() or "no parameter or gradient is not finite yet"
        if seen is not None and not seen.asked:  # nobody has looked at its layers
            seen.batch_first = self._batch_first
        rows = _bad_rows(seen)
        remedy = (
            "fill in what is missing in the inputs, or leave these sequences out"
            if "not finite in" in rows
            else "look for a division by 0 or a logarithm of 0, lower the learning rate, or clip gradients at 1.0"
        )
        place = "the loss" if what.startswith("the loss") else "the gradients"
        run.findings.append(Finding("not_finite", place, step, f"{what}; {where}{rows}", remedy))
        raise WatchStopped(
            f"stopped at step {step}, before its parameters were changed: {what}; {where};"
            f" batch {run.passes} since the start{rows}"
        )

    def _forget(self) -> None:
        """Hold on to nothing of the run."""
        self._modules, self._now, self._looked, self._done, self._before = [], None, None, None, {}
        self._resting, self._unused = False, []
        self._ended = weakref.WeakKeyDictionary()
        self.run.forget()


def _notes(node: Any) -> dict[str, Any]:
    """What anybody may keep at a node of a graph."""
    return node.metadata


def _same(given: Tensor, ended: Tensor) -> bool:
    import torch

    if given.numel() != ended.numel() or given.dtype != ended.dtype:
        return False
    given, ended = given.detach().reshape(-1), ended.reshape(-1)
    return given.data_ptr() == ended.data_ptr() or bool(torch.equal(given, ended) and given.any())


def _listen(tensor: Tensor, tell: Callable[[Tensor], None]) -> None:
    """Tell of the gradient that arrives at a tensor; None is that of an output nobody used."""
    if tensor.requires_grad:
        tensor.register_hook(lambda grad: None if grad is None else tell(grad.detach()))


def _bad_rows(seen: Pass | None) -> str:
    """Which sequences of a batch are not finite, if that is why."""
    rows = None if seen is None else seen.rows
    if rows is None or not rows.is_floating_point():
        return ""
    bad = (~rows.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    listed = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    return f", whose inputs are not finite in sequence {listed}" if bad else ", whose inputs are finite"
