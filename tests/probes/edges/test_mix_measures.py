"""Expected layer, centre of gravity and K(s), on the numbers that were published."""

import numpy as np
import pytest
from scipy.stats import entropy
from subprobe.probes.edges.mix_measures import centre_of_gravity, expected_layer, weights_kl

PUBLISHED = {
    # F1 of mixes 0..12 of bert-base-uncased
    "pos": (
        [88.3952, 93.4826, 94.9644, 95.4243, 95.9719, 96.4355, 96.3890, 96.4161, 96.5560, 96.4781,
         96.5859, 96.4020, 96.4782], 1.76),
    "constituents": (
        [75.1997, 80.5569, 83.0987, 84.8947, 86.0373, 86.4235, 86.7595, 86.7625, 87.2055, 87.0436,
         86.9797, 87.2785, 87.2441], 2.38),
    "dependencies": (
        [85.1990, 90.2369, 91.2977, 92.5571, 93.6569, 94.0952, 94.6465, 94.8954, 95.1667, 95.2115,
         95.0951, 95.3245, 95.2172], 2.52),
    "entities": (
        [89.8686, 93.3274, 94.2983, 94.4166, 95.1909, 95.4043, 95.5909, 95.6814, 95.8536, 95.9136,
         95.9984, 95.9326, 96.0298], 2.42),
    "coreference": (
        [80.0073, 82.5248, 84.2960, 85.1926, 86.9400, 87.5822, 88.2827, 88.8928, 90.2742, 90.3805,
         90.5657, 90.2825, 90.1648], 3.62),
    "dpr": (
        [56.1118, 59.2018, 56.6392, 57.2738, 54.5226, 54.7192, 56.9444, 55.7178, 58.5143, 57.7197,
         57.4822, 59.1484, 55.2180], 23.92),
    # of mixes 0..24 of bert-large-uncased; these two are printed by the authors: 5.691932, 3.792981
    "dependencies, large": (
        [85.6382, 88.1905, 89.0475, 89.7530, 91.5321, 91.8202, 91.7361, 92.0803, 92.2286, 92.4294,
         93.1269, 94.0032, 94.6229, 94.9609, 95.3445, 95.2970, 95.5448, 95.4705, 95.4612, 95.6357,
         95.5997, 95.6314, 95.5466, 95.4966, 95.5181], 5.69),
    "constituents, large": (
        [73.5588, 79.5000, 80.6049, 81.0727, 83.7707, 84.3295, 84.3980, 84.1754, 84.5357, 84.9038,
         85.6799, 86.3901, 86.9543, 86.8418, 86.7555, 86.8608, 87.1781, 86.6804, 87.2505, 87.1349,
         87.2282, 86.8403, 86.6614, 86.8610, 86.9579], 3.79),
}  # fmt: skip
"""Task -> published scores of the cumulative mixes, and the expected layer that they give."""


@pytest.mark.parametrize("task", PUBLISHED)
def test_expected_layer_of_published_scores(task):
    scores, expected = PUBLISHED[task]
    assert float(expected_layer(scores)) == pytest.approx(expected, abs=0.006)
    assert float(expected_layer(np.array(scores) / 100)) == pytest.approx(expected, abs=0.006)


def test_expected_layer_by_hand():
    # gains 2, -1, 3 at layers 1, 2, 3
    assert float(expected_layer([10, 12, 11, 14])) == pytest.approx((2 - 2 + 9) / 4)
    assert float(expected_layer([5, 5, 6])) == 2
    assert np.isnan(expected_layer([5, 7, 5]))
    assert np.isnan(expected_layer([5]))
    several = expected_layer([[0, 1, 1], [0, 0, 1], [1, 1, 1]])
    assert np.allclose(several, [1, 2, np.nan], equal_nan=True)


def test_centre_of_gravity():
    assert float(centre_of_gravity(np.full(13, 1 / 13))) == pytest.approx(6)
    assert float(centre_of_gravity(np.full(7, 1 / 7))) == pytest.approx(3)
    assert np.allclose(centre_of_gravity(np.array([[0, 0, 1], [0.5, 0.25, 0.25]])), [2, 0.75])


def test_kl_from_the_uniform_weights_in_bits():
    assert float(weights_kl(np.full(13, 1 / 13))) == pytest.approx(0, abs=1e-12)
    assert float(weights_kl([0, 0, 0, 1])) == pytest.approx(2)  # log2 of 4
    drawn = np.random.default_rng(0).dirichlet(np.ones(13), size=4)
    expected = [entropy(one, qk=np.ones(13), base=2) for one in drawn]
    assert np.allclose(weights_kl(drawn), expected)
