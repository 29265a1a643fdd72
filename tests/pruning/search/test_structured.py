"""The schedule step by step, and the whole search against a plain second implementation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.pruning.importance.scoring import layer_norms
from subprobe.pruning.search.plan import Rule, Size, schedule
from subprobe.pruning.search.structured import Scored, structured_search


class Scorer:
    """A model stand-in: importance is fixed, the metric a function of the masks."""

    def __init__(self, layers, heads, metric, seed=0):
        random = np.random.default_rng(seed)
        self.head = random.uniform(0.1, 1, (layers, heads))
        self.mlp = random.uniform(0.1, 1, layers)
        self.metric, self.seen = metric, []

    def __call__(self, head_mask, mlp_mask):
        self.seen.append((head_mask.copy(), mlp_mask.copy()))
        return Scored(self.metric(head_mask, mlp_mask), self.head, self.mlp)


def run(scorer, *, rule=None, **options):
    layers, heads = scorer.head.shape
    return structured_search(
        scorer, rule=rule or Rule("study"), num_layers=layers, num_heads=heads, **options
    )


@pytest.mark.parametrize(
    ("layers", "heads", "expected"),
    [
        (12, 12, (14, 7)),
        (6, 12, (7, 3)),
        (24, 16, (38, 19)),
        (2, 4, (1, 1)),
        (1, 1, (1, 1)),
        (4, 5, (2, 1)),
    ],
)
def test_step_sizes(layers, heads, expected):
    joint, half = expected
    steps = [phase[:3] for phase in schedule(layers, heads)]
    assert steps == [("joint", joint, 1), ("heads", half, 0), ("mlps", 0, 1)]


def test_the_schedule_of_a_base_sized_model():
    """12x12: 14+1, then 7, then 1; each phase goes on from the last accepted mask."""

    def metric(heads, mlps):
        h, m = heads.sum(), mlps.sum()
        return float((h >= 81 and m >= 9) or (h == 81 and m >= 6))

    result = run(Scorer(12, 12, metric))
    assert [(r["phase"], r["heads"], r["mlps"], r["accepted"]) for r in result.trace] == [
        ("full", 144, 12, True),
        ("joint", 130, 11, True),
        ("joint", 116, 10, True),
        ("joint", 102, 9, True),
        ("joint", 88, 8, False),
        ("heads", 95, 9, True),
        ("heads", 88, 9, True),
        ("heads", 81, 9, True),
        ("heads", 74, 9, False),
        ("mlps", 81, 8, True),
        ("mlps", 81, 7, True),
        ("mlps", 81, 6, True),
        ("mlps", 81, 5, False),
    ]
    assert [r["step"] for r in result.trace] == list(range(13))


def test_the_schedule_of_the_embedded_model():
    """6x12: 7+1, then 3, then 1."""
    result = run(Scorer(6, 12, lambda h, m: float(h.sum() >= 60 and m.sum() >= 3)))
    assert [(r["phase"], r["heads"], r["mlps"], r["accepted"]) for r in result.trace] == [
        ("full", 72, 6, True),
        ("joint", 65, 5, True),
        ("joint", 58, 4, False),
        ("heads", 62, 5, True),
        ("heads", 59, 5, False),
        ("mlps", 62, 4, True),
        ("mlps", 62, 3, True),
        ("mlps", 62, 2, False),
    ]
    assert (result.head_mask.sum(), result.mlp_mask.sum()) == (62, 3)
    assert result.degenerate == ""


@given(
    st.integers(1, 5),
    st.integers(1, 9),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from(["default", "study"]),
    st.integers(0, 50),
)
def test_invariants(layers, heads, head_limit, mlp_limit, scores, seed):
    """For a metric that holds down to some share of heads and MLPs."""

    def holds(h, m):
        return h.mean() >= head_limit and m.mean() >= mlp_limit

    scorer = Scorer(layers, heads, lambda h, m: float(holds(h, m)), seed)
    result = run(scorer, scores=scores)
    # each candidate once, each record of one candidate, nothing dead ever comes back
    assert len(scorer.seen) == len(result.trace)
    keys = [(h.tobytes(), m.tobytes()) for h, m in scorer.seen]
    assert len(set(keys)) == len(keys)
    accepted = scorer.seen[0]
    for (h, m), record in zip(scorer.seen, result.trace, strict=True):
        assert (h <= accepted[0]).all()
        assert (m <= accepted[1]).all()
        assert (record["heads"], record["mlps"]) == (h.sum(), m.sum())
        assert record["accepted"] == (record["metric"] >= result.target)
        if record["accepted"]:
            accepted = (h, m)
    np.testing.assert_array_equal(result.head_mask, accepted[0])
    np.testing.assert_array_equal(result.mlp_mask, accepted[1])
    assert holds(result.head_mask, result.mlp_mask)
    # what is left is there because taking more of it away failed
    rejected = [record for record in result.trace if not record["accepted"]]
    if result.mlp_mask.any():
        assert any(record["mlps"] < result.mlp_mask.sum() for record in rejected)
    if result.head_mask.any():
        assert any(record["heads"] < result.head_mask.sum() for record in rejected)


def second_implementation(score, layers, heads, target, study):
    """The search written down from the study's description, on sets of units."""

    def ranked(scored, alive_heads, alive_mlps):
        rows = scored.head_importance.copy()
        if not study:
            for i in range(layers):
                for j in range(heads):
                    if (i, j) not in alive_heads:
                        rows[i, j] = 0
        for i in range(layers):
            norm = sum(x * x for x in rows[i]) ** 0.5
            rows[i] = rows[i] / norm if norm > 0 else rows[i]
        order_heads = sorted(alive_heads, key=lambda u: (rows[u], u))
        order_mlps = sorted(alive_mlps, key=lambda i: (scored.mlp_importance[i], i))
        return order_heads, order_mlps

    def evaluate(alive_heads, alive_mlps):
        h, m = np.zeros((layers, heads), dtype=bool), np.zeros(layers, dtype=bool)
        for unit in alive_heads:
            h[unit] = True
        for unit in alive_mlps:
            m[unit] = True
        return score(h, m)

    good = ({(i, j) for i in range(layers) for j in range(heads)}, set(range(layers)))
    last, rejected = evaluate(*good), []
    step = max(1, int(0.1 * layers * heads))
    for n_heads, n_mlps in ((step, 1), (max(1, int(step / 2)), 0), (0, 1)):
        while True:
            order_heads, order_mlps = ranked(last, *good)
            new = (good[0] - set(order_heads[:n_heads]), good[1] - set(order_mlps[:n_mlps]))
            if new == good or new in rejected:
                break
            scored = evaluate(*new)
            if scored.metric >= target:
                good, last = new, scored
                continue
            rejected.append(new)
            if study:
                last = scored
            break
    return good


