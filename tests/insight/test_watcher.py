"""What the watcher sees, records and leaves alone; the rules are tested by the scripts of test_watcher_score.py."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import unrolled
from unrolled import insight
from unrolled.errors import InputError, MissingExtraError, TrainingError
from unrolled.insight import Finding, Watcher, WatchStopped
from unrolled.insight.watcher import CAUSES
from unrolled.insight.watcher.layers import described, replayed
from unrolled.insight.watcher.recording import COLUMNS, Recording
from unrolled.insight.watcher.rules import RULES
from unrolled.insight.watcher.rules.padding import padding_of

LAYERS = {
    "torch LSTM": lambda: nn.LSTM(2, 8, num_layers=2, dropout=0.3, batch_first=True),
    "torch GRU": lambda: nn.GRU(2, 8, batch_first=True, bidirectional=True),
    "unrolled LSTM": lambda: unrolled.nn.LSTM(2, 8, batch_first=True),
    "unrolled GRU": lambda: unrolled.nn.GRU(2, 8, num_layers=2, dropout=0.3, batch_first=True),
}


class Model(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.rnn, self.head = layer, nn.Linear(16 if layer.bidirectional else 8, 3)

    def forward(self, x):
        return self.head(nn.functional.dropout(self.rnn(x)[0][:, -1], 0.2, self.training))


def trained(layer, steps, x=None, poison=None):
    """The parameters, losses and random state after a training with dropout and evaluation."""
    torch.manual_seed(0)
    model = Model(layer())
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(steps):
        model.train()
        batch = torch.randn(6, 12, 2) if x is None else x
        if poison == step:
            batch[4, 3, 0] = math.nan
        loss = nn.functional.cross_entropy(model(batch), torch.randint(3, (6,)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            model(torch.randn(6, 12, 2))
    return [parameter.detach().clone() for parameter in model.parameters()], losses, torch.get_rng_state()


@pytest.mark.parametrize("name", LAYERS)
def test_a_watched_run_has_the_same_bits(name):
    plain = trained(LAYERS[name], 21)
    with Watcher(csv=False, interval=3) as watcher:
        watched = trained(LAYERS[name], 21)
    assert watcher.failure is None
    assert not watcher.broken
    assert watcher.run.step == 21
    assert all(torch.equal(a, b) for a, b in zip(plain[0], watched[0], strict=True))
    assert plain[1] == watched[1]
    assert torch.equal(plain[2], watched[2])


def wrapped():
    """Everything that observation changes."""
    from torch.nn.modules import module
    from torch.optim import optimizer

    functions = [
        nn.functional.cross_entropy,
        nn.functional.dropout,
        torch.relu,
        torch.Tensor.relu,
        torch.autograd.backward,
    ]
    hooks = [
        module._global_forward_hooks, module._global_forward_pre_hooks, optimizer._global_optimizer_pre_hooks,
        optimizer._global_optimizer_post_hooks,
    ]  # fmt: skip
    return functions, [len(each) for each in hooks], "relu" in vars(torch.Tensor)


def test_everything_is_put_back_after_errors_too():
    before = wrapped()

    def failing():
        with Watcher(csv=False):
            assert wrapped() != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert wrapped() == before
    with Watcher(csv=False):
        from torch.nn.functional import mse_loss  # what somebody keeps of it
    assert float(mse_loss(torch.ones(2), torch.zeros(2))) == 1
    assert wrapped() == before


def test_a_run_that_is_not_finite_is_stopped_before_its_parameters_are(tmp_path):
    with (
        pytest.raises(WatchStopped, match=r"step 5.*loss became nan.*batch 5.*sequence 4") as stopped,
        Watcher(tmp_path / "w.csv"),
    ):
        trained(LAYERS["torch LSTM"], 9, poison=4)
    assert isinstance(stopped.value, TrainingError)
    assert len((tmp_path / "w.csv").read_text().splitlines()) >= 5
    with Watcher(csv=False, stop=False) as watcher:
        trained(LAYERS["torch LSTM"], 9, poison=4)
    assert watcher.run.step == 9


def test_the_sequences_that_are_not_finite_are_named_in_steps_that_nobody_looks_at(monkeypatch):
    """Which axis is that of the sequences is known from the passes before."""
    monkeypatch.setattr("unrolled.insight.watcher.watcher.EAGER", 3)
    model = nn.GRU(1, 4)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)

    def steps():
        with Watcher(csv=False):
            for step in range(30):
                x = torch.randn(9, 3, 1)
                if step == 23:
                    x[7, 1] = math.nan
                optimiser.zero_grad()
                model(x)[0].square().mean().backward()
                optimiser.step()

    with pytest.raises(WatchStopped, match=r"step 24.*in sequence 1$"):
        steps()


def test_a_backward_pass_that_begins_in_no_scalar_is_not_stopped():
    model = nn.GRU(1, 4)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watcher(csv=False) as watcher:
        for x in torch.randn(4, 9, 3, 1):
            optimiser.zero_grad()
            output = model(x)[0]
            output.backward(torch.full_like(output, 0.01))
            optimiser.step()
    assert watcher.run.step == 4
    assert watcher.findings == []


@pytest.mark.parametrize("eager", [0, 300])
def test_after_an_evaluation_that_failed_training_is_watched_as_before(eager, monkeypatch):
    monkeypatch.setattr("unrolled.insight.watcher.watcher.EAGER", eager)
    monkeypatch.setattr("unrolled.insight.watcher.watcher.EARLY", ())
    monkeypatch.setattr("unrolled.insight.watcher.watcher.AGAIN", 1)
    model = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watcher(csv=False, say=lambda _: None) as watcher:
        for x in torch.randn(9, 3, 1):
            optimiser.zero_grad()
            model(x).square().mean().backward()
            optimiser.step()
            with pytest.raises(RuntimeError), torch.no_grad():
                model(torch.randn(3, 2))
        assert (watcher.run.passes, watcher.run.step) == (9, 9)
        assert watcher.findings == []
        with torch.no_grad():
            model(torch.randn(8, 1))
    assert [found.cause for found in watcher.findings] == ["dropout_in_evaluation"]


def test_a_model_that_comes_late_is_known_by_name(monkeypatch):
    """The second outermost module of a pass that nobody looks at."""
    monkeypatch.setattr("unrolled.insight.watcher.watcher.EAGER", 0)
    monkeypatch.setattr("unrolled.insight.watcher.watcher.EARLY", ())
    monkeypatch.setattr("unrolled.insight.watcher.watcher.AGAIN", 1000)
    first, late = nn.Linear(1, 1), nn.GRU(1, 4)
    with Watcher(csv=False, interval=30) as watcher:
        for models in (first,), (first, late):
            optimiser = torch.optim.SGD([p for model in models for p in model.parameters()], lr=0.1)
            for x in torch.randn(25, 9, 3, 1):
                optimiser.zero_grad()
                x = first(x)
                loss = (late(x)[0] if len(models) > 1 else x).square().mean()
                loss.backward()
                optimiser.step()
        assert list(watcher.run.recurrent_weights) == ["weight_ih_l0", "weight_hh_l0"]


@pytest.mark.parametrize(
    "make", [nn.LSTM, nn.GRU, nn.RNN, lambda *sizes, **options: nn.RNN(*sizes, **options, nonlinearity="relu")]
)
@pytest.mark.parametrize("biases", [True, False])
def test_layers_that_run_again_are_what_they_were(make, biases):
    torch.manual_seed(0)
    layer = nn.LSTM(3, 5, 2, bias=biases) if make is nn.LSTM else make(3, 5, bias=biases)
    x, h = torch.randn(11, 6, 3), torch.randn(layer.num_layers, 6, 5)
    hx = (h, h.flip(0)) if make is nn.LSTM else h
    output = layer(x, hx)
    call = described(layer, "rnn", (x, hx), {}, output, 0)
    again = replayed(call)
    assert [each.place for each in again] == (["rnn.l0", "rnn.l1"] if make is nn.LSTM else ["rnn"])
    assert torch.allclose(again[-1].y, output[0][:, :4], atol=1e-6)
    inner = x[:, :4].clone().requires_grad_()
    hx = tuple(state[:, :4] for state in hx) if make is nn.LSTM else hx[:, :4]
    if layer.num_layers == 1:
        (expected,) = torch.autograd.grad(layer(inner, hx)[0][-1].sum(), inner)
        (found,) = torch.autograd.grad(again[-1].y[-1].sum(), again[-1].x)
        assert torch.allclose(found, expected, atol=1e-6)


def test_a_stop_is_a_finding():
    watcher = Watcher(csv=False)
    with pytest.raises(WatchStopped), watcher:
        trained(LAYERS["torch LSTM"], 9, poison=4)
    (found,) = watcher.findings
    assert (found.cause, found.step) == ("not_finite", 5)
    assert "sequence 4" in found.message
    assert "inputs" in found.remedy
    assert str(watcher).startswith("4 steps watched, 1 finding")
    watcher = Watcher(csv=False)
    with pytest.raises(WatchStopped), watcher:
        trained(LAYERS["torch LSTM"], 9, poison=0)
    assert "nothing" not in str(watcher)


def test_no_training_is_not_a_training_without_findings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = nn.GRU(1, 4)

    def whole(backward, forward):
        with Watcher("w.csv") as watcher:
            if forward:
                loss = model(torch.ones(3, 2, 1))[0].sum()
            if backward:
                loss.backward()
        return str(watcher)

    assert whole(False, False) == "no training step was seen: no model of torch ran in this process"
    assert "no loss of theirs was differentiated" in whole(False, True)
    assert "no step of an optimiser of torch.optim after 1 backward pass" in whole(True, True)
    assert list(tmp_path.iterdir()) == []


def test_the_record_stays_in_the_folder_where_the_run_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with Watcher("w.csv", tensorboard=False) as watcher:
        monkeypatch.chdir(tmp_path / "elsewhere")
        trained(LAYERS["torch GRU"], 2)
    assert len((tmp_path / "w.csv").read_text().splitlines()) == 3
    assert watcher.written == ["w.csv"]


def test_saturation_by_huge_steps_names_the_learning_rate():
    """Gates that steps of many times the matrices' norm have stuck are no matter of how they started."""
    torch.manual_seed(0)
    told = []
    model, head = nn.LSTM(2, 16, batch_first=True), nn.Linear(16, 2)
    optimiser = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=5.0)
    with Watcher(csv=False, say=told.append):
        for x in torch.randn(60, 32, 20, 2):
            optimiser.zero_grad()
            nn.functional.cross_entropy(head(model(x)[0][:, -1]), (x[:, :, 0].mean(1) > 0).long()).backward()
            optimiser.step()
    assert told[0].startswith("unrolled watch: learning_rate (the learning rate is far off)")
    assert not any("smaller" in each for each in told)


