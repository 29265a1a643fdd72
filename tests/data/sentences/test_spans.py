import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.sentences.annotate import annotate, find_pipeline
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.sentence import Sentence, plain_sentence
from subprobe.data.sentences.spans import joined_spans, locate_words, word_spans


def cut(sentence):
    """What stands in the text where the words are said to be."""
    return [sentence.raw_text()[start:end] for start, end in word_spans(sentence)]


def test_words_are_found_in_order_whatever_stands_between():
    text = '\u00a0I  ca\u2003n\'t\tsay\u00a0\u00a0"a-b" . '
    assert locate_words(("I", "ca", "n't", "say", '"', "a-b", '"', "."), text) == (
        (1, 2), (4, 6), (7, 10), (11, 14), (16, 17), (17, 20), (20, 21), (22, 23),
    )  # fmt: skip
    assert locate_words(("10 000", "x"), "10000 x") == ((0, 5), (6, 7))
    assert locate_words(("10000",), "10 000") == ((0, 6),)
    assert locate_words((), " ") == ()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("a", "cat"), "a dog"),
        (("a",), "a dog"),
        (("a", "dog", "s"), "a dog"),
        (("dog", "a"), "a dog"),
        ((), "a"),
        (("cafe\u0301",), "café"),
    ],
)
def test_words_that_do_not_make_up_the_text_are_not_found(words, text):
    assert locate_words(words, text) is None
    assert word_spans(Sentence("s", words, text=text)) is None


def test_a_sentence_without_a_text_has_single_spaces():
    assert joined_spans(("a", "bc", "")) == ((0, 1), (2, 4), (5, 5))
    assert cut(Sentence("s", ("a", "bc"))) == ["a", "bc"]


@pytest.mark.parametrize("spans", [((0, 1),), ((0, 2), (0, 9)), ((1, 2), (0, 3)), ((2, 1), (2, 3))])
def test_spans_that_are_none_are_refused(spans):
    with pytest.raises(DataFileError, match="span"):
        Sentence("s", ("a", "bc"), text="a bc", spans=spans)


def test_parsed_texts_keep_their_blanks():
    pipeline = find_pipeline()
    texts = [
        "I  don't think so,\u00a0she said.",
        'A "state-of-the-art" idea\u2026 he’d\tcan\'t   help :-)',
        "👩\u200d👧 loves 🇩🇪.",
    ]
    for sentence in annotate([plain_sentence("s", text) for text in texts], pipeline):
        assert sentence.text in texts
        assert len(sentence.spans) == len(sentence.words) > 4
        assert cut(sentence) == list(sentence.words)


LINES = [
    "# text = Don't cannot du 10 000.",
    "1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_",
    "1\tDo\t_\tAUX\t_\t_\t0\troot\t_\t_",
    "2\tn't\t_\tPART\t_\t_\t1\tdep\t_\t_",
    "3-4\tcannot\t_\t_\t_\t_\t_\t_\t_\t_",
    "3\tcan\t_\tAUX\t_\t_\t1\tdep\t_\t_",
    "4\tnot\t_\tPART\t_\t_\t1\tdep\t_\t_",
    "5-6\tdu\t_\t_\t_\t_\t_\t_\t_\t_",
    "5\tde\t_\tADP\t_\t_\t1\tdep\t_\t_",
    "6\tle\t_\tDET\t_\t_\t1\tdep\t_\t_",
    "6.1\tghost\t_\tNOUN\t_\t_\t_\t_\t_\t_",
    "7\t10 000\t_\tNUM\t_\t_\t1\tdep\t_\tSpaceAfter=No",
    "8\t.\t_\tPUNCT\t_\t_\t1\tpunct\t_\t_",
]


def read(tmp_path, lines):
    path = tmp_path / "x.conllu"
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (sentence,) = read_conllu(path)
    return sentence


@pytest.mark.parametrize("first", [0, 1])
def test_syntactic_words_stand_where_their_surface_token_does(tmp_path, first):
    """With `# text` and without it, where the text is made from the forms."""
    sentence = read(tmp_path, LINES[first:])
    assert sentence.text == "Don't cannot du 10 000."
    assert cut(sentence) == ["Do", "n't", "can", "not", "du", "du", "10 000", "."]


def test_forms_that_differ_from_the_text_are_not_placed(tmp_path):
    sentence = read(tmp_path, ["# text = Something else.", *LINES[1:]])
    assert (sentence.text, sentence.spans) == ("Something else.", ())
    assert word_spans(sentence) is None


def test_every_sentence_of_a_real_treebank_is_placed(realdata):
    sentences = read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")[:400]
    placed = [one for one in sentences if word_spans(one) is not None]
    assert len(placed) == len(sentences) == 400
    for one in sentences:
        text = one.raw_text()
        for word, (start, end) in zip(one.words, word_spans(one), strict=True):
            assert text[start:end].lower() == word.lower() or word in ("_", "*")
