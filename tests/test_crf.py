"""The CRF against brute force over all legal tag sequences; its two forms against each other."""

import itertools
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.viterbi import FORBIDDEN, viterbi
from cbpner.models import crf as crf_module
from cbpner.models.crf import TREE_CELLS, Crf, best_paths, log_partition, score_paths
from cbpner.text.labels import DEFAULT, LabelSet, may_follow

SETS = [LabelSet(("x",)), LabelSet(("x", "y")), DEFAULT]
LENGTHS = {3: [6, 1, 3, 6, 2], 5: [5, 1, 4, 2], 7: [3, 1, 4, 2]}  # by number of tags
FORMS = {"loop": False, "tree": True}


def use_form(form):
    return mock.patch.object(crf_module, "prefers_tree", lambda *_: FORMS[form])


@pytest.fixture(params=FORMS)
def form(request):
    """Runs the test once in each form."""
    with use_form(request.param):
        yield request.param


def make_crf(labels, seed=0, dtype=torch.float32):
    """A Crf with random parameters."""
    model = Crf(labels.transitions()).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    return model


def make_batch(labels, lengths, seed=0, dtype=torch.float32):
    """Random emissions with noise where masked, random legal tags with -100 where masked, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(lengths)
    mask = torch.arange(lengths.max())[None] < lengths[:, None]
    emissions = torch.randn(*mask.shape, len(labels.tags), generator=generator, dtype=dtype) * 2
    allowed = torch.tensor(labels.transitions(), dtype=torch.float)
    tags = torch.full(mask.shape, -100)
    for row, length in enumerate(lengths.tolist()):
        tag = -1
        for position in range(length):
            tag = int(torch.multinomial(allowed[tag], 1, generator=generator))
            tags[row, position] = tag
    return emissions, tags, mask


def legal_paths(labels, length):
    """(paths, length) of all tag numbers that the grammar allows."""
    numbers = labels.tag_to_id
    legal = [
        [numbers[tag] for tag in path]
        for path in itertools.product(labels.tags, repeat=length)
        if all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *path)))
    ]
    return torch.tensor(legal)


def score_by_hand(model, rows, paths):
    """(paths,) scores of the paths through the emissions `rows` (length, labels), in float64 and differentiable."""
    start, transitions, end = model.start.double(), model.transitions.double(), model.end.double()
    emitted = rows.double()[torch.arange(paths.shape[1]), paths].sum(dim=1)
    return start[paths[:, 0]] + transitions[paths[:, :-1], paths[:, 1:]].sum(dim=1) + emitted + end[paths[:, -1]]


def enumerate_sequences(model, labels, emissions, mask):
    """For each sequence: its emissions, all legal paths, and their scores."""
    for rows, length in zip(emissions, mask.sum(dim=1).tolist(), strict=True):
        paths = legal_paths(labels, length)
        yield rows[:length], paths, score_by_hand(model, rows[:length], paths)


def decode_by_hand(model, labels, emissions, mask):
    sequences = enumerate_sequences(model, labels, emissions, mask)
    return [paths[scores.argmax()].tolist() for _, paths, scores in sequences]


def likelihood_by_hand(model, labels, emissions, tags, mask):
    totals = [scores.logsumexp(0) for _, _, scores in enumerate_sequences(model, labels, emissions, mask)]
    lengths = mask.sum(dim=1).tolist()
    gold = [
        score_by_hand(model, rows[:length], path[None, :length])[0]
        for rows, path, length in zip(emissions, tags, lengths, strict=True)
    ]
    return torch.stack(gold) - torch.stack(totals)


@pytest.fixture(params=SETS, ids=lambda labels: f"{len(labels.types)} types")
def case(request):
    """labels, model, emissions, tags, mask: sequences of mixed lengths, one among them."""
    labels = request.param
    return labels, make_crf(labels), *make_batch(labels, LENGTHS[len(labels.tags)])


def test_partition_is_the_sum_over_all_legal_paths(case, form):
    labels, model, emissions, _, mask = case
    by_hand = [scores.logsumexp(0) for _, _, scores in enumerate_sequences(model, labels, emissions, mask)]
    assert_close(model.partition(emissions, mask).double(), torch.stack(by_hand), rtol=1e-6, atol=1e-5)


def test_log_likelihood_equals_enumeration(case, form):
    labels, model, emissions, tags, mask = case
    found = model(emissions, tags, mask)
    assert found.shape == (len(mask),) and found.dtype == torch.float32
    assert_close(found.double(), likelihood_by_hand(model, labels, emissions, tags, mask), rtol=1e-6, atol=1e-5)


def test_likelihoods_of_all_legal_paths_sum_to_one(form):
    labels = SETS[1]
    paths = legal_paths(labels, 4)
    emissions = make_batch(labels, [4])[0].expand(len(paths), -1, -1)
    found = make_crf(labels)(emissions, paths, torch.ones_like(paths, dtype=torch.bool))
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_marginals_equal_enumeration_and_sum_to_one(case, form):
    labels, model, emissions, _, mask = case
    found = model.marginals(emissions, mask)
    assert_close(found.sum(dim=2), mask.float(), rtol=0, atol=1e-5)
    assert not found[~mask].any() and not found.requires_grad
    for row, (_, paths, scores) in enumerate(enumerate_sequences(model, labels, emissions, mask)):
        weights = scores.softmax(0)
        chosen = torch.nn.functional.one_hot(paths, len(labels.tags)).double()  # (paths, length, labels)
        by_hand = (weights[:, None, None] * chosen).sum(dim=0)
        assert_close(found[row, : paths.shape[1]].double(), by_hand, rtol=0, atol=1e-5)


def test_decode_finds_the_best_legal_path(case, form):
    labels, model, emissions, _, mask = case
    assert model.decode(emissions, mask) == decode_by_hand(model, labels, emissions, mask)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
def test_gradients_equal_those_of_brute_force(case, form, dtype, tolerance):
    labels, model, emissions, tags, mask = case
    model, emissions = model.to(dtype), emissions.to(dtype).requires_grad_()
    inputs = (emissions, *model.parameters())
    weights = torch.arange(1.0, len(mask) + 1, dtype=dtype)  # another one for each sequence
    found = torch.autograd.grad((model(emissions, tags, mask) * weights).sum(), inputs)
    by_hand = torch.autograd.grad((likelihood_by_hand(model, labels, emissions, tags, mask) * weights).sum(), inputs)
    for one, other in zip(found, by_hand, strict=True):
        assert one.isfinite().all()
        assert_close(one, other, rtol=0, atol=tolerance)


def test_gradcheck_of_the_partition_function(form):
    labels = SETS[1]
    model = make_crf(labels, dtype=torch.float64)
    emissions, _, mask = make_batch(labels, [4, 2], dtype=torch.float64)

    def compute(emissions, transitions, start, end):
        values = {"transitions": transitions, "start": start, "end": end}
        with mock.patch.object(model, "forward", model.partition):
            return torch.func.functional_call(model, values, (emissions, mask))

    parameters = [getattr(model, name).detach().requires_grad_() for name in ("transitions", "start", "end")]
    assert torch.autograd.gradcheck(compute, (emissions.requires_grad_(), *parameters))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.lists(st.integers(1, 33), min_size=1, max_size=4), st.integers(0, 999))
def test_both_forms_give_the_same(types, lengths, seed):
    labels = SETS[types - 1]
    model = make_crf(labels, seed, torch.float64)
    emissions, tags, mask = make_batch(labels, lengths, seed, torch.float64)
    results = []
    for form in FORMS:
        with use_form(form):
            leaf = emissions.clone().requires_grad_()
            likelihood = model(leaf, tags, mask)
            gradients = torch.autograd.grad(likelihood.sum(), (leaf, *model.parameters()))
            results.append((likelihood, model.partition(emissions, mask), model.marginals(emissions, mask), *gradients))
            results[-1] += (model.decode(emissions, mask),)
    assert results[0][-1] == results[1][-1]
    assert_close(results[0][:-1], results[1][:-1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("time", [2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 64])
def test_both_forms_give_the_same_in_float32_at_odd_even_and_power_of_two_lengths(time):
    model = make_crf(DEFAULT, time)
    emissions, tags, mask = make_batch(DEFAULT, [time, (time + 1) // 2, 1], time)
    with use_form("loop"):
        loop = model(emissions, tags, mask), model.marginals(emissions, mask), model.decode(emissions, mask)
    with use_form("tree"):
        tree = model(emissions, tags, mask), model.marginals(emissions, mask), model.decode(emissions, mask)
    assert_close(loop[:2], tree[:2], rtol=1e-5, atol=1e-5)
    assert loop[2] == tree[2]


def test_sums_over_long_sequences_stay_exact(form):
    """512 steps with large emissions and moves, a partition function above 10,000: in float32 as in float64."""
    model = make_crf(DEFAULT)
    model.transitions.data += 3
    emissions, tags, mask = make_batch(DEFAULT, [512, 300])
    emissions = emissions * 3 + 20
    assert model.partition(emissions, mask)[0] > 10_000
    found, gradient = differentiate(model, emissions, tags, mask)
    exact, exact_gradient = differentiate(model.double(), emissions.double(), tags, mask)
    assert_close(found.double(), exact, rtol=2e-6, atol=1e-3)
    assert_close(gradient.double(), exact_gradient, rtol=0, atol=5e-4)


def differentiate(model, emissions, tags, mask):
    leaf = emissions.detach().clone().requires_grad_()
    value = model(leaf, tags, mask)
    return value, torch.autograd.grad(value.sum(), leaf)[0]


@pytest.mark.parametrize("noise", [1e3, float("nan"), float("inf")])
def test_padding_never_matters(form, noise):
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [5, 1, 3])
    changed = emissions.masked_fill(~mask[:, :, None], noise)
    changed_tags = tags.masked_fill(~mask, 10**9)
    value, gradient = differentiate(model, emissions, tags, mask)
    again, gradient_again = differentiate(model, changed, changed_tags, mask)
    assert torch.equal(value, again) and torch.equal(gradient, gradient_again)
    assert not gradient[~mask].any() and gradient[mask].any(dim=1).all()
    for method in (model.partition, model.marginals):
        assert torch.equal(method(emissions, mask), method(changed, mask))
    assert model.decode(emissions, mask) == model.decode(changed, mask)


def test_a_sequence_scores_the_same_alone_and_in_a_batch(form):
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [9, 2, 5])
    together = model(emissions, tags, mask)
    alone = [model(emissions[i, None, :n], tags[i, None, :n], mask[i, None, :n]) for i, n in enumerate((9, 2, 5))]
    assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_an_empty_batch_gives_empty_results(form):
    model = make_crf(DEFAULT)
    emissions, mask = torch.zeros(0, 4, 7), torch.zeros(0, 4, dtype=torch.bool)
    assert model(emissions, mask.long(), mask).shape == (0,) and model.partition(emissions, mask).shape == (0,)
    assert model.marginals(emissions, mask).shape == (0, 4, 7) and model.decode(emissions, mask) == []


@pytest.mark.parametrize("junk", [1e9, float("nan"), float("inf")])
def test_parameters_of_forbidden_moves_never_matter_and_get_no_gradient(form, junk):
    model, changed = make_crf(DEFAULT), make_crf(DEFAULT)
    allowed = torch.tensor(DEFAULT.transitions())
    changed.transitions.data[~allowed[:-1]] = junk
    changed.start.data[~allowed[-1]] = junk
    emissions, tags, mask = make_batch(DEFAULT, [6, 1, 4])
    assert torch.equal(model(emissions, tags, mask), changed(emissions, tags, mask))
    assert torch.equal(model.marginals(emissions, mask), changed.marginals(emissions, mask))
    assert model.decode(emissions, mask) == changed.decode(emissions, mask)
    changed(emissions, tags, mask).sum().backward()
    assert not changed.transitions.grad[~allowed[:-1]].any() and not changed.start.grad[~allowed[-1]].any()
    assert changed.transitions.grad[allowed[:-1]].all() and changed.start.grad[allowed[-1]].all()


def test_moves_hold_the_grammar_and_the_parameters():
    model, allowed = make_crf(DEFAULT), DEFAULT.transitions()
    moves = model.moves()
    for previous, tag in itertools.product(range(8), range(7)):
        parameter = model.start[tag] if previous == 7 else model.transitions[previous, tag]
        assert moves[previous, tag].item() == (parameter.item() if allowed[previous][tag] else FORBIDDEN)


def test_a_new_crf_is_the_softmax_of_the_emissions_where_all_moves_are_allowed(form):
    model = Crf(torch.ones(6, 5, dtype=torch.bool))
    emissions = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 9, dtype=torch.bool)
    assert_close(model.marginals(emissions, mask), emissions.softmax(dim=2))
    assert_close(model.partition(emissions, mask), emissions.logsumexp(dim=2).sum(dim=1))


def test_a_forbidden_gold_path_keeps_everything_finite(form):
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [5, 2])
    tags[0, :2] = torch.tensor([DEFAULT.tag_to_id["O"], DEFAULT.tag_to_id["I-gene"]])
    value, gradient = differentiate(model, emissions, tags, mask)
    assert FORBIDDEN - 100 < value[0].item() < FORBIDDEN + 100 and value[1].item() > -100
    assert gradient.isfinite().all()


def test_extreme_emissions_give_no_nan(form):
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [40, 3])
    value, gradient = differentiate(model, emissions * 300, tags, mask)
    assert value.isfinite().all() and gradient.isfinite().all()
    assert_close(model.marginals(emissions * 300, mask).sum(dim=2), mask.float(), rtol=0, atol=1e-4)


def test_autocast_and_half_precision_emissions_give_the_float32_result(form):
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [40, 7])
    half = emissions.bfloat16()
    expected = differentiate(model, half.float(), tags, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(half, tags, mask), model.partition(half, mask), model.marginals(half, mask)
        paths = model.decode(half, mask)
    assert all(result.dtype == torch.float32 for result in found)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], model.partition(half.float(), mask))
    assert torch.equal(found[2], model.marginals(half.float(), mask))
    assert paths == model.decode(half.float(), mask)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_marginals_work_where_no_gradient_is_recorded(form, context):
    model = make_crf(DEFAULT)
    emissions, _, mask = make_batch(DEFAULT, [5, 3])
    expected = model.marginals(emissions, mask)
    with context():
        assert torch.equal(model.marginals(emissions * 1, mask & True), expected)
        assert model.decode(emissions * 1, mask & True) == model.decode(emissions, mask)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 999), st.integers(1, 3))
def test_ties_decode_to_a_best_path(number, lengths, seed, levels):
    """Whole-number scores, with one level all equal."""
    labels = SETS[number]
    model = Crf(labels.transitions())
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    emissions = torch.randint(levels, (*mask.shape, len(labels.tags)), generator=generator).float()
    for form in FORMS:
        with use_form(form):
            found = model.decode(emissions, mask)
        for path, (rows, _, scores) in zip(found, enumerate_sequences(model, labels, emissions, mask), strict=True):
            tags = [labels.tags[number] for number in path]
            assert all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *tags)))
            score = score_by_hand(model, rows, torch.tensor([path]))[0]
            assert_close(score, scores.max(), rtol=0, atol=1e-4)


def test_decode_in_long_ties_is_legal(form):
    mask = torch.arange(100)[None] < torch.tensor([100, 37])[:, None]
    for path in Crf(DEFAULT.transitions()).decode(torch.zeros(2, 100, 7), mask):
        tags = [DEFAULT.tags[number] for number in path]
        assert all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *tags)))


def test_state_dict_holds_the_parameters_and_not_the_grammar():
    model, again = make_crf(DEFAULT), Crf(DEFAULT.transitions())
    state = model.state_dict()
    assert set(state) == {"transitions", "start", "end"}
    again.load_state_dict(state)
    emissions, tags, mask = make_batch(DEFAULT, [5, 3])
    assert torch.equal(model(emissions, tags, mask), again(emissions, tags, mask))


def test_nothing_is_made_on_the_cpu_for_tensors_elsewhere(form):
    """On the meta device a tensor of another device raises, as on a GPU."""
    model = make_crf(DEFAULT).to("meta")
    emissions, mask = torch.empty(3, 9, 7, device="meta"), torch.empty(3, 9, dtype=torch.bool, device="meta")
    prepared, taken, moves, end = model.prepare(emissions, mask)
    scores = score_paths(prepared, mask.long(), mask, moves, end) - log_partition(prepared, mask, moves, end) + taken
    scores.sum().backward()
    paths = best_paths(prepared.detach(), mask, moves.detach(), end.detach())
    assert (scores.device.type, paths.device.type, paths.shape) == ("meta", "meta", (3, 9))
    assert model.end.grad.device.type == "meta"


@pytest.mark.parametrize(
    ("batch", "time", "labels", "tree"),
    [
        (4, 500, 7, True),
        (60, 40, 7, False),
        (1, 500, 7, True),
        (4, 500, 17, False),
        (1, 8, 7, False),
        (1, 512, 41, False),
    ],
)
def test_the_faster_form_is_taken(batch, time, labels, tree):
    assert crf_module.prefers_tree(torch.zeros(1, 1, 1).expand(batch, time, labels), TREE_CELLS) is tree


@pytest.mark.parametrize(("batch", "labels", "tree"), [(60, 7, True), (4, 41, False)])
def test_elsewhere_than_on_the_cpu_memory_bounds_the_tree(batch, labels, tree):
    assert crf_module.prefers_tree(torch.empty(batch, 512, labels, device="meta"), TREE_CELLS) is tree


def spoil(**changes):
    """Arguments of forward with some of them replaced."""
    emissions, tags, mask = make_batch(DEFAULT, [4, 2])
    return {"emissions": emissions, "tags": tags, "mask": mask} | changes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (spoil(emissions=torch.zeros(2, 4, 6)), r"emissions \(batch, time, 7\).* got \(2, 4, 6\) float32"),
        (spoil(emissions=torch.zeros(4, 7)), r"emissions .* got \(4, 7\) float32"),
        (spoil(emissions=torch.zeros(2, 4, 7).long()), r"floating type, got \(2, 4, 7\) int64"),
        (spoil(mask=torch.ones(2, 4)), r"mask \(2, 4\) bool, got \(2, 4\) float32"),
        (spoil(mask=torch.ones(2, 3).bool()), r"mask \(2, 4\) bool, got \(2, 3\) bool"),
        (
            spoil(mask=torch.tensor([[True] * 4, [True, False, True, False]])),
            r"holes, got \[1, 0, 1, 0\] in sequence 1",
        ),
        (spoil(mask=torch.tensor([[False] * 4, [True] * 4])), r"position 0 .* got \[0, 0, 0, 0\] in sequence 0"),
        (spoil(tags=torch.zeros(2, 3).long()), r"tags \(2, 4\) int64, got \(2, 3\) int64"),
        (spoil(tags=torch.zeros(2, 4).int()), r"tags \(2, 4\) int64, got \(2, 4\) int32"),
        (spoil(tags=torch.full((2, 4), 7)), "tags from 0 to 6 .* got 7"),
        (spoil(tags=torch.full((2, 4), -100)), "tags from 0 to 6 .* got -100"),
        (
            {"emissions": torch.zeros(2, 0, 7), "tags": torch.zeros(2, 0).long(), "mask": torch.zeros(2, 0).bool()},
            "one position or more a sequence, got time 0",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    model = Crf(DEFAULT.transitions())
    with pytest.raises(ValueError, match=message):
        model(**arguments)
    if "tags" not in message:
        for method in (model.partition, model.marginals, model.decode):
            with pytest.raises(ValueError, match=message):
                method(arguments["emissions"], arguments["mask"])


@pytest.mark.parametrize("allowed", [torch.ones(7, 7).bool(), torch.ones(8, 7), torch.ones(8).bool()])
def test_a_wrong_grammar_is_named(allowed):
    with pytest.raises(ValueError, match=r"expected allowed \(labels \+ 1, labels\) bool, got"):
        Crf(allowed)


def test_viterbi_equals_brute_force_over_sequences_of_many_lengths(case):
    labels, model, emissions, _, mask = case
    scores = [row[:length].numpy() for row, length in zip(emissions, mask.sum(dim=1).tolist(), strict=True)]
    found = viterbi(scores, *model.chain())
    assert all(path.dtype == np.int64 for path in found)
    assert [path.tolist() for path in found] == model.decode(emissions, mask)
    bare = Crf(labels.transitions())
    moves = np.where(labels.transitions(), 0.0, FORBIDDEN)
    assert [path.tolist() for path in viterbi(scores, moves)] == decode_by_hand(bare, labels, emissions, mask)


def test_viterbi_leaves_its_arguments_as_they_are():
    model = make_crf(DEFAULT)
    for lengths in ([4], [4, 2], [4, 4]):
        scores = [np.random.default_rng(0).normal(size=(length, 7)).astype(np.float32) for length in lengths]
        copies = [row.copy() for row in scores]
        viterbi(scores, *model.chain())
        assert all(np.array_equal(row, copy) for row, copy in zip(scores, copies, strict=True))


def test_viterbi_takes_nothing_and_empty_sequences():
    moves = grammar_chain(DEFAULT).moves
    assert viterbi([], moves) == []
    empty, row = np.zeros((0, 7), dtype=np.float32), np.eye(7, dtype=np.float32)[:1]
    assert [path.tolist() for path in viterbi([empty, row, empty], moves)] == [[], [0], []]
    assert [path.tolist() for path in viterbi([empty], moves)] == [[]]


def test_viterbi_names_wrong_scores():
    with pytest.raises(ValueError, match=r"expected scores \(characters, 7\), got \(3, 5\)"):
        viterbi([np.zeros((3, 5), dtype=np.float32)], grammar_chain(DEFAULT).moves)


def viterbi_in_float64(scores, moves, end):
    """The textbook's algorithm for one sequence."""
    best, origins = scores[0].astype(np.float64) + moves[-1], []
    for row in scores[1:]:
        candidates = best[:, None] + moves[:-1]
        origins.append(candidates.argmax(axis=0))
        best = candidates.max(axis=0) + row
    path = [int((best + end).argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def test_viterbi_is_exact_to_the_end_of_a_text_of_twenty_thousand_characters():
    model = make_crf(DEFAULT, dtype=torch.float64)
    model.transitions.data += 10
    random = np.random.default_rng(0)
    scores = [random.normal(size=(length, 7)).astype(np.float32) for length in (20_000, 300)]
    moves, end = model.moves().detach().numpy(), model.end.detach().numpy()
    expected = [viterbi_in_float64(row, moves, end) for row in scores]
    assert [path.tolist() for path in viterbi(scores, *model.chain())] == expected
