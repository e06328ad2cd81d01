"""Split folders, patent boundaries, new splits, statistics."""

from itertools import pairwise

import pytest

from cbpner.base.errors import InputError
from cbpner.text import splits as layout
from cbpner.text.bio import Sentence, read_bio, write_bio
from cbpner.text.splits import PARTS, draw_patents, draw_splits, find_split_files, read_split_info, write_splits


def tag_outside(text):
    return Sentence(text, ("O",) * len(text))


def make_documents(count):
    long = Sentence("基因" * 4 + "。" + "蛋白" * 4, ("B-gene", "I-gene", *["O"] * 15))
    return {f"doc{number}.bio": [tag_outside(f"Abstract{number}"), long] for number in range(count)}


def touch_files(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("基 O\n", encoding="utf-8")


def name_parts(prefix):
    return [f"{prefix}{part}.bio" for part in PARTS]


@pytest.mark.parametrize(("prefixes", "cut", "long"), [
    (["x_", "no_long_x_"], "no_long_x_", "x_"), (["x_"], "x_", "x_"), (["no_long_"], "no_long_", "no_long_"),
])  # fmt: skip
def test_the_cut_variant_is_read_unless_the_long_one_is_asked_for_or_alone(tmp_path, prefixes, cut, long):
    touch_files(tmp_path, [name for prefix in prefixes for name in name_parts(prefix)])
    for is_long, prefix in ((False, cut), (True, long)):
        assert [path.name for path in find_split_files(tmp_path, is_long).values()] == name_parts(prefix)


@pytest.mark.parametrize("names", ["", "x_train x_dev no_long_x_test", "x_train x_dev x_test y_dev"], ids=str)
def test_an_incomplete_or_doubtful_folder_is_refused(tmp_path, names):
    touch_files(tmp_path, [f"{name}.bio" for name in names.split()])
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=str(folder)):
            find_split_files(folder)


def test_split_folders_are_in_number_order(tmp_path):
    for name in ("10", "2", "runs", "²"):
        touch_files(tmp_path / name, name_parts("x_"))
    assert [path.name for path in layout.find_split_folders(tmp_path)] == ["2", "10"]
    assert layout.find_split_folders(tmp_path / "2") == [tmp_path / "2"]
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing"):
        with pytest.raises(InputError, match="expected"):
            layout.find_split_folders(tmp_path / folder)


def test_smaller_draws_of_patents_lie_within_larger_ones():
    patents = [[tag_outside(f"Abstract{number}"), tag_outside("病")] for number in range(6)]
    sentences = [sentence for patent in patents for sentence in patent]
    draws = [draw_patents(sentences, count, seed=3) for count in range(1, 7)]
    assert [len(draw) for draw in draws] == [2, 4, 6, 8, 10, 12] and draws[-1] == sentences
    names = [[sentence.chars for sentence in draw if len(sentence.chars) > 1] for draw in draws]
    assert all(set(small) < set(large) for small, large in pairwise(names))
    assert names[2] == sorted(names[2]) and draw_patents(sentences, 3, seed=4) != draws[2]
    for count in (0, 7):
        with pytest.raises(InputError, match=str(count)):
            draw_patents(sentences, count)


def test_split_info_comes_back_as_written_and_another_is_refused(tmp_path):
    info = {"train": ["一.bio", "b c.bio"], "dev": ["d.bio"], "test": ["e.bio", "f.bio"]}
    path = tmp_path / "train_test_split.info"
    layout.write_split_info(path, info)
    assert read_split_info(path) == info
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[:5] == ["Train files:", "一.bio", "b c.bio", "==============", "Test files:"]
    for text in ("", "a.bio\nTrain files:\n", "Train files:\na\n==\nTest files:\nb\n", None):
        path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="train_test_split.info"):
            read_split_info(path)


def test_documents_are_whole_in_one_part_and_seeds_matter():
    documents = make_documents(9)
    splits = draw_splits(documents, n_splits=4, n_test=2, n_dev=3, seed=1)
    for info in splits:
        assert {part: len(info[part]) for part in PARTS} == {"train": 4, "dev": 3, "test": 2}
        assert sorted(sum(info.values(), [])) == sorted(documents)
    assert splits == draw_splits(documents, n_splits=4, n_test=2, n_dev=3, seed=1)
    assert splits != draw_splits(documents, n_splits=4, n_test=2, n_dev=3, seed=2)
    assert len({tuple(info["test"]) for info in splits}) > 1


def test_copies_of_a_document_stay_together():
    documents = make_documents(5) | {"copy.bio": make_documents(1)["doc0.bio"]}
    for info in draw_splits(documents, n_splits=20, n_test=1, n_dev=1, seed=0):
        assert sum({"copy.bio", "doc0.bio"} <= set(info[part]) for part in PARTS) == 1


def test_too_few_documents_are_refused():
    for count, options in ((3, {}), (0, {}), (9, {"n_splits": 0}), (9, {"n_dev": 0}), (9, {"n_test": -1})):
        with pytest.raises(InputError):
            draw_splits(make_documents(count), **options)


