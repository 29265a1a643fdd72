"""The probed head: what it reads, what it is fitted to, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from subprobe.data.encoding.collate import text_batches
from subprobe.data.errors import InputError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.task_head import INVERSE_PENALTY, probe_head
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

COUNT = 24


class Scaler(TransformerMixin, BaseEstimator):
    """Zero mean and unit deviation, feature by feature; small deviations are floored."""

    def fit(self, features, labels=None):
        columns = list(features.T)
        self.means_ = [sum(column) / len(column) for column in columns]
        deviations = [
            (sum((x - m) ** 2 for x in column) / len(column)) ** 0.5
            for column, m in zip(columns, self.means_, strict=True)
        ]
        least = 0.1 * sum(deviations) / len(deviations)
        self.scales_ = [max(deviation, least) for deviation in deviations]
        return self

    def transform(self, features):
        return (features - np.array(self.means_)) / np.array(self.scales_)


def setting(family: str = "bert", classes: int = 2):
    parts = toy_parts(classes, train=COUNT)
    model = tiny_model(family, head="classification", num_labels=classes)
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    return model, parts, text_batches(tokenizer, parts.train, batch_size=8, max_length=32)


def logits_of(model, encoded, places, subnetwork=None):
    """One example at a time, [N, K]."""
    model.eval()
    rows = []
    with torch.no_grad(), gated(model, subnetwork):
        for place in places:
            batch = encoded.batch((place,))
            out = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
            rows.append(out.logits[0].double().numpy())
    return np.array(rows)


def features_of(model, encoded, places, subnetwork=None):
    """What the last linear layer reads, one example at a time: the layer is made the identity."""
    head = model.classifier
    layer = head if isinstance(head, torch.nn.Linear) else head.out_proj
    kept = layer.weight, layer.bias
    size = layer.in_features
    layer.weight = torch.nn.Parameter(torch.eye(size))
    layer.bias = torch.nn.Parameter(torch.zeros(size))
    features = logits_of(model, encoded, places, subnetwork)
    layer.weight, layer.bias = kept
    return features


def drawn(seed):
    return np.sort(np.random.default_rng(seed).permutation(COUNT)[: COUNT // 2])


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_the_head_gives_the_probabilities_of_scikit_learn(family):
    model, parts, encoded = setting(family)
    places = drawn(5)
    features = features_of(model, encoded, range(COUNT))
    labels = np.array([example.label for example in parts.train])
    oracle = make_pipeline(Scaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)).fit(
        features[places], labels[places]
    )

    before = logits_of(model, encoded, range(COUNT))
    probe_head(model, parts, encoded, seed=5)
    logits = logits_of(model, encoded, range(COUNT))

    probabilities = torch.softmax(torch.from_numpy(logits), -1).numpy()
    np.testing.assert_allclose(probabilities, oracle.predict_proba(features), atol=1e-4)
    assert np.abs(before - logits).max() > 0.05


@pytest.mark.parametrize("classes", [3, 1])
def test_several_classes_and_regression(classes):
    model, parts, encoded = setting(classes=classes)
    places = drawn(1)
    features = features_of(model, encoded, range(COUNT))
    labels = np.array([example.label for example in parts.train])
    probe_head(model, parts, encoded, seed=1)
    logits = logits_of(model, encoded, range(COUNT))
    if classes == 1:
        fitted = make_pipeline(Scaler(), Ridge(alpha=1 / INVERSE_PENALTY))
        expected = fitted.fit(features[places], labels[places]).predict(features)
        np.testing.assert_allclose(logits[:, 0], expected, atol=1e-4)
    else:
        fitted = make_pipeline(Scaler(), LogisticRegression(C=INVERSE_PENALTY))
        expected = fitted.fit(features[places], labels[places]).predict_proba(features)
        probabilities = torch.softmax(torch.from_numpy(logits), -1).numpy()
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_only_the_output_layer_changes_and_no_hook_stays():
    model, parts, encoded = setting()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    probe_head(model, parts, encoded, seed=0)
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_features_are_read_under_the_mask():
    masked, parts, encoded = setting()
    plain = setting()[0]
    full = full_subnetwork(anatomy_of(masked))
    heads = np.array([[True, False, False, False]] * 2)
    mask = replace(full, head_mask=heads, mlp_mask=np.zeros(2, dtype=np.bool_))
    probe_head(plain, parts, encoded, seed=0)
    probe_head(masked, parts, encoded, seed=0, subnetwork=mask)
    difference = (plain.classifier.weight - masked.classifier.weight).abs().max()
    assert difference > 1e-3


def test_the_seed_draws_the_examples():
    heads = []
    for seed in (0, 0, 1):
        model, parts, encoded = setting()
        probe_head(model, parts, encoded, seed=seed)
        heads.append(model.classifier.weight.detach().clone())
    assert torch.equal(heads[0], heads[1])
    assert not torch.allclose(heads[0], heads[2], atol=1e-3)


def test_examples_of_one_class_teach_no_head():
    model, parts, encoded = setting()
    alike = replace(parts, train=tuple(replace(one, label=1) for one in parts.train))
    with pytest.raises(InputError, match=f"all {COUNT} training examples have one class"):
        probe_head(model, alike, encoded, seed=1)


def test_one_number_is_learnt_as_it_is():
    parts = toy_parts(1, train=1)
    model = tiny_model("bert", head="classification", num_labels=1)
    encoded = text_batches(tiny_tokenizer("wordpiece"), parts.train, batch_size=8, max_length=32)
    probe_head(model, parts, encoded, seed=1)
    (found,) = logits_of(model, encoded, [0])
    assert found[0] == pytest.approx(parts.train[0].label, abs=1e-5)