@pytest.mark.parametrize("scores", ["default", "study"])
@pytest.mark.parametrize("seed", range(12))
def test_the_mask_equals_a_second_implementation(scores, seed):
    """Importance and metric depend on the mask, as in a model, so the way of ranking matters."""
    random = np.random.default_rng(seed)
    layers, heads = int(random.integers(2, 7)), int(random.integers(2, 9))
    worth = random.exponential(size=(layers, heads))
    worth_mlp = random.exponential(3, size=layers)
    mix = random.normal(size=(layers * heads, layers * heads + layers))

    def score(head_mask, mlp_mask):
        alive = np.concatenate([head_mask.ravel(), mlp_mask]).astype(float)
        metric = (worth[head_mask].sum() + worth_mlp[mlp_mask].sum()) / (
            worth.sum() + worth_mlp.sum()
        )
        noise = 0.3 * np.abs(mix @ alive).reshape(layers, heads)
        return Scored(float(metric), worth + noise, worth_mlp + noise.sum(1))

    result = structured_search(
        score, rule=Rule("study", 0.6), num_layers=layers, num_heads=heads, scores=scores
    )
    expected_heads, expected_mlps = second_implementation(
        score, layers, heads, 0.6, scores == "study"
    )
    assert {tuple(unit) for unit in np.argwhere(result.head_mask)} == expected_heads
    assert set(np.flatnonzero(result.mlp_mask)) == expected_mlps
    assert 0 < result.head_mask.sum() + result.mlp_mask.sum() < layers * heads + layers


def test_the_two_ways_of_scoring_differ():
    """After a rejection `study` ranks by the rejected candidate, `default` by the accepted one."""
    lists = {}
    for scores in ("default", "study"):
        calls = []

        def score(head_mask, mlp_mask, calls=calls):
            calls.append(head_mask)
            accepted = head_mask.sum() >= 9
            # what the rejected candidate says is the reverse of what the full model says
            order = np.arange(10.0).reshape(1, 10) + 1
            return Scored(float(accepted), order if accepted else order[:, ::-1], np.ones(1))

        # 1x10: the first joint step removes a head and the only MLP; let that fail
        def failing_joint(head_mask, mlp_mask, score=score):
            scored = score(head_mask, mlp_mask)
            if mlp_mask.all():
                return scored
            return Scored(0.0, scored.head_importance[:, ::-1], scored.mlp_importance)

        structured_search(
            failing_joint, rule=Rule("study"), num_layers=1, num_heads=10, scores=scores
        )
        lists[scores] = np.flatnonzero(~calls[2][0]).tolist()
    assert lists == {"default": [0], "study": [9]}


