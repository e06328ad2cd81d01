"""Getting and checking the gold, its patents by name, folds for tuning."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import GOLD, needs_gold

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.text import gold
from cbpner.text.bio import Sentence, list_mentions, read_bio, write_bio
from cbpner.text.gold import get_gold, git_blob_id, load_patents, name_patents, read_blob_ids, tuning_folds
from cbpner.text.splits import find_split_files, split_patents, write_split_info

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
            for prefix in ("no_long_x", "x"):
                write_bio(folder / str(number) / f"{prefix}_{part}.bio", sentences)
    return folder


def read_whole(source):
    """The bytes of a total of the small gold."""
    return b"".join((source / "0" / f"x_{part}.bio").read_bytes() for part in ("train", "dev", "test"))


def list_ids(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): git_blob_id(path.read_bytes()) for path in files}


@pytest.fixture
def source(tmp_path):
    """A small gold folder without its totals, whose first split lists the patents in name order."""
    return write_gold(tmp_path / "source", [("abcd", "e", "f"), ("acef", "d", "b")])


@pytest.fixture
def ids(source, monkeypatch):
    """The blob ids of the small gold and of its totals, which take the place of the gold's."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ids = list_ids(source) | dict.fromkeys((TOTAL, CUT_TOTAL), git_blob_id(read_whole(source)))
    monkeypatch.setattr(gold, "read_blob_ids", lambda: ids)
    return ids


class BrokenHandler(SimpleHTTPRequestHandler):
    """Breaks off or spoils the first `bad` answers; remembers every path."""

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.server.bad:
            self.server.bad -= 1
            self.send_response(503 if self.server.bad == 99 else 200)
            self.send_header("Content-Length", "1000" if self.server.bad % 2 else "5")
            self.end_headers()
            self.wfile.write(b"wrong")
            return
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(source, ids):
    for name in (TOTAL, CUT_TOTAL):
        (source / name).write_bytes(read_whole(source))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(BrokenHandler, directory=source)) as server:
        server.bad, server.paths = 0, []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_git_blob_ids_and_their_list():
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    ids = read_blob_ids()
    assert len(ids) == 37 and {len(blob_id) for blob_id in (*ids.values(), gold.COMMIT)} == {40}
    assert TOTAL in ids and "4/train_test_split.info" in ids


def test_copying_puts_the_totals_together_and_can_run_twice(tmp_path, source, ids):
    target = tmp_path / "target"
    assert set(get_gold(target, source)) == set(ids)
    assert list_ids(target) == ids
    assert get_gold(target, source) == []
    for path in ("0/x_dev.bio", TOTAL):
        (target / path).write_text("spoilt")
        assert get_gold(target, source) == [path] and list_ids(target) == ids


def test_a_wrong_source_is_named_and_nothing_looks_whole(tmp_path, source, ids):
    target, file = tmp_path / "target", tmp_path / "file"
    (source / "0" / "x_test.bio").write_text("基 O\n", encoding="utf-8")
    file.touch()
    wrong = (target, source, "0/x_test.bio"), (target, tmp_path / "missing", "missing"), (file, source, "file")
    for out, folder, found in wrong:
        with pytest.raises(InputError, match=found):
            get_gold(out, folder)
    assert {path.name for path in target.iterdir()} <= {".part"}
    with pytest.raises(InputError, match=TOTAL):
        gold.rebuild_total(source, TOTAL, "0" * 40)
    assert not (source / TOTAL).exists()


def test_a_bad_download_is_tried_again_and_lasting_trouble_says_how_to_resume(tmp_path, ids, server):
    target = tmp_path / "target"
    server.bad = 100
    for url in (server.url, "http://127.0.0.1:1", "nonsense"):
        with pytest.raises(InputError, match="--from DIR"):
            get_gold(target, base_url=url)
        assert not target.exists()
    server.bad, server.paths = 2, []
    for _ in range(2):
        get_gold(target, base_url=server.url)
        assert list_ids(target) == ids and len(server.paths) == len(ids) + 2


def test_a_broken_download_resumes(tmp_path, source, ids, server):
    target, file = tmp_path / "target", source / "1" / "x_dev.bio"
    file.rename(tmp_path / "away")
    with pytest.raises(InputError, match="404.*--from DIR"):
        get_gold(target, base_url=server.url)
    assert [path.name for path in target.iterdir()] == [".part"]
    (tmp_path / "away").rename(file)
    (target / ".part" / "0" / "x_dev.bio").write_text("spoilt")
    server.paths = []
    get_gold(target, base_url=server.url)
    assert list_ids(target) == ids
    assert "/0/x_dev.bio" in server.paths and "/0/x_test.bio" not in server.paths


