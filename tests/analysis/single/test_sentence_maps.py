"""The page of one sentence: its numbers are those of a plain pass, and nothing leaves it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from subprobe.analysis.report.head_page import heads_numbers, page_data, render_heads
from subprobe.analysis.single.sentence_maps import KINDS, Heads, heads_of
from subprobe.models.checkpoint.checkpoint import load_encoder, load_tokenizer
from subprobe.models.checkpoint.compact_files import save_compact
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.smaller.shrink import shrink
from tiny import POST_NORM, tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder

TEXT = "The cats that the dog near the houses chased were sleeping."
DEAD = ((0, 1), (1, 0), (1, 3))
VOID = {"meta", "input", "br", "link", "img"}


def mask_of(model):
    whole = full_subnetwork(anatomy_of(model), kind="good", method="structured",
                            fingerprint=weights_fingerprint(model))  # fmt: skip
    heads = np.array(whole.head_mask)
    heads[tuple(zip(*DEAD, strict=True))] = False
    return replace(whole, head_mask=heads)


@pytest.fixture(scope="module")
def mask(tiny_encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "good.safetensors"
    mask_of(load_encoder(str(tiny_encoder))).save(path)
    return path


@pytest.fixture(scope="module")
def heads(tiny_encoder, mask):
    return heads_of(str(tiny_encoder), mask, TEXT)


def plain_maps(model, tokenizer, words, mask):
    """Attention [L, H, n, n] by transformers itself, and the weighted norms from its states."""
    inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    model.set_attn_implementation("eager")
    with torch.no_grad(), gated(model, mask):
        output = model(**inputs, output_attentions=True, output_hidden_states=True)
    alpha = torch.stack([one[0] for one in output.attentions]).double()
    anatomy, norms = anatomy_of(model), []
    for layer in range(anatomy.num_layers):
        value = anatomy.value_projection(model, layer)
        out = anatomy.attention_projection(model, layer).weight.detach()
        vectors = value(output.hidden_states[layer][0]).detach()
        d = anatomy.head_size
        norms.append(torch.stack([
            (vectors[:, h * d : (h + 1) * d] @ out[:, h * d : (h + 1) * d].T).norm(dim=-1)
            for h in range(anatomy.num_heads)
        ]))  # fmt: skip
    return alpha.numpy(), (alpha * torch.stack(norms).double()[:, :, None]).numpy()


class Page(HTMLParser):
    """Collects elements, and holds that they are nested as they should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data


