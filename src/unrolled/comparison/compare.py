"""Compare families of models on the same data: the same parts, the same updates, intervals over seeds."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import numpy as np
import torch

from unrolled.aliases import Values
from unrolled.comparison.body import BodyModule
from unrolled.comparison.catalogue import DEFAULT_MODELS, family_of, missing_package, refusal
from unrolled.comparison.chance import interval
from unrolled.comparison.claims import Evidence, Figures, Probe, judged
from unrolled.comparison.family import NETWORKS, NetworkFamily, network_family
from unrolled.comparison.learning import (
    LEARNING_RATES,
    LearnedNetwork,
    an_update,
    learn,
    processor_rounds,
    processor_seconds,
)
from unrolled.comparison.live_memory import peak_bytes
from unrolled.comparison.matching import Match, matched
from unrolled.comparison.plain import Fitted, PlainFamily
from unrolled.comparison.result import Comparison, Row
from unrolled.comparison.task import Task
from unrolled.errors import InputError
from unrolled.insight import StateFlow
from unrolled.kernels.admission import whole_number
from unrolled.networks.stack import StackConfig
from unrolled.progress import ShareBar, person_watches

__all__ = ["compare"]

REFERENCE = "gru"
"""The family whose number of parameters all get."""
SEEDS, UPDATES = 5, 400
"""Unless they are given."""
UPDATES_TIMED, PREDICTIONS_TIMED = 9, 3
"""Calls whose median time counts."""
FLOAT = 4
"""Bytes of a number of the state."""


@dataclass(frozen=True)
class _Options:
    """How is compared."""

    match: Match
    hidden_size: int
    seeds: int
    updates: int
    budget: float | None
    target_loss: float | None


@dataclass(frozen=True)
class _Network:
    """A family after all of its seeds."""

    family: NetworkFamily
    config: StackConfig
    runs: list[LearnedNetwork]
    updates: int
    exploded: int
    """How many seeds are missing among the runs."""


@dataclass(frozen=True)
class _Plain:
    """A family without a network: of each seed what was fitted, the scores of all items, and how long that took."""

    family: PlainFamily
    fits: list[Fitted]
    each: list[Values]
    seconds: list[float]


def compare(
    task: Task,
    models: Sequence[str] = (),
    *,
    match: Match = "parameters",
    hidden_size: int = 32,
    seeds: int | None = None,
    updates: int | None = None,
    budget: float | None = None,
    target_loss: float | None = None,
    verbose: bool | None = None,
) -> Comparison:
    """Compare families of models on one task.

    Every network is the library's own for the task, with other layers over time. It is given the same number of updates on the
    same batches, once with each of three learning rates (0.001, 0.003 and 0.01); the one with the least validation loss is the
    family's, and the other seeds learn with it. All run on one thread. Nothing is chosen on the test part.

    Args:
        task: what is compared, with its data.
        models: names of families; by default those that make sense for the task.
        match: whether networks get as many parameters as a GRU of ``hidden_size`` units, or as many units.
        hidden_size: of that GRU, or of all.
        seeds: how many, by default 5; intervals need two at least.
        updates: of each network, by default 400.
        budget: seconds of the processor instead, for each network; as many updates as fit.
        target_loss: the validation loss that times are measured to; by default the median of the networks' best.
        verbose: whether progress is shown on stderr; by default in a terminal or notebook.

    Returns:
        A :class:`Comparison`.

    Raises:
        InputError: a model is unknown or makes no sense for the task, or an option is out of its range.

    >>> from unrolled.comparison import forecast_task
    >>> wave = np.arange(120) + 5 * np.sin(np.arange(120) * np.pi / 4) + np.random.default_rng(0).normal(size=120)
    >>> task = forecast_task([wave], [(80, 100)], season=8, window=8, horizon=4, batch_size=16)
    >>> found = compare(task, ["gru", "seasonal-naive"], hidden_size=4, seeds=2, updates=20)
    >>> found.row("seasonal-naive").parameters, found.row("gru").memory is None
    (0, False)
    """
    if match not in ("parameters", "size"):
        raise InputError(f"match is {match!r}, expected 'parameters' or 'size'")
    whole_number("hidden_size", hidden_size, 1)
    for name, count in {"seeds": seeds, "updates": updates}.items():
        if count is not None:
            whole_number(name, count, 1)
    for name, number in {"budget": budget, "target_loss": target_loss}.items():
        if number is not None and not 0 < number < np.inf:
            raise InputError(f"{name} is {number!r}, expected a finite number above 0")
    if updates is not None and budget is not None:
        raise InputError(f"updates is {updates}, but budget={budget:g} says how many there are: leave one of them out")
    families = _families(models, task)
    _refuse_unused(families, task, {"updates": updates, "budget": budget, "target_loss": target_loss}, seeds)
    options = _Options(match, hidden_size, seeds or SEEDS, updates or UPDATES, budget, target_loss)
    shown = person_watches() if verbose is None else verbose
    with _alone(), ShareBar("comparing", shown) as bar:
        return _compare(task, families, options, bar)


def _families(models: Sequence[str], task: Task) -> list[NetworkFamily | PlainFamily]:
    """Those that were asked for, each once.

    Raises:
        InputError: one is unknown, or makes no sense.
    """
    found = [family_of(name) for name in dict.fromkeys(models or DEFAULT_MODELS[task.name])]
    for family in found:
        why = refusal(family, task.name)
        if why is not None:
            raise InputError(f"models is {family.name!r}, but that makes no sense for {task.name}: {why}; leave it out")
    return found


def _refuse_unused(
    families: Sequence[NetworkFamily | PlainFamily], task: Task, of_networks: dict[str, float | None], seeds: int | None
) -> None:
    """Refuse what no family would heed.

    Raises:
        InputError: an option of networks was given, or seeds, and there is nothing that depends on it.
    """
    if any(isinstance(family, NetworkFamily) for family in families):
        return
    given = next(((name, value) for name, value in of_networks.items() if value is not None), None)
    if given is not None:
        raise InputError(f"{given[0]} is {given[1]:g}, but no network is compared: leave it out")
    if seeds is not None and not any(_seeded(family, task) for family in families):
        raise InputError(f"seeds is {seeds}, but nothing that is compared depends on a seed: leave it out")


def _seeded(family: NetworkFamily | PlainFamily, task: Task) -> bool:
    return isinstance(family, NetworkFamily) or task.name in family.seeded


@contextmanager
def _alone() -> Generator[None]:
    """On one thread, so that families that use several do not gain by it, and with random numbers of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)