def test_a_gradient_that_is_not_finite_is_named_by_its_parameter():
    model = nn.LSTM(1, 4)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)

    def steps():
        with Watcher(csv=False):
            loss = model(torch.ones(3, 2, 1))[0].sum()
            loss.backward()
            model.weight_hh_l0.grad[0, 0] = math.nan
            optimiser.step()

    with pytest.raises(WatchStopped, match="the gradient of weight_hh_l0 is not finite"):
        steps()


def test_the_record_has_torchs_own_norms(tmp_path):
    path = tmp_path / "record.csv"
    model = nn.GRU(1, 4)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    expected = []
    with Watcher(path):
        for x in torch.randn(4, 9, 3, 1):
            optimiser.zero_grad()
            loss = model(x)[0].square().mean()
            loss.backward()
            old = model.weight_hh_l0.detach().clone(), model.weight_ih_l0.detach().clone()
            norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
            optimiser.step()
            new = model.weight_hh_l0.detach(), model.weight_ih_l0.detach()
            ratio = max(float((a - b).norm() / a.norm()) for a, b in zip(old, new, strict=True))
            expected.append((loss.item(), norm.item(), ratio))
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    assert tuple(header) == COLUMNS
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4]
    for row, (loss, norm, ratio) in zip(rows, expected, strict=True):
        assert [float(each) for each in row[1:4]] == pytest.approx([loss, norm, ratio], rel=1e-5)