def test_splits_are_written_in_the_layout_of_the_gold(tmp_path):
    documents = make_documents(6)
    splits = draw_splits(documents, n_splits=2, seed=3)
    folders = write_splits(documents, splits, tmp_path / "out", "mine", max_chars=10)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0", "1"]
    for folder, info in zip(folders, splits, strict=True):
        names = [*name_parts("mine_"), *name_parts("no_long_mine_"), "train_test_split.info"]
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        assert read_split_info(folder / "train_test_split.info") == info
        whole, cut = layout.read_split(folder, long=True), layout.read_split(folder)
        for part in PARTS:
            expected = [sentence for name in info[part] for sentence in documents[name]]
            assert [(s.chars, s.tags) for s in whole[part]] == [(s.chars, s.tags) for s in expected]
            assert "".join(s.chars for s in cut[part]) == "".join(s.chars for s in expected)
            assert max(len(s.chars) for s in cut[part]) <= 10
            assert len(layout.split_patents(cut[part])) == len(info[part])


def test_documents_that_begin_with_any_text_are_told_apart(tmp_path):
    document = [Sentence("甲丙", ("O", "O"), 1), Sentence("乙", ("O",), 9)]  # five blank lines, and it stays one
    documents = {f"{number}.bio": [document[0]._replace(chars=f"甲{number}"), document[1]] for number in range(5)}
    (folder,) = write_splits(documents, draw_splits(documents, n_splits=1), tmp_path / "out", max_chars=1)
    assert [len(layout.split_patents(part)) for part in layout.read_split(folder).values()] == [2, 1, 2]
    train = layout.read_split(folder)["train"]
    write_bio(tmp_path / "again.bio", [*draw_patents(train, 1, seed=1), *train])  # a part of a file, and another file
    assert len(layout.split_patents(read_bio(tmp_path / "again.bio"))) == 3


def test_a_folder_in_use_is_refused_and_overwriting_replaces_splits_alone(tmp_path):
    documents, folder = make_documents(6), tmp_path / "out"
    splits = draw_splits(documents, n_splits=3)
    write_splits(documents, splits, folder)
    with pytest.raises(InputError, match="--overwrite"):
        write_splits(documents, splits, folder)
    write_splits(documents, splits[:1], folder, "new", overwrite=True)
    assert [path.name for path in folder.iterdir()] == ["0"]
    assert find_split_files(folder / "0")["dev"].name == "no_long_new_dev.bio"
    (folder / "notes.txt").write_text("mine")
    for out, found in ((folder, "notes.txt: .*no split"), (folder / "notes.txt", "found a file")):
        with pytest.raises(InputError, match=found):
            write_splits(documents, splits, out, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_split_that_cannot_be_written_leaves_nothing(tmp_path):
    documents = make_documents(4) | {"bad.bio": [Sentence("\n", ("O",))]}
    splits = [{"train": ["doc0.bio"], "dev": ["doc1.bio"], "test": [name]} for name in ("doc2.bio", "bad.bio")]
    with pytest.raises(InputError, match="line feed"):
        write_splits(documents, splits, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    for name in ("", "a/b", "no_long_x", ".x"):
        with pytest.raises(InputError, match="name"):
            write_splits(documents, splits, tmp_path / "out", name)


def test_documents_are_read_from_files_and_folders(tmp_path):
    for name, sentences in make_documents(3).items():
        write_bio(tmp_path / "docs" / name, sentences)
    write_bio(tmp_path / "more.bio", [tag_outside("基")])
    for name in ("inner/deep.BIO", ".ipynb_checkpoints/doc0-checkpoint.bio"):
        write_bio(tmp_path / "docs" / name, [tag_outside("因")])
    documents = layout.read_bio_documents([tmp_path / "docs", tmp_path / "more.bio"])
    assert list(documents) == ["doc0.bio", "doc1.bio", "doc2.bio", "deep.BIO", "more.bio"]
    with pytest.raises(InputError, match="second document"):
        layout.read_bio_documents([tmp_path / "docs", tmp_path / "docs" / "doc1.bio"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.bio file"):
        layout.read_bio_documents([tmp_path / "empty"])


def test_statistics_of_a_split_by_hand(tmp_path):
    gene, disease = Sentence("基因", ("B-gene", "I-gene")), Sentence("癌", ("I-disease",))
    write_bio(tmp_path / "x_train.bio", [gene, tag_outside("Abstract"), gene])
    write_bio(tmp_path / "x_dev.bio", [gene, disease, disease])
    write_bio(tmp_path / "x_test.bio", [Sentence("基因", ("B-protein", "I-protein"))])
    train, dev, test = layout.describe_splits(tmp_path)
    assert train == {
        "split": tmp_path.name, "part": "train", "patents": 2, "sentences": 3, "characters": 12, "longest": 8,
        "mentions": 2, "types": {"gene": 2}, "orphans": 0, "unique": 1, "unseen": None,
    }  # fmt: skip
    assert (dev["mentions"], dev["unique"], dev["unseen"], dev["orphans"]) == (3, 2, 2, 2)
    assert test["unseen"] == 1