def test_dead_heads_leave_the_norm_unless_the_study_is_repeated():
    """A layer's pruned head of huge score makes its living ones look small in the study's norm."""
    killed = {}
    for scores in ("default", "study"):
        seen = []

        def score(head_mask, mlp_mask, seen=seen):
            seen.append(head_mask)
            head = np.array([[0.0, 2.0, 2.0, 2.0, 2.0], [3.0, 2.0, 2.0, 2.0, 1.9]])
            if not head_mask.all():
                head[0, 0] = 50.0
            return Scored(1.0, head, np.ones(2))

        structured_search(score, rule=Rule("study"), num_layers=2, num_heads=5, scores=scores)
        assert not seen[1][0, 0]
        killed[scores] = tuple(np.argwhere(seen[1] & ~seen[2])[0])
    assert killed == {"default": (1, 4), "study": (0, 1)}


@pytest.mark.parametrize(
    ("scores", "expected"),
    # without its pruned heads the first layer's norm is smaller, so its others rank higher
    [("study", [0, 1, 2, 3]), ("default", [0, 1, 10, 11])],
)
def test_ties_go_to_the_first_unit(scores, expected):
    scorer = Scorer(2, 10, lambda h, m: float(h.sum() >= 16 and m.any()))
    scorer.head, scorer.mlp = np.ones((2, 10)), np.ones(2)
    result = run(scorer, scores=scores)
    assert np.flatnonzero(~result.head_mask).tolist() == expected
    assert np.flatnonzero(~result.mlp_mask).tolist() == [0]


def test_scores_that_differ_by_nothing_but_order_of_layers_compete_by_their_share():
    """The L2 norm makes layers comparable: the weakest share goes, not the smallest number."""
    scorer = Scorer(2, 5, lambda h, m: float(h.sum() >= 9))
    scorer.head = np.array([[0.01, 0.01, 0.01, 0.01, 0.01], [5, 5, 5, 5, 1]])
    result = run(scorer)
    np.testing.assert_array_equal(np.argwhere(~result.head_mask), [[1, 4]])


def test_an_accepted_candidate_is_scored_once():
    scorer = Scorer(6, 12, lambda h, m: float(h.sum() >= 40))
    result = run(scorer)
    assert len(scorer.seen) == len(result.trace)
    assert len({(h.tobytes(), m.tobytes()) for h, m in scorer.seen}) == len(scorer.seen)


def test_progress_shows_the_trace():
    shown = []
    result = run(Scorer(6, 12, lambda h, m: float(h.sum() >= 60)), progress=shown.append)
    assert tuple(shown) == result.trace


@pytest.mark.parametrize("scores", ["default", "study"])
@pytest.mark.parametrize("shape", [(6, 12), (1, 1), (2, 12), (12, 1), (12, 12)])
def test_when_everything_passes_the_mask_is_empty_and_says_so(shape, scores):
    result = run(Scorer(shape[0], shape[1], lambda h, m: 0.7), scores=scores)
    assert not result.head_mask.any()
    assert not result.mlp_mask.any()
    assert result.degenerate == "empty"
    assert all(record["accepted"] for record in result.trace)


def test_when_nothing_passes_the_mask_is_whole():
    result = run(Scorer(6, 12, lambda h, m: float(h.all() and m.all())))
    assert result.head_mask.all()
    assert result.mlp_mask.all()
    assert [r["phase"] for r in result.trace] == ["full", "joint", "heads", "mlps"]
    assert result.degenerate == ""


def test_the_rules():
    assert Rule("study").target(0.706, 0.684) == pytest.approx(0.6354)
    assert Rule("gain").target(0.706, 0.684) == pytest.approx(0.7038)
    assert Rule("gain", 0.5).target(0.9, 0.5) == pytest.approx(0.7)
    # equal where the baseline is 0, as for the Matthews correlation
    assert Rule("gain").target(0.56, 0.0) == Rule("study").target(0.56, 0.0) == 0.9 * 0.56
    # a threshold of 1 asks for the full metric, not for a rounding more
    for full in np.linspace(0.01, 0.99, 99):
        assert Rule("gain", 1.0).target(full, 0.1) == full
    with pytest.raises(UnknownNameError, match=r"rule 'gains'.*did you mean 'gain'"):
        Rule("gains")
    for share in (0.0, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="threshold"):
            Rule("gain", share)


