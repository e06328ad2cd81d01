"""The tagging service, what the page shows, and the endpoint; `test_app_page.py` tests the page in a browser."""

import json
import re
import shutil
import socket
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from cbpner import app
from cbpner.app import content, launch
from cbpner.app.content import LANGUAGES, read_texts
from cbpner.app.service import ServiceLimits, TaggingService, TaggingTimeout
from cbpner.base.errors import InputError
from cbpner.biology.genes.lexicons import read_gene_lexicon, read_lexicons
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.formats.document import Document, Span
from cbpner.prediction.tagger import Tagger

TEXT = "HER2阳性乳腺癌。\nBRCA1与基因，蛋白。\n人类基因\n一种方法\n甲乙丙丁\n检测方法"
TYPES = ("gene", "protein", "disease")


@pytest.fixture(scope="module")
def resolver():
    return EntityResolver(read_gene_lexicon(), read_lexicons([], "disease"))


@pytest.fixture(scope="module")
def service(tiny_tagger):
    return TaggingService({"tiny": tiny_tagger}, ServiceLimits(size=2000, seconds=30))


def make_document(text=TEXT, *spans, id="d"):
    return Document(id, text, [Span(start, end, label, text[start:end], score) for start, end, label, score in spans])


@pytest.mark.slow
def test_many_threads_get_their_own_answers(service, tiny_tagger):
    texts = [f"{TEXT}第{number}项" * (1 + number % 5) for number in range(40)]
    expected = list(Tagger.from_pretrained(tiny_tagger).tag_many(texts))
    with ThreadPoolExecutor(40) as pool:
        found = pool.map(lambda text: next(service.tag_many([text])), texts)
    assert [[span[:4] for span in each] for each in found] == [[span[:4] for span in each] for each in expected]
    assert any(expected)


def test_a_text_over_its_time_is_stopped_and_others_are_not(tiny_tagger):
    service = TaggingService({"tiny": tiny_tagger}, ServiceLimits(seconds=-1.0))
    with pytest.raises(TaggingTimeout):
        list(service.tag_many([TEXT]))
    assert len(list(service.tag_many(["甲" * 4000 + TEXT] * 2))) == 2, "the time grows with the text"
    with pytest.raises(TaggingTimeout):
        list(service.tag_many(["甲" * 4000], waited=10.0))


def test_models_are_found_in_folders_and_runs(tmp_path, tiny_tagger, tiny_encoder):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(tiny_tagger)
    (tmp_path / "models" / "encoder").symlink_to(tiny_encoder)
    (run := tmp_path / "runs" / "demo" / "0").mkdir(parents=True)
    (run / "metrics.json").write_text("{}")
    (run / "model").symlink_to(tiny_tagger)
    (tmp_path / "runs" / "unfinished" / "0" / "model").mkdir(parents=True)
    found = launch.find_models([tiny_tagger], [tmp_path / "models", tmp_path / "runs", tmp_path / "nothing"])
    names = [str(tiny_tagger), str(tmp_path / "models" / "mine"), str(tmp_path / "runs" / "demo" / "0")]
    assert list(found) == names
    shutil.copytree(tiny_tagger, exported := tmp_path / "exported", ignore=lambda *_: ["model.safetensors"])
    (exported / "model.onnx").touch()
    assert exported in launch.find_models([exported]).values() and launch.find_models([], [tmp_path])[str(exported)]
    with pytest.raises(InputError, match="none"):
        launch.find_models([tmp_path / "none"])


def test_three_models_stay_in_memory(tiny_tagger):
    with pytest.raises(InputError, match="'x'.*tiny"):
        TaggingService({"tiny": tiny_tagger}).get_tagger("x")
    service = TaggingService({name: tiny_tagger for name in "abcd"})
    for name in "abcda":
        service.get_tagger(name)
    assert service.loaded == ["c", "d", "a"]


def test_a_long_text_is_cut_with_a_note(monkeypatch):
    monkeypatch.setattr(content, "MAX_SHOWN", 6)
    document = make_document("甲乙丙丁HER2乳腺癌", (4, 8, "gene", 1.0), (8, 11, "disease", 1.0))
    page = content.render_documents([document] * 3, TYPES, read_texts("en") | {"rest": "only {shown}"})
    assert page.count("<section>") == 2 and "only 6" in page
    assert "甲乙丙丁</div>" in page and "甲乙</div>" in page  # before the span; what room is left
    page = content.render_documents([make_document("甲乙丙丁戊己")], TYPES, read_texts("en") | {"rest": "only {shown}"})
    assert "甲乙丙丁戊己</div>" in page and "only 6" not in page


