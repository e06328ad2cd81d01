"""The page in headless Chromium, over a server in a process of its own."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("gradio", reason="Gradio is not installed: the extra `app`")

TEXT = "HER2阳性乳腺癌。\nBRCA1与基因，蛋白。\n人类基因\n一种方法\n甲乙丙丁\n检测方法"
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
QUIET = ("Method not implemented",)  # what Chromium itself says


@pytest.fixture(scope="module")
def address(tiny_tagger, tmp_path_factory):
    """Of a server that takes files of 20,000 bytes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    words = ["app", "--model", tiny_tagger, "--models", folder, "--port", port, "--max-mb", "0.02"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cbpner", *map(str, words)], stdout=log, stderr=log, cwd=folder
        )
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


@pytest.fixture
def page(chromium, address):
    """The English page; the test fails for an error on its console, or a request to elsewhere."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page, faults = context.new_page(), []
    page.set_default_timeout(30_000)
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if is_elsewhere(request.url, address) else None)
    page.faults = faults
    open_page(page, f"{address}/en/")
    yield page
    context.close()
    assert [fault for fault in faults if not fault.startswith(QUIET)] == []


def is_elsewhere(url, address):
    return not url.startswith((address, "data:", "blob:", "about:"))


def open_page(page, url):
    page.goto(url)
    page.wait_for_selector("#go")
    page.wait_for_function("document.querySelectorAll('[role=tab]').length >= 4")
    page.wait_for_timeout(500)  # its scripts take hold of what is there


def tag(page, text):
    """Paste and tag a text; the frame with the result."""
    page.fill("#text textarea", text)
    page.click("#go")
    page.wait_for_selector("#shown iframe", timeout=60_000)
    return page.frame_locator("#shown iframe")


def test_a_text_is_tagged_filtered_and_downloaded(page, tmp_path):
    shown = tag(page, TEXT)
    shown.locator("mark[title]").first.wait_for()
    marks = shown.locator("mark[title]")
    labels = [mark.get_attribute("data-label") for mark in marks.all()]
    assert len(labels) > 3 and all(re.fullmatch(r"(gene|protein|disease) 0\.\d\d|\w+ 1\.00", each) for each in labels)
    assert shown.locator(".text").inner_text() == TEXT
    rows = page.locator("#entities tbody tr").count()
    assert rows > 0 and f"{len(labels)} mentions" in page.locator("#summary").inner_text()
    scores = sorted(float(label.split()[1]) for label in labels)
    least = scores[len(scores) // 2] + 0.005
    number = page.locator("#least input[type=number]")
    number.fill(f"{least:.2f}")
    number.press("Enter")
    number.blur()
    page.wait_for_function(
        "count => document.querySelector('#shown iframe').srcdoc.split('<mark').length - 4 < count", arg=len(labels)
    )
    kept = [mark.get_attribute("data-label") for mark in marks.all()]
    assert kept and all(float(label.split()[1]) >= round(least, 2) - 0.005 for label in kept)
    with page.expect_download() as download:
        page.click("#jsonl")
    download.value.save_as(tmp_path / "a.jsonl")
    (row,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert row["text"] == TEXT and len(row["spans"]) == len(kept)


def test_what_a_text_contains_does_not_run(page):
    shown = tag(page, SCRIPT + TEXT)
    shown.locator("mark[title]").first.wait_for()
    assert shown.locator(".text").inner_text() == SCRIPT + TEXT
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert shown.locator("body").evaluate("() => [window.hacked, document.querySelectorAll('img, script').length]") == [
        None, 0,
    ]  # fmt: skip


def test_files_are_dropped_and_wrong_ones_refused(page, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": "second", "text": TEXT}) + "\n", encoding="utf-8")
    page.set_input_files("#files input[type=file]", [tmp_path / "a.txt", tmp_path / "b.jsonl"])
    page.wait_for_function("document.querySelectorAll('#files tr').length == 2")
    page.click("#go")
    page.wait_for_selector("#shown iframe", timeout=60_000)
    headings = page.frame_locator("#shown iframe").locator("h2")
    headings.nth(1).wait_for()
    assert headings.all_inner_texts() == ["a", "second"]
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    open_page(page, page.url)
    page.set_input_files("#files input[type=file]", tmp_path / "c.pdf")
    page.locator(".toast-body").first.wait_for()
    assert "type" in page.locator(".toast-body").first.inner_text().lower()


def test_a_file_that_is_too_large_is_refused(page, tmp_path):
    (tmp_path / "a.txt").write_text("癌" * 10_000, encoding="utf-8")
    page.set_input_files("#files input[type=file]", tmp_path / "a.txt")
    page.locator(".toast-body").first.wait_for()
    assert "size" in page.locator(".toast-body").first.inner_text().lower()
    page.faults[:] = [fault for fault in page.faults if "413" not in fault]
    open_page(page, page.url)
    page.fill("#text textarea", "癌" * 10_000)
    page.click("#go")
    page.locator(".toast-body").first.wait_for()
    assert "found 0.0 MB; expected at most 0 MB" in page.locator(".toast-body").first.inner_text()


def test_nothing_to_tag_and_nothing_to_draw_are_said(page):
    page.click("#go")
    page.get_by_text("There is no text yet").wait_for()
    page.get_by_role("tab").nth(1).click()
    page.click("#draw")
    page.get_by_text("There are no tagged documents yet").wait_for()


def test_both_languages_and_a_narrow_window(page, address):
    open_page(page, f"{address}/en/")
    page.get_by_text("中文", exact=True).click()
    page.wait_for_url("**/zh/")
    page.wait_for_selector("#go")
    assert page.locator("#go").inner_text() == "开始标注" and page.locator("h1").inner_text().startswith("中文专利")
    page.click("#example")
    page.wait_for_function("document.querySelector('#text textarea').value.length > 50")
    page.set_viewport_size({"width": 400, "height": 800})
    tag(page, TEXT).locator("mark[title]").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_browser_gets_its_language(address):
    for accepted, path in (("zh-CN,zh;q=0.9", "/zh/"), ("en-GB", "/en/")):
        request = urllib.request.Request(f"{address}/", headers={"accept-language": accepted})
        with urllib.request.urlopen(request) as answer:
            assert answer.url == address + path
            assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_other_names_of_this_machine_are_refused(address):
    request = urllib.request.Request(f"{address}/health", headers={"host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)