def test_patents_are_named_where_the_splits_agree_and_unreadable_ones_by_their_place(source):
    named = name_patents(source)
    assert list(named) == list("abcdef")
    patents = load_patents(source)
    assert [(s.chars, s.tags) for s in patents["d"]] == [(s.chars, s.tags) for s in make_patents()["d"]]
    text, path, line = named["d"]
    assert path.read_text(encoding="utf-8").split("\n")[line - 1 : line + 1] == text.split("\n")[:2]
    assert patents["d"][0].line == line
    path = source / "0" / "no_long_x_dev.bio"
    for content, found in ((b"A O\nb X\n", r"no_long_x_dev\.bio:2"), (b"\xff", "no_long_x_dev.bio")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=found):
            load_patents(source)


@pytest.mark.parametrize(("splits", "number", "info", "names"), [
    (["abcd e f", "acef d b"], 1, "caef d b", "patent-01 b patent-03 d e f"),  # not in the order of the names
    (["abcd e f", "acef d b"], 1, "zcef d b", "patent-01 b c d e f"),  # a patent with two names
    (["abcd e f"], 0, "abc e f", "patent-01 patent-02 patent-03 patent-04 e f"),  # fewer names than patents
])  # fmt: skip
def test_patents_without_a_sure_name_are_numbered(tmp_path, splits, number, info, names):
    folder = write_gold(tmp_path, [split.split() for split in splits])
    parts = dict(zip(("train", "dev", "test"), map(list, info.split()), strict=True))
    write_split_info(folder / str(number) / "train_test_split.info", parts)
    assert list(name_patents(folder)) == names.split()
    if info == "caef d b":
        with pytest.raises(InputError, match="a, c"):
            tuning_folds(folder, n_folds=2)


def test_folds_hold_each_untested_patent_out_once(tmp_path):
    folder = write_gold(tmp_path, [("abcdef", "g", "h"), ("abcdeh", "f", "g")], make_patents(8))
    assert gold.untested_patents(folder) == list("abcdef")
    folds = tuning_folds(folder, n_folds=3)
    patents = {tuple(sentences): name for name, sentences in load_patents(folder).items()}
    held = [{patents[tuple(patent)] for patent in split_patents(out)} for _, out in folds]
    train = [{patents[tuple(patent)] for patent in split_patents(rest)} for rest, _ in folds]
    assert sorted(sum(map(list, held), [])) == list("abcdef")
    assert all(rest == set("abcdef") - out for rest, out in zip(train, held, strict=True))
    assert sorted(len(list_mentions(out)) for _, out in folds) == [7, 7, 7]
    assert folds == tuning_folds(folder, n_folds=3)
    for n_folds in (1, 7):
        with pytest.raises(InputError, match="folds"):
            tuning_folds(folder, n_folds=n_folds)


def test_folds_write_into_a_new_folder_alone_and_advise_no_flag_that_they_lack(tmp_path, capsys):
    assert main(["folds", str(tmp_path), "-o", str(tmp_path)]) == 2
    assert "a new name\n" in capsys.readouterr().err


@pytest.mark.slow
@needs_gold
def test_the_gold_is_21_named_patents_that_add_up_to_the_totals_and_12_make_balanced_folds():
    from cbpner.reports.curve import GOLD_TRAIN_PATENTS

    bad = {path for path, blob_id in read_blob_ids().items() if not gold.has_blob_id(GOLD / path, blob_id)}
    assert bad <= {TOTAL, CUT_TOTAL}
    for long, total in ((False, CUT_TOTAL), (True, TOTAL)):
        named = name_patents(GOLD, long)
        assert len(named) == 21 and not any(name.startswith("patent-") for name in named)
        assert git_blob_id("".join(named[name][0] for name in sorted(named)).encode()) == read_blob_ids()[total]
    patents = load_patents(GOLD)
    assert sum(len(sentence.chars) for sentences in patents.values() for sentence in sentences) == 776_669
    path, other = (find_split_files(GOLD / number)["train"] for number in "04")
    sentences = split_patents(read_bio(path))
    assert len(split_patents(read_bio(other))) == len(sentences) == GOLD_TRAIN_PATENTS
    assert [patent in list(patents.values()) for patent in sentences] == [True] * 18
    assert [line for _, line in gold.cut_patents(path)] == [patent[0].line for patent in sentences]
    folds, mentions = tuning_folds(GOLD), [len(list_mentions(out)) for _, out in tuning_folds(GOLD)]
    assert [(len(split_patents(rest)), len(split_patents(out))) for rest, out in folds] == [(8, 4)] * 3
    assert sum(mentions) == 6433 and max(mentions) < 2 * min(mentions) and len(gold.untested_patents(GOLD)) == 12
