"""The page in headless Chromium, over a server in a process of its own."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from importlib.util import find_spec

import pytest
from shell import ROOT

pytestmark = [
    pytest.mark.slow,  # starts a server and a browser
    pytest.mark.skipif(find_spec("gradio") is None, reason="Gradio is not installed: the extra `app`"),
]

TEXT = "HER2阳性乳腺癌。\nBRCA1与基因，蛋白。\n人类基因\n一种方法\n甲乙丙丁\n检测方法"
GENES = "HER2，EGFR，BRCA1，TP53，乳腺癌，肺癌，KRAS，MDM2，PTEN。"
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
NAMES = """English brat txt jsonl text Benjamini Hochberg Ctrl reference genes tsv script hacked img src onerror window
    Hu Verberne bert base chinese mini cbp seqeval ddof metrics json python cbpner gold data dir bio id"""  # may stay
QUIET = ("Method not implemented",)  # what Chromium itself says


@pytest.fixture(scope="module")
def address(tiny_tagger, tmp_path_factory):
    """Of a server that takes files of 20,000 bytes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    words = ["app", "--model", tiny_tagger, "--models", folder, "--runs", folder, "--port", port, "--max-mb", "0.02"]
    (folder / "tmp").mkdir()
    shutil.copytree(ROOT / "results" / "BERT_LM_mixed_patent_seed0" / "0", folder / "mine" / "0")
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cbpner", *map(str, words)], stdout=log, stderr=log, cwd=folder,
            env=os.environ | {"TMPDIR": str(folder / "tmp")},
        )  # fmt: skip
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
                    break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
    assert "Traceback" not in (folder / "log").read_text()
    assert not list((folder / "tmp").glob("*")), "temporary files are left"


@pytest.fixture(scope="module")
def context(chromium):
    """One for all tests, so that the page's files are loaded once."""
    context = chromium.new_context(accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context, address):
    """The English page; the test fails for an error on its console, or a request to elsewhere."""
    page, faults = context.new_page(), []
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_default_timeout(30_000)
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    own = (address, "data:", "blob:", "about:")
    page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
    page.faults = faults
    open_page(page, f"{address}/en/")
    yield page
    page.close()
    assert [fault for fault in faults if not fault.startswith(QUIET)] == []


def open_page(page, url):
    page.goto(url)
    page.wait_for_selector("#go")
    page.wait_for_function("document.querySelectorAll('[role=tab]').length >= 4")
    page.wait_for_timeout(500)  # its scripts take hold of what is there


def tag(page, text=None):
    """Tag a pasted text, or what was dropped before; the frame with the result."""
    if text:
        page.fill("#text textarea", text)
    page.click("#go" if text else "#go_files")
    page.wait_for_selector("#shown iframe", timeout=60_000)
    return page.frame_locator("#shown iframe")


def drop(page, *paths):
    page.set_input_files("#files input[type=file]", paths)
    page.wait_for_function("count => document.querySelectorAll('#files tr').length == count", arg=len(paths))


def list_english(frame):
    """The English words of a page that are seen, or read out, outside the text of documents."""
    texts = frame.evaluate("""() => {
        const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            const isOwn = parent.getClientRects().length && !parent.closest("script, style, .text, tbody");
            if (isOwn) found.push(walker.currentNode.data);
        }
        for (const name of ["title", "placeholder", "aria-label", "data-label"])
            for (const element of document.querySelectorAll(`[${name}]`)) found.push(element.getAttribute(name));
        return found;
    }""")
    return sorted({word for text in texts for word in re.findall(r"\b[A-Z]?[a-z]{2,}\b", text)} - {*NAMES.split()})


def download(page, button, path):
    with page.expect_download() as started:
        page.click(button)
    started.value.save_as(path)
    return started.value.suggested_filename