def _compare(
    task: Task, families: Sequence[NetworkFamily | PlainFamily], options: _Options, bar: Callable[[float, int], object]
) -> Comparison:
    left_out, networks, plain = dict[str, str](), list[_Network](), list[_Plain]()
    for place, family in enumerate(families):

        def tell(share: float, place: int = place) -> None:
            bar((place + share) / len(families), place)

        missing = missing_package(family)
        if missing is not None:
            left_out[family.name] = missing
        elif isinstance(family, PlainFamily):
            plain.append(_fit_plain(task, family, options.seeds, tell))
        else:
            network = _learn_network(task, family, options, tell)
            if network is None:
                left_out[family.name] = "its loss exploded with every learning rate"
            else:
                networks.append(network)
    rows = [*_network_rows(task, networks, options), *(_plain_row(task, fitted) for fitted in plain)]
    if not rows:
        raise InputError("nothing is left to compare: " + "; ".join(f"{k}: {v}" for k, v in left_out.items()))
    rows.sort(key=lambda row: row.mean, reverse=task.best_is_high)
    target = _target(networks, options)
    evidence = Evidence(
        {row.name: _figures(row) for row in rows}, _probe(task, networks, options.hidden_size), task.best_is_high,
        task.sees_ahead, task.context.steps, task.measure,
    )  # fmt: skip
    return Comparison(
        task.name, task.measure, task.best_is_high, task.about, task.digest, _budget(options, networks, task), target,
        tuple(rows), left_out, judged(evidence),
    )  # fmt: skip


def _budget(options: _Options, networks: Sequence[_Network], task: Task) -> str:
    if not networks:
        return ""
    same = f"{options.updates:,} update{'s' * (options.updates > 1)} of {task.batch_size}"
    if options.budget is not None:
        least, most = (of(network.updates for network in networks) for of in (min, max))
        counts = f"{least:,} to {most:,}" if most > least else f"{most:,}"
        same = f"{options.budget:g} s of the processor ({counts} update{'s' * (most > 1)} of {task.batch_size})"
    size = (
        f"about as many parameters as a GRU of {options.hidden_size} units"
        if options.match == "parameters"
        else f"{options.hidden_size} units"
    )
    rates = ", ".join(f"{rate:g}" for rate in LEARNING_RATES)
    seeds = "1 seed" if options.seeds == 1 else f"{options.seeds} seeds"
    return f"Every network has {size}, {same} a seed, {seeds}, and the best learning rate of {rates} by validation."


