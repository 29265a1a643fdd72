"""Candidates of each source."""

import numpy as np
import pytest
import torch
from attack_cases import made_examples, tiny_encoder
from probe_cases import tiny_context
from subprobe.data.errors import AnnotationError, InputError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.words.neighbours import VectorSpace
from subprobe.data.words.tags import Spelled, universal_tags
from subprobe.probes.attack.answers import SentenceEncoder, similarity
from subprobe.probes.attack.attack import run_attack, source_name
from subprobe.probes.attack.attacked_text import AttackedText, is_stop_word
from subprobe.probes.attack.masked_words import from_language_model, whole_words
from subprobe.probes.attack.sources import from_space, from_vectors, from_wordnet
from tiny import tiny_model, tiny_tokenizer

TEXT = AttackedText.of(Example("e", plain_sentence("s", "The good Films ran.")))
SPACE = VectorSpace(
    ["good", "bad", "great", "3d", "fine", "films", "the"],
    np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4], [0, 1], [0, 1]], dtype=np.float32),
)


def test_wordnet_gives_synonyms_of_the_tagged_part_of_speech():
    [found] = from_wordnet(3)([TEXT], [["DET", "ADJ", "NOUN", "VERB"]])
    assert found[2] == ("Movies", "Pictures", "Cinemas")
    assert len(found[1]) == len(found[3]) == 3
    assert 0 not in found
    [verbs] = from_wordnet(50)([TEXT], [["DET", "ADJ", "VERB", "VERB"]])
    assert set(verbs[2]) == {"Shoots", "Takes"}
    [none] = from_wordnet(0)([TEXT], [["DET", "ADJ", "NOUN", "VERB"]])
    assert not any(none.values())


def test_a_filtered_space_gives_no_antonyms():
    [found] = from_space(SPACE, 50, 0.5, filtered=False)([TEXT], [])
    assert found == {1: ("bad", "great", "3d", "fine"), 2: ("The",), 3: ()}
    [found] = from_space(SPACE, 50, 0.5, filtered=True)([TEXT], [])
    assert found[1] == ("great", "fine")


def test_vectors_are_read_from_a_file(tmp_path):
    (tmp_path / "v.txt").write_text("good 1 0\ngreat 1 0.1\nfilms 0 1\n", encoding="utf-8")
    [found] = from_vectors(tmp_path / "v.txt", 50, 0.5)([TEXT], [])
    assert found == {1: ("great",), 2: (), 3: ()}


@pytest.mark.parametrize(("family", "kind"), [("bert", "wordpiece"), ("roberta", "bpe")])
def test_a_language_model_gives_its_most_probable_words(family, kind):
    model, tokenizer = tiny_model(family, "language").double(), tiny_tokenizer(kind)
    text = AttackedText.of(Example("e", plain_sentence("s", "The quick dogs slept carefully.")))
    assert not is_stop_word("dogs")
    [found] = from_language_model(model, tokenizer, 4)([text], [])
    assert set(found) == {1, 2, 3, 4}
    words = whole_words(tokenizer)
    masked = tokenizer(f"The quick {tokenizer.mask_token} slept carefully.", return_tensors="pt")
    place = masked["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.no_grad():
        logits = model(**masked).logits[0, place]
    expected = [words[i] for i in logits.argsort(descending=True).tolist() if i in words]
    likely = [word for word in dict.fromkeys(expected) if word.lower() != "dogs"]
    assert list(found[2]) == likely[: len(found[2])]
    assert 0 < len(found[2]) <= 4


def test_models_with_few_positions_read_what_fits():
    text = AttackedText.of(
        Example("e", plain_sentence("s", "The quick dogs slept carefully. " * 9))
    )
    tokenizer = tiny_tokenizer("wordpiece")
    model = tiny_model("bert", "language", positions=32)
    [found] = from_language_model(model, tokenizer, 2)([text], [])
    assert {1, 2, 3} <= set(found)
    assert max(found) < len(text.words) - 1
    encoder = SentenceEncoder(tiny_model("bert", positions=32).double(), tokenizer, 2)
    np.testing.assert_allclose(np.linalg.norm(encoder([text.text]), axis=1), 1)


def test_a_language_model_reads_as_much_as_it_has_positions_for():
    text = AttackedText.of(Example("e", plain_sentence("s", "Quick dogs slept carefully. " * 50)))
    tokenizer = tiny_tokenizer("wordpiece")
    models = (tiny_model("bert", "language", positions=n) for n in (128, 512))
    few, many = (max(from_language_model(model, tokenizer, 2)([text], [])[0]) for model in models)
    assert many > 3 * few


def test_only_pieces_that_start_words_are_words():
    for kind in ("wordpiece", "bpe", "unigram"):
        tokenizer = tiny_tokenizer(kind)
        words = whole_words(tokenizer)
        assert words
        for number, word in words.items():
            assert word.isalpha()
            assert number not in tokenizer.all_special_ids


def test_the_tagger_tags_words_in_their_context():
    texts = [
        Spelled(("She", "saw", "the", "old", "dog", "."), (True,) * 4 + (False, False)),
        Spelled(("The", "saw", "was", "old", "."), (True,) * 3 + (False, False)),
    ]
    tags = universal_tags(texts)
    assert tags[0] == ("PRON", "VERB", "DET", "ADJ", "NOUN", "PUNCT")
    assert tags[1][1] == "NOUN"
    assert universal_tags([]) == []
    with pytest.raises(AnnotationError):
        universal_tags(texts, "xx_none")


def test_similarity_is_one_minus_the_angle():
    one, other = np.array([1.0, 0.0]), np.array([np.cos(0.3), np.sin(0.3)])
    assert similarity(one, one) == 1
    assert similarity(one, other) == pytest.approx(0.7, abs=1e-6)
    assert similarity(one, -one) == pytest.approx(1 - np.pi, abs=1e-6)


def test_vectors_of_texts_do_not_depend_on_padding():
    texts = ["The dog.", "The cats that the dog chased were sleeping.", "No."]
    together, alone = tiny_encoder(3)(texts), [tiny_encoder(1)([one])[0] for one in texts]
    np.testing.assert_allclose(together, alone, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1)


def test_models_and_examples_that_cannot_be_attacked_are_refused():
    examples = made_examples(2)
    with pytest.raises(InputError, match="predicts a number"):
        run_attack(tiny_context("bert", "classification", num_labels=1), examples)
    with pytest.raises(InputError, match="needs a model with a task head"):
        run_attack(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="no examples"):
        run_attack(tiny_context("bert", "classification"), [])
    for label, said in (
        (None, "no label"),
        (2, "label 2 is not a class"),
        (0.5, "label 0.5 is not a class"),
    ):
        wrong = Example("x", plain_sentence("s", "A dog."), label=label)
        with pytest.raises(InputError, match=f"'x': {said}"):
            run_attack(tiny_context("bert", "classification"), [*examples, wrong])


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (("wordnet",), "wordnet"),
        (("vectors", "/home/me/counter-fitted-vectors.txt"), "vectors:counter-fitted-vectors.txt"),
        (("vectors", "C:\\files\\v;x=1.txt"), "vectors:v_x_1.txt"),
        (("mlm",), "mlm:probed"),
        (("mlm", "", "models/mine/"), "mlm:mine"),
        (("mlm", "", "google-bert/bert-base-cased"), "mlm:bert-base-cased"),
    ],
)
def test_rows_name_the_file_or_model_of_candidates_without_its_folder(asked, name):
    assert source_name(*asked) == name
