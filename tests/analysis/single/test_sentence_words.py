"""Words of one text on the page of its heads: their numbers are those of the probe."""

import json
import re

import pytest
from subprobe.analysis.report.head_page import heads_numbers, render_heads
from subprobe.analysis.single.sentence_maps import heads_of
from subprobe.data.errors import InputError, UnknownNameError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.models.checkpoint.checkpoint import load_saved, load_tokenizer
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.attribution.attributions import attribute_words
from subprobe.probes.forward.base import Context

TEXT = "the cats <b> saw & dogs"
METHODS = ("integrated-gradients", "saliency")


@pytest.fixture(scope="module")
def classifier(finished_run):
    return str(finished_run / "models" / "acceptability-seed1")


@pytest.fixture(scope="module")
def heads(classifier):
    return heads_of(classifier, None, TEXT, methods=METHODS)


def test_each_word_has_the_number_that_the_probe_gives(heads, classifier):
    model = load_saved(classifier)
    context = Context(model, load_tokenizer(classifier), anatomy_of(model))
    example = Example("view", plain_sentence("first", TEXT))
    assert [one.method for one in heads.words] == list(METHODS)
    for one in heads.words:
        (expected,) = attribute_words(context, [example], method=one.method)
        (sentence,) = one.sentences
        assert [word for word, _ in sentence] == TEXT.split()
        assert [value for _, value in sentence] == pytest.approx(expected.words, abs=1e-7)
        assert one.prediction == model.config.id2label[expected.predicted]


def test_the_page_and_the_numbers_have_every_word(heads):
    page = render_heads(heads)
    shown = re.findall(r'<span class="word[^"]*" data-value="([^"]+)"[^>]*>([^<]+)</span>', page)
    assert [word for _, word in shown] == 2 * ["the", "cats", "&lt;b&gt;", "saw", "&amp;", "dogs"]
    numbers = json.loads(json.dumps(heads_numbers(heads)))["words"]
    values = [round(word["attribution"], 2) for one in numbers for word in one["sentences"][0]]
    assert [float(said.replace("−", "-")) for said, _ in shown] == pytest.approx(values, abs=0.011)
    assert [one["delta"] is None for one in numbers] == [False, True]


def test_without_a_method_there_are_no_words(classifier):
    heads = heads_of(classifier, None, TEXT)
    assert heads.words == ()
    assert "words-title" not in render_heads(heads)


def test_words_need_a_task_head_and_a_method(tiny_encoder, classifier):
    with pytest.raises(InputError, match="needs a model with a task head"):
        heads_of(str(tiny_encoder), None, TEXT, methods=METHODS[:1])
    with pytest.raises(UnknownNameError, match="attribution method"):
        heads_of("no such model", None, TEXT, methods=["gradients"])


def test_the_command_colours_words(classifier, tmp_path, subprobe_command):
    out = tmp_path / "view.html"
    code, _, err = subprobe_command(
        "view", classifier, TEXT, "--attribution", "saliency", "--out", out
    )
    assert code == 0, err
    assert "<strong>saliency</strong>" in out.read_text("utf-8")
    code, _, err = subprobe_command("view", classifier, TEXT, "--attribution", "x", "--out", out)
    assert code == 2
    assert len(err.strip().splitlines()) == 1
