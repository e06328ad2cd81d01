"""Files named by URIs, here `file://`: listed, copied, read, and told from one another when a job goes on."""

import json
from pathlib import Path

import pytest

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.prediction.inputs import Rejected, read_sources
from cbpner.prediction.remote import copy_remote, list_remote
from cbpner.prediction.sources import open_sources


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_text("人类基因", encoding="utf-8")
    (folder / "sub" / "a.jsonl").write_text(json.dumps({"id": "x", "text": "乳腺癌"}) + "\n{\n", encoding="utf-8")
    (folder / "notes.png").write_bytes(b"%PDF")
    return folder


def test_the_same_documents_as_from_the_folder(store):
    with open_sources([store]) as near, open_sources([f"file://{store}"]) as far:
        assert [source.id for source in near] == [source.id for source in far] == ["b", "sub/a"]
        own, other = list(read_sources(near)), list(read_sources(far))
    assert own[:2] == other[:2] and [document.text for document in own[:2]] == ["人类基因", "乳腺癌"]
    assert isinstance(other[2], Rejected) and other[2].source == f"file://{store}/sub/a.jsonl:2"


def test_a_single_file_and_what_is_not_there(store):
    with open_sources([f"file://{store}/b.txt"]) as sources:
        assert [(source.id, source.name, source.kind) for source in sources] == [("b", f"file://{store}/b.txt", "txt")]
    for uri in (f"file://{store}/c.txt", "nosuchscheme://a/b", f"file://{store}/notes.png"):
        with pytest.raises(InputError, match=f"^{uri}: "), open_sources([uri]):
            pass
    with pytest.raises(InputError, match=".csv"), open_sources([f"file://{store}"], "csv"):
        pass


def test_a_copy_goes_with_its_block_and_a_lost_file_is_a_bad_one(store):
    (uri, name, version), *_ = list_remote(f"file://{store}/b.txt")
    assert (uri, name) == (f"file://{store}/b.txt", "b.txt")
    with copy_remote(uri) as path:
        assert path.read_text(encoding="utf-8") == "人类基因"
    assert not Path(path).exists()
    with open_sources([f"file://{store}"]) as sources:
        (store / "b.txt").unlink()
        first, second, *_ = read_sources(sources)
    assert isinstance(first, Rejected) and "cannot be read" in first.reason and second.text == "乳腺癌"


def test_names_that_a_uri_must_write_otherwise(tmp_path):
    texts = {"CN1.txt": "基因", "CN1.txt#2.txt": "乳腺癌", "a%62.txt": "肺癌", "ab.txt": "肝癌", "专利 1.txt": "蛋白"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with open_sources([f"file://{tmp_path}"]) as sources:
        found = {document.id: document.text for document in read_sources(sources)}
    assert found == {name.removesuffix(".txt"): text for name, text in texts.items()}
    for uri in (f"file://{tmp_path}/专利 1.txt", f"file://{tmp_path}/%E4%B8%93%E5%88%A9%201.txt"):
        with open_sources([uri]) as sources:
            assert [document.text for document in read_sources(sources)] == ["蛋白"]


def test_a_job_knows_a_changed_file(store, tmp_path, tiny_tagger, capsys, refuse):
    words = ["predict", f"file://{store}", "-o", f"{tmp_path}/out/", "--model", str(tiny_tagger), "--precision", "fp32"]
    assert main(words) == 1 and main(words) == 1
    assert "finished already" in capsys.readouterr().err
    (store / "b.txt").write_text("人类", encoding="utf-8")
    assert "1 b: " in refuse(*words)


def test_out_within_what_is_read_is_refused(store, tiny_tagger, refuse):
    message = refuse("predict", f"file://{store}", "-o", f"{store}/out/", "--model", tiny_tagger)
    assert f"{store}/out" in message and not (store / "out").exists()
