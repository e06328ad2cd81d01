"""Getting and checking the gold, its patents by name, folds for tuning."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import GOLD, find_gold, needs_gold

from cbpner.base.errors import InputError
from cbpner.text.bio import Sentence, list_mentions, read_bio, write_bio
from cbpner.text.gold import (
    COMMIT,
    choose_folds,
    cut_patents,
    find_bad_files,
    get_gold,
    git_blob_id,
    load_patents,
    name_patents,
    read_blob_ids,
    rebuild_total,
    tuning_folds,
    untested_patents,
)
from cbpner.text.splits import find_split_files, read_split, split_patents, write_split_info

TOTAL, CUT_TOTAL = "cbp_gold_total.bio", "no_long_cbp_gold_total.bio"


def make_patents(count=6):
    """Small patents a, b, c, ..., the first with one mention, the second with two, ..."""
    patents = {}
    for number in range(1, count + 1):
        head = Sentence(f"Abstract{number}", ("O",) * 9)
        body = Sentence("基癌" * number, ("B-gene", "O") * number)
        patents["abcdefgh"[number - 1]] = [head, body]
    return patents


def write_gold(folder, splits, patents=None):
    """A gold folder of small patents; `splits` are (train, dev, test) as strings of names."""
    patents = patents or make_patents()
    for number, split in enumerate(splits):
        info = dict(zip(("train", "dev", "test"), map(list, split), strict=True))
        write_split_info(folder / str(number) / "train_test_split.info", info)
        for part, names in info.items():
            sentences = [sentence for name in names for sentence in patents[name]]
            write_bio(folder / str(number) / f"no_long_x_{part}.bio", sentences)
            write_bio(folder / str(number) / f"x_{part}.bio", sentences)
    return folder


def list_ids(folder, totals=True):
    files = [path for path in folder.rglob("*") if path.is_file()]
    ids = {path.relative_to(folder).as_posix(): git_blob_id(path.read_bytes()) for path in sorted(files)}
    whole = b"".join((folder / "0" / f"x_{part}.bio").read_bytes() for part in ("train", "dev", "test"))
    return ids | ({TOTAL: git_blob_id(whole), CUT_TOTAL: git_blob_id(whole)} if totals else {})


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def source(tmp_path):
    """A small gold folder without its totals, whose first split lists the patents in name order."""
    return write_gold(tmp_path / "source", [("abcd", "e", "f"), ("acef", "d", "b")])


class BrokenHandler(SimpleHTTPRequestHandler):
    """Breaks off or spoils the first `bad` answers; remembers every path."""

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.server.bad:
            self.server.bad -= 1
            self.send_response(200)
            self.send_header("Content-Length", "1000" if self.server.truncate else "5")
            self.end_headers()
            self.wfile.write(b"wrong")
            return
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(source):
    (source / TOTAL).write_bytes(b"".join((source / "0" / f"x_{p}.bio").read_bytes() for p in ("train", "dev", "test")))
    (source / CUT_TOTAL).write_bytes((source / TOTAL).read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(BrokenHandler, directory=source)) as server:
        server.bad, server.truncate, server.paths = 0, False, []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_git_blob_ids_and_their_list():
    assert git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    ids = read_blob_ids()
    assert len(ids) == 37 and {len(blob_id) for blob_id in ids.values()} == {40}
    assert TOTAL in ids and "4/train_test_split.info" in ids
    assert len(COMMIT) == 40


def test_copying_puts_the_totals_together_and_can_run_twice(tmp_path, source):
    ids, target = list_ids(source), tmp_path / "target"
    assert set(get_gold(target, source, blob_ids=ids, say=list)) == set(ids)
    assert list_ids(target, totals=False) == ids
    assert get_gold(target, source, blob_ids=ids, say=list) == []
    (target / "0" / "x_dev.bio").write_text("spoilt")
    assert get_gold(target, source, blob_ids=ids, say=list) == ["0/x_dev.bio"]
    assert list_ids(target, totals=False) == ids


def test_a_wrong_source_is_named_and_nothing_is_copied(tmp_path, source):
    ids = list_ids(source)
    (source / "1" / "x_dev.bio").unlink()
    (source / "0" / "x_test.bio").write_text("基 O\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        get_gold(tmp_path / "target", source, blob_ids=ids, say=list)
    assert "1/x_dev.bio: missing" in str(caught.value) and "0/x_test.bio: found git blob id" in str(caught.value)
    assert not (tmp_path / "target").exists()
    with pytest.raises(InputError, match="no such folder"):
        get_gold(tmp_path / "target", tmp_path / "missing", blob_ids=ids, say=list)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="found a file"):
        get_gold(tmp_path / "file", source, blob_ids=ids, say=list)


def test_a_total_that_does_not_add_up_is_refused(tmp_path, source):
    with pytest.raises(InputError, match="do not add up"):
        rebuild_total(source, TOTAL, "0" * 40)
    assert not (source / TOTAL).exists()


@pytest.mark.parametrize("truncate", [False, True])
def test_a_bad_first_download_is_tried_again(tmp_path, source, server, truncate):
    ids, target = list_ids(source), tmp_path / "target"
    server.bad, server.truncate = 2, truncate
    get_gold(target, base_url=server.url, blob_ids=ids, say=list)
    assert list_ids(target, totals=False) == ids
    assert len(server.paths) == len(ids) + 2
    get_gold(target, base_url=server.url, blob_ids=ids, say=list)
    assert len(server.paths) == len(ids) + 2


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, source, server):
    ids, target = list_ids(source), tmp_path / "target"
    (source / "1" / "x_dev.bio").rename(tmp_path / "away")
    with pytest.raises(InputError, match="404.*--from DIR"):
        get_gold(target, base_url=server.url, blob_ids=ids, say=list)
    assert [path.name for path in target.iterdir()] == [".part"]
    (tmp_path / "away").rename(source / "1" / "x_dev.bio")
    (target / ".part" / "0" / "x_dev.bio").write_text("spoilt")
    before = len(server.paths)
    get_gold(target, base_url=server.url, blob_ids=ids, say=list)
    assert list_ids(target, totals=False) == ids
    assert "/0/x_dev.bio" in server.paths[before:] and "/0/x_test.bio" not in server.paths[before:]


def test_lasting_trouble_says_how_to_go_on(tmp_path, source, server):
    ids, target = list_ids(source), tmp_path / "target"
    server.bad = 100
    with pytest.raises(InputError, match=r"found git blob id .*--from DIR"):
        get_gold(target, base_url=server.url, blob_ids=ids, say=list)
    assert not target.exists()
    for url in ("http://127.0.0.1:1", "nonsense"):
        with pytest.raises(InputError, match=r"cannot be reached.*--from DIR"):
            get_gold(target, base_url=url, blob_ids=ids, say=list)


def test_patents_are_named_where_the_splits_agree(source):
    named = name_patents(source)
    assert list(named) == list("abcdef")
    patents = load_patents(source)
    assert [(s.chars, s.tags) for s in patents["d"]] == [(s.chars, s.tags) for s in make_patents()["d"]]
    text, path, line = named["d"]
    assert path.read_text(encoding="utf-8").split("\n")[line - 1 : line + 1] == text.split("\n")[:2]
    assert patents["d"][0].line == line


def test_patents_are_numbered_where_the_order_is_not_that_of_the_names(tmp_path):
    folder = write_gold(tmp_path, [("abcd", "e", "f"), ("acef", "d", "b")])
    info = {"train": list("caef"), "dev": ["d"], "test": ["b"]}
    write_split_info(folder / "1" / "train_test_split.info", info)
    assert list(name_patents(folder)) == ["patent-01", "b", "patent-03", "d", "e", "f"]


def test_a_patent_with_two_names_is_numbered(tmp_path):
    folder = write_gold(tmp_path, [("abcd", "e", "f"), ("acef", "d", "b")])
    write_split_info(folder / "1" / "train_test_split.info", {"train": list("zcef"), "dev": ["d"], "test": ["b"]})
    assert list(name_patents(folder)) == ["patent-01", *"bcdef"]


def test_no_name_is_given_where_a_file_and_its_list_differ(tmp_path):
    folder = write_gold(tmp_path, [("abcd", "e", "f")])
    write_split_info(folder / "0" / "train_test_split.info", {"train": list("abc"), "dev": ["e"], "test": ["f"]})
    assert list(name_patents(folder)) == ["patent-01", "patent-02", "patent-03", "patent-04", "e", "f"]


def test_unreadable_patents_are_named(tmp_path, source):
    path = source / "0" / "no_long_x_dev.bio"
    path.write_text("A O\nb X\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"no_long_x_dev\.bio:2"):
        load_patents(source)
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="no_long_x_dev.bio"):
        load_patents(source)


def test_folds_hold_each_untested_patent_out_once(tmp_path):
    folder = write_gold(tmp_path, [("abcdef", "g", "h"), ("abcdeh", "f", "g")], make_patents(8))
    assert untested_patents(folder) == list("abcdef")
    folds = tuning_folds(folder, n_folds=3)
    patents = {tuple(sentences): name for name, sentences in load_patents(folder).items()}
    held = [{patents[tuple(patent)] for patent in split_patents(out)} for _, out in folds]
    train = [{patents[tuple(patent)] for patent in split_patents(rest)} for rest, _ in folds]
    assert sorted(sum(map(list, held), [])) == list("abcdef")
    assert all(rest == set("abcdef") - out for rest, out in zip(train, held, strict=True))
    assert sorted(len(list_mentions(out)) for _, out in folds) == [7, 7, 7]
    assert folds == tuning_folds(folder, n_folds=3)


@pytest.mark.parametrize("n_folds", [1, 6])
def test_a_number_of_folds_that_makes_no_sense_is_refused(source, n_folds):
    with pytest.raises(InputError, match="folds"):
        tuning_folds(source, n_folds=n_folds)


def test_untested_patents_without_a_sure_text_are_refused(source):
    write_split_info(source / "1" / "train_test_split.info", {"train": list("caef"), "dev": ["d"], "test": ["b"]})
    with pytest.raises(InputError, match="no text for a, c"):
        tuning_folds(source, n_folds=2)


@needs_gold
@pytest.mark.parametrize("long", [False, True])
def test_the_whole_gold_set_is_21_named_patents_that_add_up_to_the_totals(long):
    named = name_patents(GOLD, long)
    assert len(named) == 21 and not any(name.startswith("patent-") for name in named)
    whole = "".join(named[name][0] for name in sorted(named)).encode()
    assert git_blob_id(whole) == read_blob_ids()[TOTAL if long else CUT_TOTAL]


@needs_gold
def test_the_names_hold_in_every_split():
    patents = load_patents(GOLD)
    assert sum(len(sentence.chars) for sentences in patents.values() for sentence in sentences) == 776_669
    for number in range(5):
        split, texts = read_split(GOLD / str(number)), {}
        for part in ("train", "dev", "test"):
            for sentences in split_patents(getattr(split, part)):
                texts[tuple(s.chars for s in sentences)] = part
        assert len(texts) == 21 and {tuple(s.chars for s in p) for p in patents.values()} == set(texts)


@needs_gold
def test_gold_sentences_know_their_lines():
    patents = load_patents(GOLD)
    sentences = split_patents(read_bio(find_split_files(GOLD / "0")["train"]))[1]
    assert sentences in list(patents.values())


@needs_gold
def test_cutting_by_text_and_by_sentence_agree():
    path = find_split_files(GOLD / "2", long=True)["train"]
    starts = [patent[0].line for patent in split_patents(read_bio(path))]
    assert [line for _, line in cut_patents(path)] == starts


@needs_gold
def test_twelve_patents_are_never_tested_and_make_balanced_folds():
    names = untested_patents(GOLD)
    assert len(names) == 12
    folds = tuning_folds(GOLD)
    assert [len(split_patents(out)) for _, out in folds] == [4, 4, 4]
    assert all(len(split_patents(rest)) == 8 for rest, _ in folds)
    mentions = [len(list_mentions(out)) for _, out in folds]
    assert sum(mentions) == 6433 and max(mentions) < 2 * min(mentions)
    patents = load_patents(GOLD)
    assert len(choose_folds({name: patents[name] for name in names}, 12, 0)) == 12


@needs_gold
def test_the_gold_at_hand_is_the_gold():
    assert set(find_bad_files(GOLD)) <= {TOTAL, CUT_TOTAL}


def test_the_tests_take_the_gold_of_the_checkout_then_that_beside_it(tmp_path):
    root, beside = tmp_path / "checkout", tmp_path / "shared" / "data" / "cbp_gold"
    root.mkdir()
    assert find_gold(root) is None
    for folder, found in ((beside, beside), (root / "data" / "cbp_gold", root / "data" / "cbp_gold")):
        folder.mkdir(parents=True)
        (folder / TOTAL).touch()
        assert find_gold(root).resolve() == found