def embedded(text):
    """Maps of the page as its script reads them: kind -> [L, H, n, n]."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    data = json.loads(found[1])
    n, alive = len(data["tokens"]), np.array(data["alive"], dtype=bool)
    maps = {}
    for kind, one in data["kinds"].items():
        packed = np.frombuffer(base64.b64decode(one["data"]), dtype=f"<u{data['bytes']}")
        low, high = (np.array(one[name])[..., None, None] for name in ("low", "high"))
        maps[kind] = low + packed.reshape(*alive.shape, n, n) * (high - low) / data["levels"]
    return data, maps, alive


def test_the_page_holds_the_numbers_of_a_plain_pass(heads, tiny_encoder):
    data, maps, alive = embedded(render_heads(heads))
    assert set(maps) == set(KINDS)
    model, tokenizer = load_encoder(str(tiny_encoder)), load_tokenizer(str(tiny_encoder))
    mask = mask_of(model)
    np.testing.assert_array_equal(alive, mask.head_mask)
    masked = plain_maps(model, tokenizer, TEXT.split(), mask)
    whole = plain_maps(model, tokenizer, TEXT.split(), None)
    for kind, ours, before in zip(("attention", "norm"), masked, whole, strict=True):
        expected = np.where(alive[..., None, None], ours, before)
        scale = np.abs(expected).max((2, 3), keepdims=True)
        assert (np.abs(maps[kind] - expected) / scale).max() < 1e-4
        # what a mask does is far above that
        moved = np.abs(ours - before).max((2, 3))[1][alive[1]]
        assert (moved / scale[1, alive[1], 0, 0]).min() > 1e-2
    assert len(data["tokens"]) == maps["attention"].shape[-1]
    # heads of 8 dimensions do not show all of a longer text's attention
    assert np.abs(maps["effective"] - maps["attention"]).max() > 1e-2


def test_tokens_are_the_text_and_marks_are_kept(heads, tiny_encoder):
    tokenizer = load_tokenizer(str(tiny_encoder))
    pieces = tokenizer.convert_ids_to_tokens(tokenizer(TEXT.split(), is_split_into_words=True)
                                             ["input_ids"])  # fmt: skip
    assert [
        heads.tokens[0],
        *(one.lower() for one in heads.tokens[1:-1]),
        heads.tokens[-1],
    ] == pieces
    assert any(token.startswith("##") for token in heads.tokens)
    assert "The".startswith(heads.tokens[1])


def test_nothing_leaves_the_page(heads):
    text = render_heads(heads)
    page = Page(text)
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp|src\s*=", text)
    policy = [a["content"] for _, a in page.elements if "http-equiv" in a]
    (style,), (script,) = (
        re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S) for tag in ("style", "script")
    )
    digests = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (style, script)
    ]
    assert policy == [
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'"
    ]
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object"}
        assert not {"src", "href", "srcset", "action"} & set(attributes)
    assert render_heads(heads) == text


def test_every_head_is_a_button_that_says_what_it_is(heads):
    page = Page(render_heads(heads))
    labels = [attributes["aria-label"] for tag, attributes in page.elements if tag == "button"]
    assert labels == [
        f"layer {layer}, head {head}, {'pruned' if (layer, head) in DEAD else 'kept'}"
        for layer in range(2) for head in range(4)
    ]  # fmt: skip
    crossed = [a for tag, a in page.elements if tag == "button" and a.get("class") == "dead"]
    assert len(crossed) == len(DEAD)
    kinds = [a["value"] for _, a in page.elements if a.get("name") == "kind"]
    assert kinds == list(KINDS)
    live = [a for _, a in page.elements if "aria-live" in a]
    assert live
    assert any(
        a.get("role") == "application" and a.get("tabindex") == "0" for _, a in page.elements
    )


EVIL = "</script><b onclick=x> [SEP] & \"q\" 'a' <!-- \u2028"


def test_text_that_spells_markup_stays_text(tiny_encoder):
    heads = heads_of(str(tiny_encoder), None, EVIL, "{{ 7 * 7 }} <script>")
    text = render_heads(heads)
    page = Page(text)
    assert EVIL in page.texts["h1"]
    assert "{{ 7 * 7 }}" in page.texts["h1"]
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert not any(tag == "b" for tag, _ in page.elements)
    data, _, _ = embedded(text)
    assert data["tokens"] == list(heads.tokens)
    assert "".join(data["tokens"]).count("[SEP]") == 2  # the two real ones, not the spelt one
    shown = "".join(token.removeprefix("##") for token in data["tokens"][1:])
    assert "</script>" in shown
    assert not heads.before


def test_numbers_are_null_where_a_head_is_dead(heads):
    found = heads_numbers(heads)
    json.dumps(found, allow_nan=False)
    for layer, head in np.ndindex(2, 4):
        dead = (layer, head) in DEAD
        assert (found["alive"][layer][head] == 0) == dead
        for kind in KINDS:
            assert (found["maps"][kind][layer][head] is None) == dead
            assert (found["before"][kind][layer][head] is None) == (not dead)
    np.testing.assert_allclose(np.sum(found["maps"]["attention"][0][0], axis=-1), 1, atol=1e-5)


def test_long_texts_take_one_byte_a_value(monkeypatch):
    monkeypatch.setattr("subprobe.analysis.report.head_page.FINE", 50)
    n = 6
    maps = np.random.default_rng(0).random((1, 2, n, n)) - 0.2
    long = Heads("m", "s", ("a",) * n, np.ones((1, 2), bool), False, {"effective": maps}, {})
    data = page_data(long)
    one = data["kinds"]["effective"]
    assert (data["bytes"], data["levels"]) == (1, 255)
    packed = np.frombuffer(base64.b64decode(one["data"]), dtype=np.uint8).reshape(maps.shape)
    low, high = (np.array(one[name])[..., None, None] for name in ("low", "high"))
    np.testing.assert_allclose(low + packed * (high - low) / 255, maps, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("family", ["roberta", "mpnet", "deberta-v2", "albert", "modernbert"])
def test_families_that_cannot_be_taken_apart_show_attention_alone(family, tmp_path):
    save_tiny_encoder(tmp_path / "m", family)
    heads = heads_of(str(tmp_path / "m"), None, "She saw naïve cats.", "It rained.")
    assert set(heads.maps) == (set(KINDS) if family in POST_NORM else {"attention"})
    np.testing.assert_allclose(heads.maps["attention"].sum(-1), 1, atol=1e-5)
    # both bytes of a character are shown as the character
    assert "naïve" in "".join(heads.tokens).replace("ïï", "ï")
    Page(render_heads(heads))


def test_a_smaller_model_shows_what_it_has(tmp_path):
    model = tiny_model("bert")
    mask = mask_of(model)
    save_compact(shrink(model, mask), tiny_tokenizer("wordpiece"), tmp_path / "small", mask, {})
    heads = heads_of(str(tmp_path / "small"), None, TEXT)
    np.testing.assert_array_equal(heads.alive, mask.head_mask)
    assert not heads.before
    assert set(heads.maps) == {"attention"}
    np.testing.assert_allclose(heads.maps["attention"][heads.alive].sum(-1), 1, atol=1e-5)
    Page(render_heads(heads))


# -- the command --------------------------------------------------------------------------------


def test_the_command_writes_a_page_and_prints_numbers(
    subprobe_command, tiny_encoder, mask, heads, tmp_path
):
    asked = ["view", tiny_encoder, TEXT, "--mask", mask]
    code, out, err = subprobe_command(*asked, "--out", tmp_path / "view.html")
    assert (code, out) == (0, "")
    assert "5 of 8 heads kept" in err
    assert (tmp_path / "view.html").read_text("utf-8") == render_heads(heads)
    code, out, _ = subprobe_command(*asked, "--json")
    assert code == 0
    assert json.loads(out) == heads_numbers(heads)


def test_what_cannot_be_shown_is_one_line(subprobe_command, tiny_encoder, mask, tmp_path):
    tiny_model("bert", layers=3).save_pretrained(tmp_path / "deep")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "deep")
    cases = (
        ([tiny_encoder, "  "], "SENTENCE: is empty"),
        ([tiny_encoder, "A cat.", "--second", ""], "--second: is empty"),
        ([tiny_encoder, "cat " * 127], "the model 128 positions"),
        ([tiny_encoder, "cat " * 70, "--second", "dog " * 70], "the model 128 positions"),
        ([tmp_path / "deep", "A cat.", "--mask", mask], "[L, H] = [2, 4]"),
        (["./nowhere", "A cat."], "nowhere"),
    )
    page = tmp_path / "out" / "view.html"
    for words, said in cases:
        code, out, err = subprobe_command("view", *words, "--out", page)
        assert (code, out) == (2, ""), err
        assert err.count("error: ") == 1
        assert said in err, err
        assert not page.parent.exists()
    code, _, err = subprobe_command("view", tiny_encoder, "A cat.")
    assert code == 2
    assert "--out view.html" in err