def test_a_text_is_tagged_filtered_and_downloaded(page, tmp_path):
    from playwright.sync_api import expect

    shown = tag(page, TEXT)
    marks = shown.locator("mark[title]")
    marks.first.wait_for()
    labels = [mark.get_attribute("data-label") for mark in marks.all()]
    assert len(labels) > 3 and all(re.fullmatch(r"(gene|protein|disease) 0\.\d\d|\w+ 1\.00", each) for each in labels)
    assert shown.locator(".text").text_content() == TEXT
    assert page.locator("#entities tbody tr").count()
    assert f"{len(labels)} mentions" in page.locator("#summary").inner_text()
    least = sorted(float(label.split()[1]) for label in labels)[len(labels) // 2] + 0.005
    number = page.locator("#min_score input[type=number]")
    number.fill(f"{least:.2f}")
    number.press("Enter")
    number.blur()
    count = "document.querySelector('#shown iframe').srcdoc.split('<mark').length - 4"  # three are the legend's
    page.wait_for_function(f"count => {count} < count", arg=len(labels))
    expect(marks).to_have_count(page.evaluate(count))  # when the frame shows it
    kept = [mark.get_attribute("data-label") for mark in marks.all()]
    assert kept and all(float(label.split()[1]) >= round(least, 2) - 0.005 for label in kept)
    download(page, "#jsonl", tmp_path / "a.jsonl")
    (row,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert row["text"] == TEXT and len(row["spans"]) == len(kept)


def test_the_network_and_the_report_are_shown_and_downloaded(page, tmp_path):
    """All in Chinese; ids of documents are markup there neither."""
    open_page(page, page.url.replace("/en/", "/zh/"))
    rows = [json.dumps({"id": f"</script>{SCRIPT}{number}", "text": GENES}) + "\n" for number in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(rows), encoding="utf-8")
    drop(page, tmp_path / "a.jsonl")
    assert tag(page).locator("h2").first.inner_text() == f"</script>{SCRIPT}0"
    page.get_by_role("tab").nth(1).click()
    page.click("#draw")
    frame = page.frame_locator("#network iframe")
    frame.locator("svg, canvas").first.wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    assert frame.locator("body").evaluate("() => window.hacked") is None
    frame.locator("a[href$='#relations']").click()  # stays in the frame
    with page.expect_download():
        frame.locator("#save-edges").click()
    download(page, "#save_network", tmp_path / "network.html")
    assert SCRIPT not in (tmp_path / "network.html").read_text(encoding="utf-8")
    assert list_english(page.frames[-1]) == []
    page.get_by_role("tab").nth(2).click()
    page.click("#build")
    page.frame_locator("#report iframe").get_by_text("各方法的 F1", exact=True).first.wait_for(timeout=120_000)
    assert list_english(page.frames[-1]) == [] and "cbp_patent" in page.frames[-1].inner_text("body")
    assert download(page, "#save_report", tmp_path / "report") == "report.html"


def test_what_a_text_or_the_name_of_a_file_contains_does_not_run(page, tmp_path):
    for name in ("<img src=x onerror=window.hacked=1>.txt", "<b>x.jsonl"):
        (tmp_path / name).write_bytes(TEXT.encode() if name.endswith("txt") else b"{\n" * 60)
    drop(page, *sorted(tmp_path.iterdir()))
    tag(page)
    page.get_by_text("10 more could not be read").wait_for()
    assert page.locator("#notice li").count() == 51 and page.get_by_text("x.jsonl:2: found").is_visible()
    shown = tag(page, SCRIPT + TEXT)
    shown.locator("h2", has_text=re.compile("^text$")).wait_for()
    assert shown.locator(".text").first.text_content() == SCRIPT + TEXT and page.locator("#notice li").count() == 0
    page.wait_for_timeout(300)
    for place in (page.locator("body"), shown.locator("body")):
        assert place.evaluate("() => [window.hacked, document.querySelectorAll('img[src=x]').length]") == [None, 0]
    assert shown.locator("script").count() == 0


def test_files_keep_their_names_and_numbers_and_wrong_ones_are_refused(page, tmp_path):
    """Two files of one name; a patent's number; a pasted text stays out of it."""
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "CN1（公开）.txt", tmp_path / "b" / "CN1（公开）.txt"):
        path.write_text(TEXT, encoding="utf-8")
    rows = [{"number": "CN2A", "text": TEXT}, {"id": "own", "number": "CN3A", "text": TEXT}]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    page.fill("#text textarea", GENES)
    drop(page, tmp_path / "CN1（公开）.txt", tmp_path / "b" / "CN1（公开）.txt", tmp_path / "b.jsonl")
    shown = tag(page)
    shown.locator("h2").nth(3).wait_for()
    assert shown.locator("h2").all_inner_texts() == ["CN1（公开）", "CN1（公开） 2", "CN2A", "own"]
    for kind in ("csv", "brat"):
        download(page, f"#{kind}", tmp_path / kind)
    found, lines = shown.locator("mark[title]").count(), (tmp_path / "csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + found and all(len(line.rpartition(",")[2]) <= 6 for line in lines[1:])
    with zipfile.ZipFile(tmp_path / "brat") as file:
        names = [name for name in sorted(file.namelist()) if name.endswith("ann")]
        assert names == ["CN1（公开） 2.ann", "CN1（公开）.ann", "CN2A.ann", "own.ann"]
        assert sum(file.read(name).count(b"\n") for name in names) == found
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    (tmp_path / "d.txt").write_text("癌" * 10_000, encoding="utf-8")
    for name, reason in (("c.pdf", "type"), ("d.txt", "size")):
        open_page(page, page.url)
        page.set_input_files("#files input[type=file]", tmp_path / name)
        page.locator(".toast-body").first.wait_for()
        assert reason in page.locator(".toast-body").first.inner_text().lower()
    page.faults[:] = [fault for fault in page.faults if "413" not in fault]


def test_a_users_own_terms_and_mistakes_that_leave_the_table(page, tmp_path):
    page.click("#go")
    page.get_by_text("There is no text yet").wait_for()
    page.get_by_role("tab").nth(1).click()
    page.click("#draw")
    page.get_by_text("There are no tagged documents yet").wait_for()
    page.get_by_role("tab").nth(0).click()
    page.click("#terms button")
    page.fill("#terms textarea", "甲乙丙丁 gene\nBRCA1,none")
    marks = tag(page, TEXT).locator("mark[title]")
    own = marks.filter(has_text="甲乙丙丁")
    own.wait_for()
    assert own.get_attribute("title").startswith("gene, your own terms") and not marks.filter(has_text="BRCA1").count()
    rows = page.locator("#entities tbody tr").count()
    (tmp_path / "terms.tsv").write_text("# mine\n甲乙丙丁\tprotein\n检测方法\tmethod\nx", encoding="utf-8")
    (tmp_path / "a.txt").write_bytes("基因".encode("gb18030"))
    page.set_input_files("#terms input[type=file]", tmp_path / "terms.tsv")
    page.wait_for_function("document.querySelector('#terms textarea').value.includes('mine')")
    page.click("#go")
    page.wait_for_function("document.querySelectorAll('#notice li').length == 3")
    found = "\n".join(page.locator("#notice li").all_inner_texts())
    pattern = r"line (\d): .*?(protein|method|1 column)"
    assert re.findall(pattern, found) == [("4", "protein"), ("5", "method"), ("6", "1 column")]
    assert own.count() == 1 and page.locator("#entities tbody tr").count() == rows > 0
    drop(page, tmp_path / "a.txt")
    page.click("#go_files")
    page.get_by_text("a.txt: found").wait_for()
    assert page.get_by_text("No document could be read").is_visible() and own.count() == 1


def test_both_languages_and_a_narrow_window(page, tmp_path):
    page.get_by_text("中文", exact=True).click()
    page.wait_for_url("**/zh/")
    assert page.locator("#go").inner_text() == "识别文本" and page.locator("h1").inner_text().startswith("中文专利")
    page.set_viewport_size({"width": 400, "height": 800})
    page.locator(".example").first.click()  # at once: Gradio loses what the server fills in so early
    page.click("#go")
    page.frame_locator("#shown iframe").locator("mark[title]").first.wait_for()
    page.click("#terms button")
    page.fill("#terms textarea", "甲乙丙丁 基因\n乙 基因")
    page.click("#go")
    page.locator("#notice li").wait_for()
    assert list_english(page.main_frame) == list_english(page.frames[1]) == []
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"text": 2}\n{"text": "甲"', encoding="utf-8")
    drop(page, tmp_path / "a.jsonl")
    page.click("#go_files")
    page.wait_for_function("document.querySelectorAll('#notice li').length == 4")
    assert list_english(page.main_frame) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.fill("#text textarea", "癌" * 10_000)
    page.click("#go")
    page.get_by_text("大小为 30,000 字节，此处最多处理 20,000 字节").wait_for()


def test_the_first_page_is_in_the_browsers_language(address):
    request = urllib.request.Request(f"{address}/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    with urllib.request.urlopen(request) as answer:
        assert answer.url == f"{address}/zh/"
        assert "default-src 'self'" in answer.headers["content-security-policy"]


# ---- requests that no page of ours sends ----

FILE = {"_type": "gradio.FileData"}
TAG, TAG_FILES = 4, 5  # numbers of functions of the page, in the order in which it names them


def send(address, path, body=None, **headers):
    """(status, bytes) of a request."""
    headers = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def join(address, values, number=TAG_FILES, **headers):
    """Press a button that tags."""
    body = {"data": values, "fn_index": number, "session_hash": "test", "trigger_id": 1, "event_data": None}
    return send(address, "/en/gradio_api/queue/join", json.dumps(body).encode(), **headers)


@pytest.fixture
def secret(tmp_path):
    """A file that the server may read, and nobody has uploaded."""
    (tmp_path / "secret.txt").write_text("a secret", encoding="utf-8")
    return tmp_path / "secret.txt"


def test_files_of_the_server_are_not_served(address, secret):
    model = json.loads(send(address, "/models")[1])["default"]
    crafted = {"path": str(secret), "meta": FILE}
    form = f'--x\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\n{TEXT}\r\n--x--\r\n'
    answer = send(address, "/en/gradio_api/upload", form.encode(), content_type="multipart/form-data; boundary=x")
    (uploaded,) = json.loads(answer[1])
    for values in (
        crafted, [crafted], [[crafted]], [crafted | {"path": f"{uploaded}/../../../{secret}"}],
        [{"url": f"{address}/health", "meta": FILE}], [crafted | {"path": f"{address}/health?a=.txt"}],
    ):  # fmt: skip
        for place, number in ((0, TAG), (0, TAG_FILES), (1, TAG), (2, TAG)):
            status, answer = join(address, [values if at == place else "" for at in range(3)] + [0], number)
            assert status == 422 and b"expected" in answer and b"secret" not in answer, values
    for path in (secret, "/etc/hostname", f"{address}/health", f"{uploaded}/../../../../{secret}", "cbp.txt", "%00"):
        assert send(address, f"/en/gradio_api/file={path}")[0] == 404, path
    for path in ("run/tag", "call/tag", "call/v2/tag", "api/tag", "component_server", "stream/x", "nothing"):
        assert send(address, f"/en/gradio_api/{path}", b"{}")[0] == 404, path
    for path in (f"proxy={address}/health", f"file/{secret}", "runs", "stream/a/b/1/playlist-file", "deep_link"):
        assert send(address, f"/en/gradio_api/{path}")[0] == 404, path
    assert join(address, [[{"path": uploaded, "meta": FILE}], model, "", 0])[0] == 200
    found = send(address, "/en/gradio_api/queue/data?session_hash=test")[1].decode()
    assert '"success":true' in found and "1 document," in found
    assert send(address, f"/en/gradio_api/file={uploaded}")[1] == TEXT.encode()


def test_names_of_other_machines_and_pages_of_other_sites_are_refused(address):
    body = json.dumps({"text": TEXT}).encode()
    assert send(address, "/health", host="evil.example")[0] == 400
    for origin in ("https://evil.example", "http://127.0.0.1:1", "null"):
        status, answer = send(address, "/tag", body, origin=origin)
        assert status == 403 and origin.encode() in answer
        assert join(address, [TEXT, "x", "", 0], origin=origin)[0] == 403
    assert send(address, "/tag", body, origin=address)[0] == 200


def test_large_requests_are_refused_on_every_path(address):
    big = b"a" * 200_000
    for path in ("/tag", "/en/gradio_api/queue/join", "/en/gradio_api/upload", "/zh/gradio_api/reset", "/nothing"):
        status, answer = send(address, path, big)
        assert status == 413 and b"found more than 130,000 bytes" in answer, path