def test_tensorboard_gets_the_numbers_of_the_file(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Watcher(tmp_path / "w.csv", tensorboard=tmp_path / "board"):
        trained(LAYERS["torch GRU"], 5)
    board = EventAccumulator(str(tmp_path / "board")).Reload()
    assert set(board.Tags()["scalars"]) <= set(COLUMNS)
    rows = [line.split(",") for line in (tmp_path / "w.csv").read_text().splitlines()[1:]]
    losses = board.Scalars("loss")
    assert [event.step for event in losses] == [int(row[0]) for row in rows]
    assert [event.value for event in losses] == pytest.approx([float(row[1]) for row in rows], rel=1e-6)


def test_tensorboard_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("unrolled.insight.watcher.recording.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"'tensorboard'.*\[watch\]"):
        Watcher(csv=False, tensorboard=tmp_path / "board")
    with Watcher(tmp_path / "w.csv"):
        trained(LAYERS["torch GRU"], 1)
    assert [path.name for path in tmp_path.iterdir()] == ["w.csv"]


def test_how_far_the_gradient_reaches_is_what_autograd_says():
    """The norm of the gradient at the first step relative to the last one's, seen at the inputs, of the last output's loss."""
    torch.manual_seed(0)
    model = nn.LSTM(3, 5)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.0)
    x, weights = torch.randn(24, 4, 3), torch.randn(4, 5)
    with Watcher(csv=False) as watcher:
        (model(x)[0][-1] * weights).sum().backward()
        optimiser.step()
    watched = x.clone().requires_grad_()
    (model(watched)[0][-1] * weights).sum().backward()
    norms = watched.grad.norm(dim=2).mean(1)
    assert watcher.run.measured["reach"] == pytest.approx(float(norms[0] / norms[-1]), rel=1e-4)


@pytest.mark.parametrize("layer", [nn.LSTM(2, 5), nn.GRU(2, 5), unrolled.nn.GRU(2, 5)], ids=repr)
def test_gates_from_outside_are_those_from_inside(layer):
    x = torch.randn(7, 3, 2)
    call = described(layer, "", (x,), {}, layer(x), 0)
    assert call is not None
    (seen,) = replayed(call)
    inside = insight.gates(layer, x)["l0"].values
    assert set(seen.gates) == set(inside)
    for name, values in seen.gates.items():
        assert values.detach().numpy() == pytest.approx(inside[name], abs=1e-6)


def test_files_of_others_are_not_overwritten(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n")
    with pytest.raises(InputError, match="no record of a watcher"):
        Watcher(path)
    assert path.read_text() == "a,b\n"
    with pytest.raises(InputError, match="it is a folder"):
        Watcher(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        Watcher(tmp_path / "no" / "x.csv")
    old = Recording(tmp_path / "old.csv", False)
    old.begin()
    old.add({"step": 1, "loss": 0.5})
    old.end()
    rows = old.path.read_text()
    with Watcher(old.path):  # one of an earlier run may be, once there is something to write
        pass
    assert old.path.read_text() == rows
    with Watcher(old.path):
        trained(LAYERS["torch GRU"], 1)
    assert old.path.read_text() != rows


@pytest.mark.parametrize("arguments", [{"interval": 0}, {"interval": 2.0}, {"interval": True}, {"csv": True}])
def test_wrong_arguments(arguments):
    with pytest.raises(InputError, match=r"interval|csv"):
        Watcher(**{"csv": False, **arguments})


def test_each_cause_has_its_rule_and_is_told_once():
    assert sorted([*(rule.cause for rule in RULES), "not_finite"]) == sorted(CAUSES)
    assert len(RULES) == 24
    told = []
    model, head = nn.GRU(1, 4), nn.Linear(4, 1)
    optimiser = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
    with Watcher(csv=False, say=told.append) as watcher:
        for x in torch.randn(9, 8, 4, 1):
            head(model(x)[0]).square().mean().backward()
            optimiser.step()
    (found,) = watcher.findings
    assert isinstance(found, Finding)
    assert found.cause == "gradients_not_zeroed"
    assert told == [f"unrolled watch: {found}"]
    assert str(watcher).splitlines()[1] == f"1. {found}"
    assert str(found).startswith("gradients_not_zeroed (gradients pile up over steps) in the optimiser at step")


def test_the_most_certain_finding_comes_first():
    watcher = Watcher(csv=False)
    watcher.run.findings += [
        Finding("vanishing", "rnn", 3, "a", "b"), Finding("exploding", "rnn", 2, "a", "b"),
        Finding("axes_swapped", "rnn", 9, "a", "b"),
    ]  # fmt: skip
    assert [found.cause for found in watcher.findings] == ["axes_swapped", "exploding", "vanishing"]


def test_a_fault_of_the_watcher_is_not_the_runs(capsys):
    class Broken:
        cause = "vanishing"

        def trained(self, *_):
            raise KeyError("a rule")

    watcher = Watcher(csv=False)
    watcher._rules["trained"] = [Broken()]
    with watcher:
        trained(LAYERS["torch GRU"], 3)
    assert "KeyError" in watcher.broken["vanishing"]
    assert "whose rules failed" in str(watcher)
    watcher = Watcher(csv=False)
    watcher._names = None
    with watcher:
        trained(LAYERS["torch GRU"], 3)
    assert watcher.failure is not None
    assert "the run goes on" in capsys.readouterr().err


def test_two_optimisers_that_each_zero_their_own_gradients():
    """The generator's loss adds to the critic's gradients, and reads what the critic's pass was made without."""
    torch.manual_seed(0)
    made, critic = nn.GRU(2, 1, num_layers=2, dropout=0.2), nn.GRU(1, 4)
    of_made, of_critic = torch.optim.Adam(made.parameters(), 1e-3), torch.optim.Adam(critic.parameters(), 1e-3)
    wave = torch.sin(6 * torch.rand(8, 1) + 0.4 * torch.arange(24)).T[:, :, None]
    with Watcher(csv=False, say=lambda _: None) as watcher:
        for _ in range(12):
            fake = made(torch.randn(24, 8, 2))[0]
            of_critic.zero_grad()
            (critic(fake.detach())[0].mean() - critic(wave)[0].mean()).backward()
            of_critic.step()
            of_made.zero_grad()
            (-critic(fake)[0].mean()).backward()
            of_made.step()
    assert watcher.findings == []


@pytest.mark.parametrize("how", ["layers", "repeats", "once"])
def test_monte_carlo_dropout_is_no_mistake(how):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.3), nn.Linear(8, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(40, 2)
    with Watcher(csv=False, say=lambda _: None) as watcher:
        for _ in range(3):
            model.train()
            for rows in torch.randperm(40).split(8):
                optimiser.zero_grad()
                (model(x[rows]) - x[rows, :1]).square().mean().backward()
                optimiser.step()
            if how == "layers":
                model.eval()
                model[1].train()
            with torch.no_grad():
                for _ in range(1 if how == "once" else 3):
                    model(torch.ones(9, 2) if how == "repeats" else torch.randn(9, 2))
    assert [found.cause for found in watcher.findings] == (["dropout_in_evaluation"] if how == "once" else [])


def test_padding_is_not_a_signal_that_ends_in_zeros():
    torch.manual_seed(0)
    bits = torch.randint(2, (64, 20, 1)).double().numpy()
    assert padding_of(bits) is None
    words = torch.randint(1, 9, (64, 20, 1))
    for row, length in enumerate(torch.randint(3, 21, (64,)).tolist()):
        words[row, length:] = 0
    assert padding_of(words.numpy()).share > 0.2


def test_a_fit_is_watched_through_its_callback():
    generator = torch.Generator().manual_seed(0)
    X = [torch.randn(12, 1, generator=generator).numpy() for _ in range(60)]
    y = ["up" if x.mean() > 0 else "down" for x in X]
    watcher = Watcher(csv=False)
    unrolled.SequenceClassifier(
        cell="gru", hidden_size=8, members=1, max_epochs=2, random_state=0, callback=watcher
    ).fit(X, y)
    assert watcher.failure is None
    assert watcher.run.step > 2
    assert watcher.findings == []
