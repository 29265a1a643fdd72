"""What stands beside a mask that was learnt for a property, and what its rows say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from labelled_sentences import first_word_sentences, one_head_reads, tagged_sentences
from sklearn.linear_model import LogisticRegression
from subprobe.analysis.property_search.parts import words_of
from subprobe.analysis.property_search.readouts import Reader, correct_of
from subprobe.analysis.property_search.scored import curve_of, score_rows
from subprobe.analysis.property_search.search import Controls, search_property
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.output.tables import rows_frame
from subprobe.data.sentences.parted import Parted
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.learning.fitting import Schedule
from subprobe.pruning.learned.property_options import PropertyOptions
from tiny import tiny_model, tiny_tokenizer

pytestmark = pytest.mark.slow

HEAD = (0, 2)
OPTIONS = PropertyOptions(units="heads", readout_rate=0.2, epochs=12, batch_size=16, dropout=False)
SCHEDULE = Schedule(epochs=50, lr=0.2, lr_patience=5, patience=20)


class Told(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def words_from(make, tokenizer, count=48):
    parts = Parted(tuple(make(count)), tuple(make(16, 1)), tuple(make(20, 2)), "given")
    return words_of(tokenizer, parts, "upos", max_length=64, say=print)


@pytest.fixture(scope="module")
def found():
    """A property that one head carries, at two penalties of which the second leaves nothing."""
    tokenizer = tiny_tokenizer("wordpiece")
    words = words_from(first_word_sentences, tokenizer)
    other = full_subnetwork(anatomy_of(tiny_model("bert")), kind="good", task="acc")
    heads = np.zeros_like(other.head_mask)
    heads[0] = True
    told = Told()
    result = search_property(
        "tiny", one_head_reads(HEAD), tiny_model("bert", seed=5), tokenizer, words, [0.3, 1000.0],
        OPTIONS, Controls(draws=2, ranks=(2,), schedule=SCHEDULE), told,
        against={"acc": other.with_meta(head_mask=heads)},
    )  # fmt: skip
    return result, rows_frame(result.rows), told


def scores(rows, **wanted):
    chosen = rows[rows["metric"] == "accuracy"]
    for name, value in wanted.items():
        chosen = chosen[chosen[name] == value]
    return chosen


def test_every_required_row_is_there(found):
    _, rows, _ = found
    settings = "lambda=0.3;units=heads;score="
    for score in ("soft", "hardened", "refit"):
        for state in ("pretrained", "untrained"):
            assert len(scores(rows, kind="good", state=state, variant=settings + score)) == 1
    refit = {"variant": f"{settings}refit", "state": "pretrained"}
    assert len(scores(rows, kind="complement", **refit)) == 1
    random = scores(rows, kind="random", **refit)
    assert random["draw"].tolist() == [0, 1]
    sizes = rows[(rows["kind"] == "random") & (rows["metric"] == "kept_heads")]
    assert sizes[sizes["state"] == "pretrained"]["value"].tolist() == [1, 1, 0, 0]
    assert len(set(random["mask_id"])) > 1
    for state in ("pretrained", "untrained"):
        assert len(scores(rows, kind="full", state=state, variant="score=refit")) == 1
        assert len(scores(rows, kind="full", state=state, variant="score=mlp;rank=2")) == 1
    assert set(rows["split"].dropna()) == {"test"}
    assert set(rows["target"]) == {"upos"}


def test_the_good_mask_knows_and_its_controls_do_not(found):
    result, rows, _ = found
    mask = result.learnt[0.3].subnetwork
    assert [tuple(one) for one in np.argwhere(mask.head_mask)] == [HEAD]
    settings = "lambda=0.3;units=heads;score="
    pretrained = scores(rows, state="pretrained")
    good = scores(pretrained, kind="good").set_index("variant")["value"]
    assert good[f"{settings}refit"] > 0.95
    assert good[f"{settings}hardened"] > 0.95
    rest = scores(pretrained, kind="complement", variant=f"{settings}refit")["value"].item()
    assert rest < 0.7
    drawn = scores(pretrained, kind="random", variant=f"{settings}refit")
    hit = [bool(mask.mask_id == one) for one in drawn["mask_id"]]
    assert all(value < 0.7 for value, same in zip(drawn["value"], hit, strict=True) if not same)
    assert scores(pretrained, kind="full", variant="score=refit")["value"].item() > 0.95
    first = drawn.iloc[0]
    assert first["ci_low"] <= first["value"] <= first["ci_high"]
    assert first["baseline"] == "majority"
    assert 0.4 < first["baseline_value"] < 0.6


def test_sizes_are_in_units_and_in_bits(found):
    _, rows, _ = found
    own = rows[rows["variant"] == "lambda=0.3;units=heads;score=hardened"]
    own = own[own["state"] == "pretrained"].set_index("metric")
    assert (own.loc["kept_heads", "value"], own.loc["kept_heads", "n"]) == (1, 8)
    assert own.loc["mask_bits", "value"] == pytest.approx(3)  # one of eight
    soft = rows[rows["variant"] == "lambda=0.3;units=heads;score=soft"].set_index("metric")
    assert soft.loc["expected_open", "n"].iloc[0] == 8
    curve = pd.DataFrame(curve_of(rows.to_dict("records")))
    assert set(curve["score"]) == {"soft", "hardened", "refit", "mlp"}
    point = curve[(curve["score"] == "mlp") & (curve["encoder"] == "pretrained")].iloc[0]
    assert (point["rank"], point["probe_bits"]) == ("2", 32 * (2 * 32 * 2 + 2 + 3 * 32))


def test_a_mask_without_a_unit_is_flagged(found):
    result, rows, told = found
    assert result.learnt[1000.0].flag == "degenerate"
    flagged = rows[rows["flag"] == "degenerate"]
    assert set(flagged["variant"].str.split(";").str[0]) == {"lambda=1000"}
    assert any(
        line.startswith("DEGENERATE: penalty 1000, pretrained encoder") for line in told.lines
    )


def test_the_overlap_with_other_masks(found):
    result, _, _ = found
    row = result.overlap[0]
    assert (row["mask"], row["other"], row["task"]) == ("lambda=0.3", "acc", "acc")
    assert (row["kept"], row["other_kept"], row["shared"]) == (1, 4, 1)


def test_a_refitted_read_out_is_a_logistic_regression():
    """The one of scikit-learn on states that are read at last subwords here in loops."""
    tokenizer, model = tiny_tokenizer("wordpiece"), tiny_model("bert")
    words = words_from(tagged_sentences, tokenizer, 160)

    def states(part):
        rows, gold = [], []
        for place in range(len(part.sentences)):
            batch = part.batch([place])
            with torch.no_grad():
                last = model(
                    batch.texts.input_ids, batch.texts.attention_mask, batch.texts.token_type_ids
                ).last_hidden_state[0]
            rows += [last[piece].numpy() for piece in part.pieces[place]]
            gold += part.gold[place].tolist()
        return np.array(rows), np.array(gold)

    oracle = LogisticRegression(max_iter=5000, C=10).fit(*states(words.train))
    said = Reader(tokenizer, words, SCHEDULE).refit(model, None)[0]
    correct = correct_of(said, words.test)
    value = correct[:, 0].sum() / correct[:, 1].sum()
    assert value == pytest.approx(oracle.score(*states(words.test)), abs=0.05)
    agreed = np.mean(np.concatenate(said) == oracle.predict(states(words.test)[0]))
    assert agreed > 0.9


def test_accuracy_over_words_and_over_sentences():
    tokenizer = tiny_tokenizer("wordpiece")
    words = words_from(lambda n, seed=0: tagged_sentences(n, seed, documents=12), tokenizer, 20)
    correct = np.array([(k % 3, len(gold)) for k, gold in enumerate(words.test.gold)], dtype=float)
    first, second = score_rows(correct, words, {"variant": "v"})
    assert first["value"] == correct[:, 0].sum() / correct[:, 1].sum()
    assert second["value"] == pytest.approx(np.mean(correct[:, 0] / correct[:, 1]))
    assert first["n_clusters"] == 12
    assert "12 documents" in first["ci_method"]
    gold = np.concatenate(words.test.gold)
    most = np.bincount(np.concatenate(words.train.gold)).argmax()
    assert first["baseline_value"] == pytest.approx(np.mean(gold == most))


def test_a_label_that_was_never_seen_counts_as_wrong():
    tokenizer = tiny_tokenizer("wordpiece")
    words = words_from(tagged_sentences, tokenizer, 20)
    odd = replace(words.test, gold=tuple(np.full_like(one, -1) for one in words.test.gold))
    said = [np.full_like(one, -1) for one in odd.gold]
    assert correct_of(said, odd)[:, 0].sum() == 0
    assert correct_of(said, odd)[:, 1].sum() == odd.n_words


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"draws": -1}, ConfigError), ({"ranks": (0,)}, ConfigError), ({"ranks": (2, 2)}, ConfigError),
     ({"reset": "some"}, UnknownNameError)],
)  # fmt: skip
def test_controls_out_of_range_are_refused(wrong, error):
    with pytest.raises(error):
        Controls(**wrong)


def test_a_penalty_given_twice_is_refused():
    with pytest.raises(ConfigError, match="distinct numbers, got 1, 1"):
        search_property("m", None, None, None, None, [1.0, 1.0], OPTIONS, Controls(), Silent())


def test_complement_and_random_masks_stand_beside_both_encoders(found):
    result, rows, _ = found
    refit = {"variant": "lambda=0.3;units=heads;score=refit"}
    for state in ("pretrained", "untrained"):
        assert len(scores(rows, kind="complement", state=state, **refit)) == 1
        assert scores(rows, kind="random", state=state, **refit)["draw"].tolist() == [0, 1]
    null = result.null[result.null["variant"].str.startswith(refit["variant"])]
    gaps = null[null["metric"] == "mask_minus_complement"].set_index("state")
    for state in ("pretrained", "untrained"):
        one, rest = (scores(rows, kind=kind, state=state, **refit).iloc[0]
                     for kind in ("good", "complement"))  # fmt: skip
        chance = one["baseline_value"]
        wanted = max(one["value"], chance) - max(rest["value"], chance)
        assert gaps.loc[state, "value"] == pytest.approx(wanted)
    # the mask has what the rest lacks only where one head carries the property
    first = gaps.loc["pretrained"]
    assert 0.1 < first["ci_low"] <= first["value"] <= first["ci_high"]
    assert first["value"] > 0.3
    # random weights solve the property under a mask as well; only their complement does so, too
    by = null[null["metric"] == "accuracy"].set_index(["state", "kind"])["value"]
    assert by["pretrained", "good"].item() > 0.95
    assert by["untrained", "good"].item() > 0.95
    assert by["pretrained", "complement"].item() < 0.7
    assert by["untrained", "complement"].item() > 0.95
    assert gaps.loc["untrained", "value"] < 0.05
    trained = null[null["variant"].str.endswith("of=mask_minus_complement")]["value"].item()
    assert trained == pytest.approx(
        gaps.loc["pretrained", "value"] - gaps.loc["untrained", "value"]
    )
