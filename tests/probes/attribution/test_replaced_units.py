"""Gates that a probe adds to a masked classifier replace units as the mask does."""

import numpy as np
import pytest
import torch
from subprobe.models.ablation.constants import with_ablation
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.probes.attribution.classified import classifier
from subprobe.probes.forward.base import Context
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

L, H = 2, 4


@pytest.mark.parametrize("every_token", [False, True])
@pytest.mark.parametrize(
    ("family", "ablation"), [("bert", "mean"), ("bert", "mean-by-position"), ("albert", "mean")]
)
def test_one_more_pruned_head_is_the_mask_without_it(family, ablation, every_token):
    model, tokenizer = tiny_model(family, "classification"), tiny_tokenizer(TOKENIZER_OF[family])
    head = np.ones((L, H), dtype=bool)
    head[0, 1] = False
    mask = Subnetwork(head, np.array([True, False]))
    mask = with_ablation(mask, ablation, model.eval(), tokenizer, toy_parts(), max_length=32)
    head[1, 2] = False
    ids = torch.randint(5, 500, (3, 9), generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), gated(model, mask.with_meta(head_mask=head)):
        expected = model(input_ids=ids).logits
    gate = torch.ones(L, H)
    gate[1, 2] = 0
    with classifier(
        Context(model, tokenizer, anatomy_of(model), mask), every_token=every_token
    ) as inner:
        with torch.no_grad(), Gates(inner.model, gate):
            found = inner.model(input_ids=ids).logits
        plain = inner.model(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-5)
    assert (plain - expected).abs().max() > 1e-3