# Networks.


def _learn_network(
    task: Task, family: NetworkFamily, options: _Options, tell: Callable[[float], object]
) -> _Network | None:
    """One family with all of its seeds; None if it can not learn."""
    config = _sized(task, family, options)
    problem = task.problem(lambda: task.make(family, config))
    updates = options.updates
    if options.budget is not None:
        updates = max(1, int(options.budget / processor_seconds([an_update(problem)], UPDATES_TIMED)[0]))
    total, done = len(LEARNING_RATES) + options.seeds - 1, 0

    def run(rate: float, seed: int) -> LearnedNetwork | None:
        nonlocal done
        found = learn(problem, rate, updates, seed, task.batch_size, lambda share: tell((done + share) / total))
        done += 1
        return found

    tried = [found for rate in LEARNING_RATES if (found := run(rate, 0)) is not None]
    if not tried:
        return None
    best = min(tried, key=lambda found: min(found.losses))
    others = [run(best.learning_rate, seed) for seed in range(1, options.seeds)]
    runs = [best, *(found for found in others if found is not None)]
    return _Network(family, config, runs, updates, options.seeds - len(runs))


def _sized(task: Task, family: NetworkFamily, options: _Options) -> StackConfig:
    """The layers' sizes."""
    if options.match == "size":
        if options.hidden_size % family.multiple:
            raise InputError(
                f"hidden_size is {options.hidden_size}, but {family.name} needs a multiple of {family.multiple}: choose such a"
                " number, or match by parameters"
            )
        return family.config(task.context, options.hidden_size)
    reference = network_family(REFERENCE)
    assert reference is not None
    wanted = task.weights(reference, reference.config(task.context, options.hidden_size))
    return matched(family, task.context, wanted, task.weights)


def _target(networks: Sequence[_Network], options: _Options) -> float | None:
    """The loss that times are measured to."""
    if options.target_loss is not None or not networks:
        return options.target_loss if networks else None
    return float(np.median([_best_loss(network) for network in networks]))


def _best_loss(network: _Network) -> float:
    return float(np.mean([min(run.losses) for run in network.runs]))


def _network_rows(task: Task, networks: Sequence[_Network], options: _Options) -> list[Row]:
    """The rows."""
    target = _target(networks, options)
    updates = [an_update(task.problem(lambda n=n: task.make(n.family, n.config))) for n in networks]
    of_updates = processor_rounds(updates, UPDATES_TIMED)
    predictions = [lambda n=n: task.predict(n.runs[0].module) for n in networks]
    of_predictions = processor_seconds(predictions, PREDICTIONS_TIMED)
    return [
        _network_row(task, network, options, update, times, predicting, target)
        for network, update, times, predicting in zip(networks, updates, of_updates, of_predictions, strict=True)
    ]


def _network_row(
    task: Task,
    network: _Network,
    options: _Options,
    update: Callable[[], object],
    times: Sequence[float],
    predicting: float,
    target: float | None,
) -> Row:
    module = network.runs[0].module
    weights = sum(parameter.numel() for parameter in module.parameters())
    kept = 4 * weights * FLOAT  # with gradients and both moments of Adam, which are there before an update
    memory, floor = _memory(task, network)
    reach, state = _reach_and_state(network, module)
    reached = [run.reached(target) for run in network.runs] if target is not None else []
    known = [each for each in reached if each is not None]
    each = [task.each(task.predict(run.module)) for run in network.runs]
    return Row(
        name=network.family.name,
        scores=tuple(float(scores.mean()) for scores in each),
        interval=interval(each, seeded=True, share=task.is_share),
        parameters=weights,
        units=network.config.hidden_size,
        training_bytes=kept + peak_bytes(update),
        state_bytes=None if state is None else FLOAT * state,
        update_seconds=float(np.median(times)),
        update_rounds=tuple(times),
        step_seconds=predicting / task.predicted_steps,
        fit_seconds=float(np.median([run.seconds[-1] for run in network.runs])),
        seconds_to_loss=float(np.median(known)) if known and 2 * len(known) >= len(reached) else None,
        validation_loss=_best_loss(network),
        memory=memory,
        memory_floor=floor,
        reach=reach,
        chosen=f"rate {network.runs[0].learning_rate:g}"
        + (f"; the loss of {network.exploded} of {options.seeds} seeds exploded" if network.exploded else ""),
    )