def test_entities_are_counted_and_linked_to_hgnc(resolver):
    text = "HER2与HER2，HER2，乳腺癌，PCR"
    spans = [(0, 4, "gene", 0.9), (5, 9, "gene", 0.8), (10, 14, "protein", 0.7), (15, 18, "disease", 0.6)]
    document = make_document(text, *spans, (19, 22, "gene", 0.5))
    link = "[ERBB2 (HGNC:3430)](https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/3430)"
    assert content.list_entities([document], resolver, {"gene": "基因"}) == [
        ["基因", "HER2", 2, 0.85, link], ["disease", "乳腺癌", 1, 0.6, ""], ["基因", "PCR", 1, 0.5, ""],
        ["protein", "HER2", 1, 0.7, link],
    ]  # fmt: skip
    likely = content.filter_by_score([document], 0.75)
    assert content.list_entities(likely, resolver, {}) == [["gene", "HER2", 2, 0.85, link]]


def test_ambiguous_names_show_candidates():
    reading = SimpleNamespace(ids=("HGNC:1", "HGNC:2", "HGNC:3", "X:4"), is_settled=False)
    resolver = SimpleNamespace(resolve=lambda label, surface: ("gene", reading), labels={"HGNC:1": "A"})
    shown = content.identify("gene", "x", resolver)
    assert shown.startswith("? [A (HGNC:1)](") and shown.endswith("…") and "/ [HGNC:2](" in shown and "X:4" not in shown


def test_brat_takes_documents_of_any_id(tmp_path):
    ids = ["a", "a", "A", "", "", "中" * 300, "中" * 300, "\U0001f9ec" * 100, "/" * 300, "..", "a 2"]
    documents = [make_document("HER2", (0, 4, "gene", 0.9), id=id) for id in ids]
    with zipfile.ZipFile(content.write_download(documents, TYPES, "brat", tmp_path)) as file:
        names = [name for name in file.namelist() if name.endswith(".ann")]
        assert len({name.casefold() for name in names}) == len(ids) and {"a.ann", "a 2.ann", "document.ann"} <= {*names}
        assert all(file.read(name).startswith(b"T1\tgene 0 4\tHER2") for name in names)
    assert [path.name for path in tmp_path.iterdir()] == ["tagged_brat.zip"]
    assert len({each.id for each in content.number_ids([make_document(id="x")] * 2000)}) == 2000


def test_both_languages_have_the_same_texts_and_fields():
    english, chinese = map(read_texts, LANGUAGES)
    assert english.keys() == chinese.keys()
    for name in ("rest", "more", "TextTooLarge", "UnsupportedFile"):
        fields, others = (sorted(re.findall(r"{\w*", texts[name])) for texts in (english, chinese))
        assert fields == others


def test_large_and_unknown_files_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("乳腺癌", encoding="utf-8")
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    with pytest.raises(InputError, match=r"c\.pdf: .*\.txt or \.jsonl"):
        content.read_uploads([tmp_path / "c.pdf"], 1000)
    with pytest.raises(content.TextTooLarge, match="9 bytes.* 8"):
        content.read_uploads([tmp_path / "a.txt"], 8)


def test_a_network_without_relations_is_refused(resolver):
    with pytest.raises(content.EmptyNetwork):
        content.render_network([make_document("无")], resolver, "sentence", "Mine")


def test_runs_are_found_those_of_a_method_first():
    found = list(launch.find_run_folders([launch.runs.PROJECT / "results", "nothing"]))
    assert found[-1] == "results" and "results/Supervised_Original" in found
    assert not any(name.endswith("/0") for name in found)


@pytest.fixture(scope="module")
def api():
    pytest.importorskip("fastapi", reason="FastAPI is not installed: the extra `app`")
    from cbpner.app import api

    return api


@pytest.fixture(scope="module")
def client(service, api):
    from fastapi.testclient import TestClient

    from cbpner.app.request_guard import RequestGuard

    app = api.create_api(service)
    return TestClient(RequestGuard(app, "testserver", (), (), lambda: None, (), service.limits.request_size))


