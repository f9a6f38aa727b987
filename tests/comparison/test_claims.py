"""What decides a claim, and what leaves it undecided."""

from __future__ import annotations

from unrolled.comparison.chance import wilson
from unrolled.comparison.claims import Evidence, Figures, Probe, judged

FASTER, SLOWER = (1.0,) * 10, (1.2,) * 10


def figures(score=0.5, interval=(0.49, 0.51), rounds=FASTER, memory=10, floor=False):
    return Figures(score, interval, rounds, memory, floor, 8)


def claims(rows, times=None, steps=30, *, high=True):
    probe = Probe({}, times or {}, {}, {})
    return judged(Evidence(rows, probe, high, True, steps, "accuracy"))


def holds(text, *args, **options):
    (claim,) = (claim for claim in claims(*args, **options) if text in claim.text)
    return claim.holds


def test_scores_count_where_their_intervals_do_not_touch():
    of = {right: figures(right / 24, wilson(right / 24, 24)) for right in (12, 22, 24)}
    assert holds("Gates overcome", {"rnn": of[22], "gru": of[24]}) is None
    assert holds("Gates overcome", {"rnn": of[12], "gru": of[24]}) is True
    assert holds("Gates overcome", {"rnn": of[24], "gru": of[12]}) is False
    assert holds("Gates overcome", {"rnn": figures(0.1, None), "gru": of[24]}) is None


def test_a_tie_is_not_best():
    def memories(*found, steps=30, **options):
        rows = {name: figures(memory=m, **options) for name, m in zip(("rnn", "gru", "lstm"), found, strict=True)}
        return holds("an LSTM best", rows, steps=steps)

    assert memories(5, 9, 9) is None
    assert memories(5, 9, 11) is True
    assert memories(9, 5, 11) is False
    assert memories(5, 9, 11, steps=7) is None
    assert memories(5, 9, 11, interval=None) is None


def test_equally_good_is_what_is_known_to_be_near():
    def equal(gru, lstm):
        return holds("equally good", {"gru": figures(*gru), "lstm": figures(*lstm)})

    assert equal((1.9, (0.93, 2.88)), (1.901, (1.8, 2.0))) is None
    assert equal((0.82, (0.81, 0.83)), (0.821, (0.812, 0.83))) is True
    assert equal((0.82, (0.81, 0.83)), (0.9, (0.89, 0.91))) is False
    assert equal((0.82, None), (0.82, None)) is None


def test_only_recurrent_twins_tell_what_is_still_to_come_is_worth():
    twins = {"gru": figures(0.5, (0.49, 0.51)), "gru-bidirectional": figures(0.7, (0.69, 0.71))}
    assert holds("still to come", twins) is True
    attending = {"transformer": figures(0.7, (0.69, 0.71)), "transformer-causal": figures(), "rnn": figures()}
    assert not any("still to come" in claim.text for claim in claims(attending))


def test_short_sequences_tell_nothing_of_long_dependencies():
    rows = {"rnn": figures(), "transformer": figures(0.7, (0.69, 0.71))}
    assert holds("Attention captures", rows) is True
    assert holds("Attention captures", rows, steps=7) is None
    assert holds("long ago is hard", rows, steps=7) is None
    (said,) = (claim.measured for claim in claims(rows, steps=7) if "Attention" in claim.text)
    assert said == "sequences of about 7 steps, fewer than 20, cannot tell"


def test_times_count_where_they_differ_by_much_in_nearly_all_rounds():
    rows = {"gru": figures(), "lstm": figures()}

    def faster(gru, lstm):
        return holds("so trains faster", rows, {"gru": gru, "lstm": lstm})

    assert faster(FASTER, SLOWER) is True
    assert faster(SLOWER, FASTER) is False
    assert faster(FASTER, (1.1,) * 10) is None
    assert faster(FASTER, (1.2,) * 8 + (0.9,) * 2) is None
    assert holds("costs least", rows, {"rnn": FASTER, "gru": SLOWER, "lstm": (1.5,) * 10}) is True
    assert holds("costs least", rows, {"rnn": FASTER, "gru": SLOWER, "lstm": (1.25,) * 10}) is None
    assert holds("costs least", rows, {"rnn": SLOWER, "gru": FASTER, "lstm": SLOWER}) is False


def test_an_rnn_is_slow_if_all_others_are_faster():
    def slow(rnn, tcn, net):
        rows = {"rnn": figures(rounds=rnn), "tcn": figures(rounds=tcn), "feed-forward": figures(rounds=net)}
        return holds("computation is slow", rows)

    assert slow(SLOWER, FASTER, FASTER) is True
    assert slow(FASTER, SLOWER, SLOWER) is False
    assert slow(SLOWER, (1.5,) * 10, FASTER) is None
    assert slow(FASTER, (1.05,) * 10, SLOWER) is None