def _memory(task: Task, network: _Network) -> tuple[int | None, bool]:
    """The effective memory of the state that remembers longest, the median over seeds; whether sequences end before it does."""
    if network.family.cell is None:
        return None, False
    try:
        flows = [task.flow(run.module) for run in network.runs]
    except InputError:  # a layer that cannot be looked into
        return None, False
    found = sorted(max(_steps_back(state) for state in flow.states) for flow in flows)
    middle, whole = found[len(found) // 2], len(flows[0].states[0].back)
    return (whole - 1, True) if middle >= whole else (middle, False)


def _steps_back(state: StateFlow) -> int:
    """Steps until it has forgotten; all there are where it does not."""
    return len(state.back) if state.memory is None else state.memory


def _reach_and_state(network: _Network, module: BodyModule) -> tuple[int | None, int | None]:
    config = network.config
    if network.family.cell is None:
        body: Any = module.network.rnn
        return body.reach, body.state
    if config.bidirectional:
        return None, None
    sizes = config.described.state_sizes(**config.layer_sizes(0))
    return None, sum(sizes.values())


# Other families.


def _fit_plain(task: Task, family: PlainFamily, seeds: int, tell: Callable[[float], object]) -> _Plain:
    found = _Plain(family, [], [], [])
    for seed in range(seeds if _seeded(family, task) else 1):
        tell(seed / seeds)
        began = process_time()
        fitted = family.fits[task.name](task, seed)
        found.seconds.append(process_time() - began)
        found.each.append(task.each(fitted.predict()))
        found.fits.append(fitted)
    return found


def _plain_row(task: Task, plain: _Plain) -> Row:
    fitted = plain.fits[0]
    (predicting,) = processor_seconds([fitted.predict], PREDICTIONS_TIMED)
    return Row(
        name=plain.family.name,
        scores=tuple(float(scores.mean()) for scores in plain.each),
        interval=interval(plain.each, seeded=_seeded(plain.family, task), share=task.is_share),
        parameters=fitted.parameters,
        units=None,
        training_bytes=None,
        state_bytes=None if fitted.state is None else FLOAT * fitted.state,
        update_seconds=None,
        update_rounds=(),
        step_seconds=predicting / task.predicted_steps,
        fit_seconds=float(np.median(plain.seconds)),
        seconds_to_loss=None,
        validation_loss=None,
        memory=None,
        memory_floor=False,
        reach=fitted.reach,
        chosen=fitted.chosen,
    )


# What claims are judged by.


def _figures(row: Row) -> Figures:
    state = None if row.state_bytes is None else row.state_bytes // FLOAT
    return Figures(row.mean, row.interval, row.update_rounds, row.memory, row.memory_floor, state)


def _probe(task: Task, networks: Sequence[_Network], hidden_size: int) -> Probe:
    """Networks of the same number of units that learn nothing."""
    compared = {network.family.name: network.family for network in networks}
    lectured = {name: family for name, family in compared.items() if name in ("rnn", "gru", "lstm")}
    config = {name: family.config(task.context, hidden_size) for name, family in lectured.items()}
    parameters = {name: task.weights(family, config[name]) for name, family in lectured.items()}
    updates = [an_update(task.problem(lambda f=f, c=config[n]: task.make(f, c))) for n, f in lectured.items()]
    rounds = map(tuple[float, ...], processor_rounds(updates, 2 * UPDATES_TIMED))
    times = dict(zip(lectured, rounds, strict=True))
    long = replace(task, context=_doubled(task))
    doubled = {
        network.family.name: (
            task.weights(network.family, network.config),
            long.weights(network.family, network.config),
        )
        for network in networks
        if network.family.name in ("rnn", "feed-forward")
    }
    return Probe(parameters, times, doubled, {n.family.name: _growth(task, n) for n in networks if _is_long(n)})


def _doubled(task: Task) -> Any:
    context = task.context
    return replace(context, steps=2 * context.steps, before=2 * context.before, after=2 * context.after)


def _is_long(network: _Network) -> bool:
    return network.family.name == "rnn" or network.family.name in NETWORKS


def _growth(task: Task, network: _Network) -> tuple[int, int]:
    """The most that layers take for a batch of sequences, as long as they are and twice as long."""
    module = task.make(network.family, network.config)

    def bytes_for(steps: int) -> int:
        x = torch.zeros(steps, task.batch_size, task.context.inputs)

        def update() -> None:
            y, _ = module.network.rnn(x)
            y.sum().backward()

        return peak_bytes(update)

    return bytes_for(task.context.steps), bytes_for(2 * task.context.steps)