def test_the_endpoint_gives_the_taggers_spans(client, tiny_tagger):
    answer = client.post("/tag", json={"text": TEXT}).json()
    expected = Tagger.from_pretrained(tiny_tagger).tag(TEXT)
    assert [(s["start"], s["end"], s["label"], s["text"]) for s in answer["spans"]] == [s[:4] for s in expected]
    assert answer["model"] == "tiny" and answer["characters"] == len(TEXT) and answer["spans"]
    least = sorted(span.score for span in expected)[len(expected) // 2]
    fewer = client.post("/tag", json={"text": TEXT, "min_score": least}).json()["spans"]
    assert 0 < len(fewer) < len(expected) and all(span["score"] >= least for span in fewer)
    assert client.post("/tag", json={"text": ""}).json()["spans"] == []


@pytest.mark.parametrize("body, code, found", [
    (b'{"text": "a", "model": "x"}', 404, "tiny"), (b'{"text": 5}', 422, "body.text"), (b"{}", 422, "body.text"),
    (b"{", 422, "JSON"), (b'{"text": "a", "min_score": 2}', 422, "min_score"), (b'{"text": "\\ud800"}', 422, ""),
    (json.dumps({"text": "a" * 2001}).encode(), 413, "2,000"),
    (b'{"text": "' + b"a" * 30_000 + b'"}', 413, "22,000"), (b'{"text": "a", "min_score": NaN}', 422, ""),
    (b'{"text": "a", "min_score": 1e999}', 422, ""), (b'{"txt": "\\ud800"}', 422, ""),
    (b'{"text": "a", "model": "\\ud800"}', 404, ""), (b'{"text": ["secret\\ud800"]}', 422, ""), (b"NaN", 422, ""),
    (b"\xff\xfe", 422, ""), (b"", 422, ""), (b'{"text": "a", "min_score": ' + b"9" * 5000 + b"}", 422, ""),
    (b"[" * 20_000, 422, ""), ('{"text": "基因"}'.encode("gbk"), 422, "UTF-8"),
])  # fmt: skip
def test_bad_requests_get_a_short_reason_without_their_content(client, body, code, found):
    answer = client.post("/tag", content=body, headers={"content-type": "application/json"})
    detail = answer.json()["detail"]
    assert answer.status_code == code and found in detail and len(detail) < 300 and "secret" not in detail


def test_a_large_body_without_a_length_and_a_text_that_takes_too_long_are_refused(client, service, monkeypatch):
    answer = client.post("/tag", content=(b"a" * 5000 for _ in range(10)), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    monkeypatch.setattr(service, "limits", service.limits._replace(seconds=-1.0))
    answer = client.post("/tag", json={"text": TEXT})
    assert answer.status_code == 503 and answer.json()["detail"]


def test_under_load_health_answers_and_excess_requests_get_503(service, api, monkeypatch):
    from fastapi.testclient import TestClient

    gate = threading.Event()
    monkeypatch.setattr(api, "AT_ONCE", 2)
    monkeypatch.setattr(api, "WAITING", 3)
    monkeypatch.setattr(service, "tag_many", lambda texts, name, waited: gate.wait(60) and [[]])
    with TestClient(api.create_api(service)) as client, ThreadPoolExecutor(60) as pool:
        answers = [pool.submit(client.post, "/tag", json={"text": TEXT}) for _ in range(60)]
        end = time.monotonic() + 60
        while sum(answer.done() for answer in answers) < 55 and time.monotonic() < end:
            time.sleep(0.01)
        assert client.get("/health").status_code == 200 and client.get("/models").status_code == 200
        gate.set()
    assert sorted(answer.result().status_code for answer in answers) == [200] * 5 + [503] * 55


OWN = "127.0.0.1"


@pytest.mark.parametrize("own, host, origins, code", [
    *((OWN, host, (None, f"http://{host}"), None) for host in (f"{OWN}:7860", "localhost", "LOCALHOST:1", "[::1]:7")),
    *((OWN, host, (None,), 400) for host in ("evil.example", "", f"{OWN}.evil.example", "10.0.0.5", "[", "a@b:c:d")),
    (OWN, f"{OWN}:7860", ("http://evil.example", "null", f"http://{OWN}:1", "http://[", "file://"), 403),
    ("0.0.0.0", "10.0.0.5:80", (None, "http://10.0.0.5:80"), None), ("0.0.0.0", "evil.example", (None,), 400),
    (OWN, "ner.example", (None,), None), (OWN, f"{OWN}:7860", ("https://ner.example",), None),
])  # fmt: skip
def test_hosts_and_origins(own, host, origins, code):
    starlette = pytest.importorskip("starlette.exceptions", reason="Starlette is not installed: the extra `app`")
    from cbpner.app.request_guard import check_origin

    for origin in origins:
        with pytest.raises(starlette.HTTPException) if code else nullcontext() as refused:
            check_origin({"host": host} | ({"origin": origin} if origin else {}), own, {"ner.example"})
        assert code is None or refused.value.status_code == code


def test_without_gradio_a_message_says_what_to_install(monkeypatch, tiny_tagger, refuse):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "cbpner.app.server", raising=False)
    monkeypatch.delattr(app, "server", raising=False)
    assert "pip install 'cbpner[app]'" in refuse("app", "--model", tiny_tagger)


@pytest.mark.parametrize("host, family", [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_port_must_be_free(host, family):
    with socket.socket(family) as taken:
        try:
            taken.bind((host, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        taken.listen()
        launch.check_port(host, 0)
        for address in (taken.getsockname()[:2], (host, 70000)):
            with pytest.raises(InputError, match=str(address[1])):
                launch.check_port(*address)


@pytest.mark.parametrize("flags, found", [(["--models", "nowhere"], "--model"), (["--max-mb", "0"], "--max-mb")])
def test_bad_flags(flags, found, refuse):
    assert found in refuse("app", *flags)