def test_gain_is_stricter_than_the_study_over_a_high_majority():
    """MRPC by hand: under `study` every mask down to nothing passes, under `gain` it does not."""

    def metric(h, m):
        return 0.684 + 0.022 * h.mean()

    study = run(Scorer(6, 12, metric), rule=Rule("study"), baseline=0.684)
    gain = run(Scorer(6, 12, metric), rule=Rule("gain"), baseline=0.684)
    assert (study.degenerate, int(study.head_mask.sum())) == ("empty", 0)
    assert gain.degenerate == ""
    assert gain.head_mask.mean() >= 0.9
    assert gain.target == pytest.approx(0.684 + 0.9 * 0.022)


@pytest.mark.parametrize("full", [0.5, 0.3, 0.0, -0.2, float("nan")])
def test_without_a_gain_there_is_nothing_to_hold(full):
    result = run(Scorer(6, 12, lambda h, m: full), rule=Rule("gain"), baseline=0.5)
    assert result.degenerate == "no-gain"
    assert result.head_mask.all()
    assert result.mlp_mask.all()
    assert [record["phase"] for record in result.trace] == ["full"]


def test_the_study_goes_on_without_a_gain_but_says_so():
    result = run(Scorer(6, 12, lambda h, m: 0.338), rule=Rule("study"), baseline=0.563)
    assert result.degenerate == "no-gain"
    assert not result.head_mask.any()


@pytest.mark.parametrize("full", [-0.1, float("nan")])
def test_the_study_stops_where_the_full_model_misses_its_own_target(full):
    result = run(Scorer(6, 12, lambda h, m: full), rule=Rule("study"))
    assert result.degenerate == "no-gain"
    assert result.head_mask.all()


def test_an_undefined_metric_is_not_accepted():
    result = run(Scorer(6, 12, lambda h, m: 0.8 if h.sum() >= 65 else float("nan")))
    assert result.head_mask.sum() >= 65
    assert None in [record["metric"] for record in result.trace]
    assert all(record["metric"] is not None for record in result.trace if record["accepted"])


def test_the_first_record_names_the_settings():
    result = run(Scorer(2, 4, lambda h, m: 0.9), rule=Rule("gain", 0.8), baseline=0.4)
    first = result.trace[0]
    assert (first["rule"], first["threshold"], first["scores"]) == ("gain", 0.8, "default")
    assert (first["baseline"], first["target"]) == (0.4, pytest.approx(0.8))
    assert (result.full, result.baseline) == (0.9, 0.4)


def test_an_unknown_way_of_scoring_is_refused():
    with pytest.raises(UnknownNameError, match="way of scoring 'paper'"):
        run(Scorer(2, 4, lambda h, m: 1.0), scores="paper")


def test_masks_handed_to_the_scorer_cannot_be_changed():
    def meddle(head_mask, mlp_mask):
        if head_mask.sum() < 24:
            with pytest.raises(ValueError, match="read-only"):
                head_mask[0, 0] = True
        return Scored(float(head_mask.sum() > 15), np.ones((2, 12)), np.ones(2))

    structured_search(meddle, rule=Rule("study"), num_layers=2, num_heads=12)


def test_dead_neurons_leave_the_norm_unless_the_study_is_repeated():
    """A pruned neuron with a large score would shrink the shares of its layer's living ones."""
    layers, neurons = 2, 10

    def search(scores):
        def score(heads, mlps, mask):
            living = np.tile(np.linspace(1, 2, neurons), (layers, 1))
            dead = np.array([[200.0], [0.0]])
            shares = layer_norms(np.where(mask, living, dead))
            return Scored(1.0, np.ones((layers, 2)), np.ones(layers), shares, normalised=True)

        found = structured_search(
            score, rule=Size(4, 2, 16), num_layers=layers, num_heads=2, num_neurons=neurons,
            method="structured-neurons", scores=scores,
        )  # fmt: skip
        return found.neuron_mask.sum(1).tolist()

    assert search("default") == [8, 8]
    assert search("study") == [7, 9]


def test_a_missed_threshold_is_an_error_only_where_it_is_asked_for():
    options: dict[str, Any] = {"rule": Rule("absolute", 0.9), "num_layers": 2, "num_heads": 2}
    scorer = Scorer(2, 2, lambda heads, mlps: 0.5)
    with pytest.raises(ConfigError, match="below the threshold"):
        structured_search(scorer, **options)
    assert structured_search(scorer, strict=False, **options).head_mask.all()
