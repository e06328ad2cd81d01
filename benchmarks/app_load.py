"""`cbpner app` under load: many clients at once on loopback, each with texts of its own, and every answer checked.

python -m benchmarks.app_load [--model MODEL] [--clients 50] [--requests 10] [-o OUT.json]

Starts the server in a process of its own. Each client sends one request after another to POST /tag: texts of 50 to 500
characters, no two alike. An answer counts as right if its spans are those that `Tagger` gives for the very text, as
many, in the same places, with the same scores to 0.02 (batches differ, and with them the last digits in bfloat16).
Latency is from the first byte sent to the last one received. Without --model the shipped encoder with a head that was
not trained stands in.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

from benchmarks.common import invent_lines, make_tagger, write_figures
from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded

PERCENTILES = (50, 95, 99)
SCORE_TOLERANCE = 0.02


def invent_texts(count):
    """Texts of 50 to 500 characters, no two alike."""
    lines = "".join(islice(invent_lines(), 10 * count))
    size = [50 + 450 * (number % 10) // 9 for number in range(count)]
    return [f"第{number}段：{lines[number * 7 : number * 7 + length]}"[:length] for number, length in enumerate(size)]


def start_server(model, port):
    """The process, once it answers."""
    words = ["app", "--model", model, "--models", model, "--port", port]
    server = subprocess.Popen([sys.executable, "-m", "cbpner", *map(str, words)], stdout=subprocess.DEVNULL)
    while True:
        try:
            if ask(port, "GET", "/health")[0] == 200:
                return server
        except OSError:
            if server.poll() is not None:
                raise InputError(f"cbpner app ended with {server.returncode}; expected it to answer") from None
            time.sleep(0.2)


def ask(port, method, path, body=None):
    """(status, answer)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request(method, path, body and json.dumps(body).encode(), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def run_client(port, texts, expected, found, gate):
    """Send the texts one after another; found: (seconds, `right`, `wrong` or the fault) of each."""
    gate.wait()
    for text, spans in zip(texts, expected, strict=True):
        start = time.perf_counter()
        try:
            status, answer = ask(port, "POST", "/tag", {"text": text})
            state = ("right" if is_same(answer["spans"], spans) else "wrong") if status == 200 else status
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            state = type(error).__name__
        found.append((time.perf_counter() - start, state))


def is_same(spans, expected):
    places = [(span["start"], span["end"], span["label"], span["text"]) for span in spans]
    scores = zip((span["score"] for span in spans), (span.score for span in expected), strict=False)
    is_close = all(abs(one - other) < SCORE_TOLERANCE for one, other in scores)
    return is_close and places == [span[:4] for span in expected]


def load(port, texts, expected, clients, requests):
    """(answers of all clients, seconds from the first to the last)"""
    found, gate, threads = [], threading.Barrier(clients + 1), []
    for number in range(clients):
        own = slice(number * requests, (number + 1) * requests)
        threads.append(threading.Thread(target=run_client, args=(port, texts[own], expected[own], found, gate)))
        threads[-1].start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return found, time.perf_counter() - start


def summarize(found, seconds, characters):
    """Counts of states, latency in seconds by percentile, rates."""
    times = sorted(time for time, _ in found)
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    states = [str(state) for _, state in found]
    return {
        "requests": len(found), "states": {state: states.count(state) for state in sorted(set(states))},
        "latency": {f"p{each}": round(cuts[each - 1], 3) for each in PERCENTILES} | {"max": round(times[-1], 3)},
        "requests_per_second": round(len(found) / seconds, 1), "characters_per_second": round(characters / seconds),
    }  # fmt: skip


def measure(args):
    from cbpner.prediction.tagger import Tagger

    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        model = Path(args.model or make_tagger(Path(name)))
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        texts = invent_texts(args.clients * args.requests)
        expected = list(Tagger.from_pretrained(model).tag_many(texts))
        server = start_server(model, port)
        try:
            load(port, texts[:2], expected[:2], 1, 2)  # warms up
            found, seconds = load(port, texts, expected, args.clients, args.requests)
        finally:
            server.terminate()
            server.wait()
    figures = {"clients": args.clients} | summarize(found, seconds, sum(map(len, texts)))
    figures |= {"spans": sum(map(len, expected)), "threads": os.environ.get("OMP_NUM_THREADS", "all")}
    print(json.dumps(figures, indent=1))
    write_figures(args.output, figures)
    return 0 if set(figures["states"]) == {"right"} else 1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a tagger's folder")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=10, help="of each client")
    parser.add_argument("-o", "--output", help="JSON of what was measured")
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
