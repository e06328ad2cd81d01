"""Decoding: Viterbi and span probabilities against enumeration, the document vote by hand, windows, the Decision."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_crf import make_crf

from cbpner.base.errors import InputError
from cbpner.decoding.conventions import trim_span
from cbpner.decoding.decision import KEY, Decision, read_decision
from cbpner.decoding.decode import decode_documents, decode_spans
from cbpner.decoding.document_vote import ScoredSpan, find_occurrences, vote_spans
from cbpner.decoding.probabilities import Chain, find_likely_spans, grammar_chain, score_spans, sum_entropies
from cbpner.decoding.viterbi import cut_path, viterbi
from cbpner.decoding.windows import score_sentences
from cbpner.text.labels import LabelSet, TagSpan, may_follow, spans_to_tags, tags_to_spans
from cbpner.text.tokenizer import CharacterTable

LABELS = LabelSet(("gene", "disease"))
TAGS = LABELS.tags


def make_scores(seed, lengths, scale=1.0):
    draw = np.random.default_rng(seed)
    return [(scale * draw.normal(size=(length, len(TAGS)))).astype(np.float32) for length in lengths]


CHAINS = {"linear": grammar_chain(LABELS), "crf": make_crf(LABELS).chain()}


def weigh_sequences(scores, chain):
    """{tag sequence: probability} of one text, by enumeration."""
    weights = {}
    for sequence in itertools.product(range(len(TAGS)), repeat=len(scores)):
        moves = chain.moves[[len(TAGS), *sequence[:-1]], list(sequence)]
        weights[sequence] = np.exp(scores[range(len(scores)), sequence].sum() + moves.sum() + chain.end[sequence[-1]])
    total = sum(weights.values())
    return {sequence: weight / total for sequence, weight in weights.items()}


def enumerate_spans(scores, chain):
    """{(start, end, number of B-): probability} of every span of one text."""
    found = Counter()
    for sequence, share in weigh_sequences(scores, chain).items():
        for start, end, label in tags_to_spans([TAGS[number] for number in sequence], strict=True):
            found[start, end, TAGS.index(f"B-{label}")] += share
    return dict(found)


# ---- sentences one by one ----


@pytest.mark.parametrize("head", CHAINS)
def test_viterbi_equals_enumeration_over_sequences_of_many_lengths(head):
    scores, chain = make_scores(0, (1, 4, 2, 4, 3, 1)), CHAINS[head]
    expected = [max((weights := weigh_sequences(row, chain)), key=weights.get) for row in scores]
    for batch in (1, 2, 100):
        assert [tuple(path.tolist()) for path in viterbi(scores, *chain, batch)] == expected


def test_spans_of_tag_numbers_are_those_of_tags():
    """Of all sequences of up to four tags of two types, legal or not."""
    for path in itertools.chain.from_iterable(itertools.product(range(5), repeat=length) for length in range(5)):
        found = [(start, end, TAGS[begin]) for start, end, begin in cut_path(np.array(path, dtype=np.int64))]
        expected = tags_to_spans([TAGS[number] for number in path])
        assert found == [(start, end, f"B-{label}") for start, end, label in expected], path


def test_greedy_takes_each_characters_best_even_where_the_grammar_forbids_it():
    scores = np.full((2, 5), -5.0, dtype=np.float32)
    scores[0, 2] = scores[1, 4] = 0.0
    greedy, legal = (
        decode_documents([["甲乙"]], [scores], LABELS, CHAINS["linear"], Decision(decoder))[0]
        for decoder in ("greedy", "viterbi")
    )
    assert greedy == ["I-gene", "I-disease"]
    assert all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *legal)))


@pytest.mark.parametrize("head", CHAINS)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_span_probabilities_are_those_of_all_sequences_together(head, temperature):
    scores, chain = make_scores(1, (1, 4, 3, 2)), CHAINS[head]
    cooled = Chain(*(part / temperature for part in chain))
    expected = [enumerate_spans(row / temperature, cooled) for row in scores]
    values = score_spans(scores, [list(each) for each in expected], chain, temperature)
    for found, wanted in zip(values, expected, strict=True):
        np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("head", CHAINS)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_entropies_are_those_of_the_enumerated_marginals(head, temperature):
    (scores,), chain = make_scores(2, [4]), CHAINS[head]
    marginals = np.zeros((4, len(TAGS)))
    cooled = Chain(*(part / temperature for part in chain))
    for sequence, share in weigh_sequences(scores / temperature, cooled).items():
        marginals[range(4), sequence] += share
    logs = np.log(np.where(marginals > 0, marginals, 1))
    assert sum_entropies([scores], chain, temperature)[0] == pytest.approx(-(marginals * logs).sum(), rel=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([0.05, 0.2, 0.5]), st.floats(0.3, 4))
@pytest.mark.slow
def test_every_span_that_is_likely_enough_is_found(seed, threshold, scale):
    scores = make_scores(seed, (4, 0, 2, 1), scale)
    chain = make_crf(LABELS, seed).chain() if seed % 2 else CHAINS["linear"]
    for row, spans in zip(scores, find_likely_spans(scores, chain, threshold), strict=True):
        wanted = enumerate_spans(row, chain) if len(row) else {}
        assert [span for span, _ in spans] == sorted(span for span, value in wanted.items() if value >= threshold)
        assert all(value == pytest.approx(wanted[span], rel=1e-5) for span, value in spans)


def test_tags_are_those_of_the_likely_spans():
    scores = make_scores(3, (5, 1, 4), 2.0)
    documents = [["甲乙丙丁戊", "甲"], ["甲乙丙丁"]]
    tags = decode_documents(documents, scores, LABELS, CHAINS["linear"], Decision("spans"))
    for row, sentence in zip(scores, tags, strict=True):
        wanted = [span for span, value in enumerate_spans(row, CHAINS["linear"]).items() if value > 0.5]
        assert [(s, e, TAGS.index(f"B-{label}")) for s, e, label in tags_to_spans(sentence)] == sorted(wanted)
    assert any(tag != "O" for sentence in tags for tag in sentence)


@pytest.mark.parametrize("decoder", ["viterbi", "greedy", "spans"])
def test_a_score_is_the_spans_probability_at_the_temperature(decoder):
    scores = np.log(np.array([[0.2, 0.65, 0.15, 1e-9, 1e-9]], dtype=np.float32))  # no I- is legal: 0.65 of 0.85
    chain = CHAINS["linear"]
    ((span,),) = decode_spans(["甲"], [scores], LABELS, chain, Decision(decoder))
    assert span == (0, 1, "gene", pytest.approx(0.65 / 0.85, abs=1e-6))
    cool = decode_spans(["甲"], [scores], LABELS, chain, Decision(decoder, temperature=2.0))[0][0].score
    assert cool == pytest.approx(0.65**0.5 / (0.65**0.5 + 0.2**0.5), abs=1e-4)
    assert decode_spans(["甲"], [scores], LABELS, chain, Decision("spans", 0.8)) == [[]]


def test_before_a_vote_the_probabilities_of_spans_trimmed_alike_add_up():
    scores = np.log(np.full((6, len(TAGS)), 1e-9, dtype=np.float32))
    scores[range(6), [1, 2, 2, 2, 0, 0]] = scores[4:, 2] = 0.0  # it ends at 基因, 突 or 变, with a third each
    (plain,), (added,) = (
        decode_spans(["XX基因突变"], [scores], LABELS, CHAINS["linear"], Decision("spans", 0.5, share))
        for share in (0.0, 0.1)
    )
    assert (plain, added) == ([], [(0, 4, "gene", pytest.approx(1.0))])


def test_before_a_vote_the_types_of_a_span_add_up():
    scores = np.log(np.array([[0.2, 0.45, 1e-9, 0.35, 1e-9], [1.0, 1e-9, 1e-9, 1e-9, 1e-9]], dtype=np.float32))
    plain, voted = Decision("spans", 0.5), Decision("spans", 0.5, 0.1)
    found = [decode_spans(["甲，"], [scores], LABELS, CHAINS["linear"], each) for each in (plain, voted)]
    assert found == [[[]], [[(0, 1, "gene", pytest.approx(0.45, abs=1e-6))]]]


def test_long_texts_stay_exact():
    """2,000 characters, one span of 50 in the middle: no overflow, the same as alone."""
    scores = np.full((2000, len(TAGS)), -8.0, dtype=np.float32)
    scores[:, 0] = 0.0
    scores[1000:1050, :3] = [-8.0, -8.0, 0.0]
    scores[1000, :3] = [-8.0, 0.0, -8.0]
    ((span,),) = decode_spans(["甲" * 2000], [scores], LABELS, CHAINS["linear"], Decision("spans"))
    assert span[:3] == (1000, 1050, "gene") and 0.5 < span.score < 1


# ---- the vote over a document ----

TEXTS = ["HER2与乳腺癌", "HER2", "HER22和PHER2", "HER2"]
CELLS = ["肝癌细胞", "肝癌细胞", "肝癌", "肝癌细胞"]
GENE, PROTEIN, CELL, CANCER = (0, 4, "gene"), (0, 4, "protein"), (0, 4, "disease"), (0, 2, "disease")


@pytest.mark.parametrize("texts, before, share, after", [
    (TEXTS, [GENE, GENE, None, None], 0.5, [GENE, GENE, None, GENE]),
    (TEXTS, [GENE, GENE, None, None], 2 / 3, [GENE, GENE, None, GENE]),  # inside HER22 and PHER2 is no place
    (TEXTS, [GENE, GENE, None, None], 0.7, [None] * 4),
    (TEXTS, [GENE, PROTEIN, None, PROTEIN], 0.5, [PROTEIN, PROTEIN, None, PROTEIN]),  # the most frequent label
    (TEXTS, [GENE, PROTEIN, None, None], 0.5, [GENE, GENE, None, GENE]),  # the first of equals
    (CELLS, [CELL, CELL, CANCER, None], 0.5, [CELL, CELL, CANCER, CELL]),  # the longer one first
    (CELLS, [CELL, CELL, CANCER, None], 0.6, [CELL, CELL, None, CELL]),  # 1 of 2, 2 of 3
    (["AB乙", "AB", "AB", "AB乙"], [(0, 3, "gene"), CANCER, CANCER, None], 0.6, [CANCER] * 4),  # AB乙: 1 of 2
])  # fmt: skip
def test_what_is_mostly_tagged_is_tagged_everywhere(texts, before, share, after):
    """At most one span of each text."""
    rows = vote_spans(texts, [[ScoredSpan(*span, 0.5)] if span else [] for span in before], share)
    assert [row[0][:3] if row else None for row in rows] == after and max(map(len, rows)) <= 1


def test_scores_are_kept_or_the_mean_of_those_that_voted_for_the_label():
    rows = [[ScoredSpan(0, 4, "gene", 0.9)], [ScoredSpan(0, 4, "gene", 0.7)], [], [ScoredSpan(0, 4, "protein", 0.6)]]
    texts = ["HER2", "HER2", "HER2", "HER2"]
    scores = [row[0].score for row in vote_spans(texts, rows, 0.5)]
    assert scores == [0.9, 0.7, pytest.approx(0.8), pytest.approx(0.8)]


@pytest.mark.parametrize("surface, inside, beside", [
    ("TNF", "TNFα TNFΑ βTNF", "TNF-α TNF，β"), ("IL-1", "IL-1β IL-12 IL-1Ⅱ", "IL-1/IL-2 IL-1与β"),
    ("ＡＲ", "ＰＡＲＰ ＡＲ１ ＡＲ1 AＡＲ", "ＡＲ、（ＡＲ）"), ("CD4", "CD4₂ CD4² CD4а", "CD4⁺ CD4+ ①CD4② CD4阳性"),
    ("癌细胞", "", "癌细胞A α癌细胞"),
])  # fmt: skip
def test_letters_and_digits_of_any_kind_continue_a_word_and_signs_do_not(surface, inside, beside):
    assert not find_occurrences(inside, {surface})
    assert len(find_occurrences(beside, {surface})) == beside.count(surface) >= 2
    assert find_occurrences("AR与PARP、AR1和-AR。BRCA", {"AR", "BRCA1", "BRCA"}) == [(0, 2), (13, 15), (16, 20)]


@given(st.lists(st.text("甲乙A1 ", min_size=1, max_size=12), min_size=1, max_size=5), st.data(), st.floats(0.01, 1))
@pytest.mark.slow
def test_every_surface_is_tagged_in_one_way(texts, data, share):
    tags = [data.draw(st.lists(st.sampled_from(TAGS), min_size=len(text), max_size=len(text))) for text in texts]
    before = [[ScoredSpan(*span, 0.5) for span in tags_to_spans(row)] for row in tags]
    labels = {}
    for text, row in zip(texts, vote_spans(texts, before, share), strict=True):
        spans_to_tags([TagSpan(*span[:3]) for span in row], len(text))  # no overlaps
        for start, end, label, _ in row:
            assert end - start > 1 and labels.setdefault(text[start:end], label) == label
    assert set(labels) <= {text[s:e] for text, row in zip(texts, before, strict=True) for s, e, *_ in row}


@pytest.mark.parametrize("text, span, expected", [  # None: the whole text
    ("，肺癌。", None, "肺癌"), ("（TNF-α）", None, "TNF-α"), ("IL-2(R)", None, "IL-2(R)"), ("CD4+", None, "CD4+"),
    ("IL-6-", None, "IL-6"), ("“p53”", None, "p53"), ("(A", None, "A"), ("癌", None, "癌"), ("。，", None, ""),
    ("KstR活性", None, "KstR"), ("和肺癌患者的", None, "肺癌"), ("活性", None, ""), ("表达水平", None, ""),
    ("突变型", None, ""), ("恶性", None, ""), ("抗癌", None, ""), ("所述抗体等", None, "抗体"),
    ("BRAF V600E突变", None, "BRAF"), ("NRAS Q61R突变的引物", None, "NRAS"), ("HER2阳性", None, "HER2"),
    ("阴性", None, ""), ("PTEN缺失", None, "PTEN"), ("免疫缺陷", None, "免疫缺陷"), ("pNH18A", None, "pNH18A"),
    ("(R，S)-SAM", None, "(R，S)-SAM"), ("EGFR）基因", None, "EGFR"), ("TNF）-α", None, "TNF"),
    ("用抗VEGF抗体治疗", (2, 8), "抗VEGF抗体"), ("用抗VEGF抗体治疗", (2, 7), "抗VEGF抗体"),
    ("VEGF拮抗剂", (0, 6), "VEGF拮抗剂"), ("抗VEGF的抗体", (1, 5), "VEGF"), ("微BSA蛋白", (1, 5), "BSA蛋白"),
])  # fmt: skip
def test_spans_lose_what_does_not_belong_to_a_mention_and_are_completed_to_words(text, span, expected):
    start, end = trim_span(text, *(span or (0, len(text))), "protein")
    assert text[start:end] == expected


def test_what_is_said_of_a_gene_may_end_a_disease():
    assert trim_span("HER2阳性", 0, 6, "disease") == (0, 6) and trim_span("三阴性", 0, 3, "disease") == (0, 3)


@pytest.mark.parametrize("surface, label, expected", [
    ("cxgD", "protein", "gene"), ("CxgD", "gene", "protein"), ("BRCA1基因", "protein", "gene"),
    ("抗体", "gene", "protein"), ("蛋白酶", "disease", "disease"), ("EGFR", "gene", "gene"),
    ("抗体基因", "protein", "gene"),
])  # fmt: skip
def test_the_last_word_or_the_spelling_tells_a_gene_from_a_protein(surface, label, expected):
    for others in ([], [ScoredSpan(0, 2, "gene", 0.5), ScoredSpan(2, 4, "protein", 0.5)]):
        (row, _) = vote_spans([surface, "甲乙丙丁"], [[ScoredSpan(0, len(surface), label, 0.5)], others], 0.5)
        assert [span.label for span in row] == [expected if others else label]  # no type that a document has not


@pytest.mark.parametrize("text, expected", [
    ("化合物AB1与结晶AB1，AB1", set()), ("化合物AB1，AB1与AB1", {"AB1"}), ("质粒AB1", set()), ("AB1细胞中的AB1", set()),
    ("AB1细胞与AB1和AB1", {"AB1"}), ("AB1细胞因子", {"AB1"}), ("CD4细胞", {"CD4"}), ("AB1(2.5mmol)", set()),
    ("AB1-4T1", {"AB1"}), ("BT-474与BT", set()), ("PVDF膜", set()), ("HEK293T", set()), ("PVDF基因", {"PVDF基因"}),
    ("质粒AB1与质粒AB1，AB1、AB1和AB1", {"AB1"}), ("PVDF载体", set()),
])  # fmt: skip
def test_what_a_text_calls_a_compound_or_a_plasmid_or_cells_is_no_mention(text, expected):
    first = re.search("AB1|CD4|BT|PVDF(?:膜|基因|载体)|HEK293", text).span()
    (row,) = vote_spans([text], [[ScoredSpan(*first, "protein", 0.5)]], 0.1)
    assert {text[span.start : span.end] for span in row} == expected


@pytest.mark.parametrize("introduced, elsewhere, expected", [
    ("食管腺癌（EAC）", "EAC与HEAC", ["EAC"]), ("食管腺癌(esophageal cancer, EAC)", "EAC", ["EAC"]),
    ("食管腺癌（以下简称“EAC”）", "EAC", ["EAC"]), ("食管腺癌，简称EAC。", "EAC", ["EAC"]),
    ("食管腺癌患者（EAC）", "EAC", ["EAC"]), ("食管腺癌的检测（EAC）", "EAC", ["EAC"]),
    ("食管腺癌组（EAC）", "EAC", []), ("食管腺癌（5例）", "5例", []), ("食管腺癌（图Aa）", "Aa", []),
    ("食管腺癌（EAC）、肺A（EAC）与肺B（EAC）", "EAC", []), ("食管腺癌（ACGTU）", "ACGTU", []),
    ("食管腺癌（AFP）", "AFP水平，AFP", []), ("食管腺癌（AFP）", "AFP、CEA和PSA的含量", []),
])  # fmt: skip
def test_an_abbreviation_is_what_its_long_form_is(introduced, elsewhere, expected):
    rows = vote_spans([elsewhere, introduced], [[], [ScoredSpan(0, 4, "disease", 0.5)]], 0.5)
    assert [(elsewhere[s.start : s.end], s.label) for s in rows[0]] == [(name, "disease") for name in expected]


@pytest.mark.parametrize("text, expected", [
    ("所述基因选自下组：OMG、PFN2和DNM3。PFN2", {"OMG gene", "PFN2 gene", "DNM3 gene"}),
    ("蛋白选自OMG、cxgD，PFN2", {"OMG protein", "cxgD gene", "PFN2 protein"}),
    ("基因选自OMG、P1、P2、P3", {"OMG protein"}), ("标志物选自OMG、PFN2、DNM3", {"OMG protein"}),
    ("基因选自OMG、PFN2", {"OMG protein"}), ("抗体包括OMG PE、PFN2 APC、CD3 FITC", {"OMG protein"}),
    ("基因选自OMG、PVDF和PFN2。PVDF", {"OMG gene", "PFN2 gene"}),
])  # fmt: skip
def test_the_members_of_an_enumeration_are_what_its_head_says(text, expected):
    start = text.index("OMG")
    seen = [ScoredSpan(0, 2, "gene", 0.5)]
    row = vote_spans(["甲乙", text], [seen, [ScoredSpan(start, start + 3, "protein", 0.5)]], 0.5)[1]
    assert {f"{text[span.start : span.end]} {span.label}" for span in row} == expected
    assert len(row) == sum(text.count(each.split()[0]) for each in expected)


# ---- windows ----


def test_scores_of_long_and_short_sentences_come_back_in_order(tiny_tagger):
    """A model that scores each token by its id: windows, batches and joints must not show."""
    table = CharacterTable.from_file(tiny_tagger / "tokenizer.json")
    sentences = ["基因", "突变", "甲乙丙" * 60, "癌", "乳" * 30, "腺" * 31]
    for batch_tokens, width in ((64, 0), (500, 32)):
        shapes = []

        def score(ids, rows, shapes=shapes):
            shapes.append(ids.shape)
            return ids[:, :, None].astype(np.float32)

        found = score_sentences(sentences, table, score, batch_tokens=batch_tokens, max_length=32, width=width)
        for sentence, row in zip(sentences, found, strict=True):
            np.testing.assert_array_equal(row[:, 0], table.encode(sentence))
        assert all(width <= tokens <= 32 and texts * tokens <= batch_tokens for texts, tokens in shapes)


# ---- the Decision ----


@pytest.mark.parametrize("values, field", [
    ({"decoder": "best"}, "decoder 'best'"), ({"min_span_probability": 0.4}, "min_span_probability 0.4"),
    ({"vote_share": 2}, "vote_share 2"), ({"temperature": 0}, "temperature 0"),
    ({"temperature": float("nan")}, "temperature nan"), ({"context": 100}, "context 100"),
    ({"max_length": 4}, "max_length 4"), ({"max_length": 9.5}, "max_length 9.5"),
    ({"vote_share": "1"}, "vote_share '1'"), ({"colour": 1}, "colour"), ([], "object"),
])  # fmt: skip
def test_decisions_that_make_no_sense_are_refused_with_their_file(values, field):
    with pytest.raises(InputError, match=f"^M/config.json: .*{field}"):
        read_decision({KEY: values}, "M/config.json")


def test_given_values_replace_the_models_own_or_the_default():
    assert read_decision({"max_position_embeddings": 128, KEY: {"context": 0}}, "M") == Decision(max_length=128)
    assert Decision().override(min_span_probability=0.7) == Decision("spans", 0.7)
    assert Decision().override(min_span_probability=0.7, decoder="greedy").decoder == "greedy"
    patent = Decision("spans", vote_share=0.1)
    assert patent.override(decoder="greedy") == Decision("greedy"), "as transformers' pipeline"
    assert patent.override(decoder="greedy", vote_share=0.2, max_length=None) == Decision("greedy", vote_share=0.2)
    assert patent.override(decoder="viterbi") == Decision("viterbi", vote_share=0.1)
