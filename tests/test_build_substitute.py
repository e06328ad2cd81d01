"""data/build_substitute.py: what goes into the substitute corpus, and what does not."""

from pathlib import Path

import pytest
from shell import load_script

from cbpner.text.bio import Sentence, write_bio

build_substitute = load_script("data/build_substitute.py")


@pytest.fixture
def texts(tmp_path):
    """The four files, 40 lines each; each line names its file and number."""
    folder = tmp_path / "texts"
    for name in build_substitute.TEXTS:
        (folder / name).parent.mkdir(parents=True)
        lines = [f"{Path(name).stem}第{number}行" for number in range(40)]
        (folder / name).write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def gold(tmp_path):
    """Split 3 of a gold of three training patents, a dev and a test patent."""
    folder = tmp_path / "gold" / "3"
    for part, patents in (("train", "甲乙丙"), ("dev", "丁"), ("test", "戊")):
        sentences = [text for name in patents for text in ("Abstract", f"专利{name}的摘要", f"专利{name}的权利要求")]
        write_bio(folder / f"no_long_gold_{part}.bio", [Sentence(text, ("O",) * len(text)) for text in sentences])
    return folder.parent


def run(*flags):
    return build_substitute.main(list(map(str, flags)))


def read(path):
    return [document.split("\n") for document in path.read_text(encoding="utf-8").rstrip("\n").split("\n\n")]


def test_every_line_is_in_one_part_and_the_same_files_give_the_same_bytes(texts, tmp_path):
    for name in ("out", "again"):
        assert run("--texts", texts, "-o", tmp_path / name) == 0
    for part in ("train.txt", "test.txt"):
        assert (tmp_path / "out" / part).read_bytes() == (tmp_path / "again" / part).read_bytes()
    train, held_out = (read(tmp_path / "out" / f"{part}.txt") for part in ("train", "test"))
    assert len(train) + len(held_out) == 2 * 40 + 2 * 5 and len(held_out) == 4
    lines = [line for document in train + held_out for line in document]
    assert len(lines) == len(set(lines)) == 160
    assert [len(document) for document in train if "liver" in document[0]][0] == 8
    assert ["csl_biomed第0行"] in train + held_out


def test_the_gold_gives_its_training_patents_and_dev_to_measure_on_but_never_test(texts, gold, tmp_path):
    assert run("--gold", gold, "--split", 3, "-o", tmp_path / "gold_alone") == 0
    train = [["Abstract", f"专利{name}的摘要", f"专利{name}的权利要求"] for name in "甲乙丙"]
    assert read(tmp_path / "gold_alone" / "train.txt") == train
    assert read(tmp_path / "gold_alone" / "test.txt") == [["Abstract", "专利丁的摘要", "专利丁的权利要求"]]
    run("--texts", texts, "-o", tmp_path / "texts_alone")
    run("--texts", texts, "--gold", gold, "--split", 3, "-o", tmp_path / "out")
    assert read(tmp_path / "out" / "train.txt") == read(tmp_path / "texts_alone" / "train.txt") + train
    assert read(tmp_path / "out" / "test.txt") == read(tmp_path / "texts_alone" / "test.txt")
