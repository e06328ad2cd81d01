"""Fixtures that several test files use: small vocabularies, encoders with random weights, tiny runs; no network."""

import multiprocessing
import os
import random
import shutil
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from hypothesis import settings

from cbpner.text.bio import Sentence, write_bio
from cbpner.text.labels import spans_to_tags
from cbpner.text.tokenizer import is_han

settings.register_profile("shared-machine", deadline=None, max_examples=40)
settings.load_profile("shared-machine")

HAN_CHARACTERS = 1200
SPECIAL = ["[PAD]", *(f"[unused{number}]" for number in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORD_PIECES = ["protein", "brca", "##1", "##gene", "##基", "2019", "。。"]
GENES, DISEASES = ("BRCA1", "TP53", "KRAS基因", "Her-2"), ("乳腺癌", "肺癌", "糖尿病")
FAST = {"batch_tokens": 600, "max_length": 128, "precision": "fp32"}  # of every tiny run
ROOT = Path(__file__).resolve().parent.parent
DEMO_TEXT = ROOT / "data" / "demo" / "unlabelled" / "train.txt"

# the gold data: the checkout's (`data/get_cbp_gold.sh`), or those in ../shared; GOLD is None where there are none
GOLD_PLACES = (ROOT / "data" / "cbp_gold", ROOT / ".." / "shared" / "data" / "cbp_gold")
GOLD = next((place for place in GOLD_PLACES if (place / "cbp_gold_total.bio").is_file()), None)
needs_gold = pytest.mark.skipif(GOLD is None, reason="the gold data are not here: bash data/get_cbp_gold.sh")


def list_han():
    """1,200 Han characters: those of the demo text, then the first of GB 2312."""
    in_demo = sorted({character for character in DEMO_TEXT.read_text(encoding="utf-8") if is_han(character)})
    cells = (bytes((row, cell)) for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF))
    common = (cell.decode("gb2312", "ignore") for cell in cells)
    return [character for character in dict.fromkeys((*in_demo, *common)) if character][:HAN_CHARACTERS]


def make_vocabulary(drop=""):
    """Special tokens where bert-base-chinese has them, ASCII but for the space and `drop`, Greek, some signs, Han."""
    ascii_signs = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in drop]
    greek = [chr(code) for code in (*range(0x3B1, 0x3CA), *range(0x391, 0x3A2), *range(0x3A3, 0x3AA))]
    greek = [letter for letter in greek if not (drop and letter.isupper())]
    tokens = [*SPECIAL, *ascii_signs, *greek, *"，。、；：（）《》“”·℃±", *list_han()]
    return {token: number for number, token in enumerate(tokens)}


def build_model(kind, size, seed, positions=512, **settings):
    """A BERT of 2 layers, 2 heads and width 32 with random weights; kind: the name of its class in transformers."""
    import torch
    import transformers

    config = transformers.BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=positions, pad_token_id=0, **settings,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return getattr(transformers, kind)(config)


@pytest.fixture(scope="session")
def tiny_vocabulary():
    """{token: id}: the five special tokens at 0 and 100 to 103, ASCII, Greek, 1,200 Han characters; no space."""
    return make_vocabulary()


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory, tiny_vocabulary):
    """The folder of a tiny masked LM with case in its vocabulary and our character tokenizer."""
    from cbpner.models.tokenizers import build_tokenizer

    folder = tmp_path_factory.mktemp("encoders") / "tiny_encoder"
    build_model("BertForMaskedLM", len(tiny_vocabulary), seed=0).save_pretrained(folder)
    build_tokenizer(tiny_vocabulary).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def lowercase_encoder(tmp_path_factory):
    """The folder of a tiny masked LM laid out as bert-base-chinese is: vocab.txt with word pieces, no upper case."""
    import json

    folder = tmp_path_factory.mktemp("encoders") / "lowercase_encoder"
    tokens = [*make_vocabulary("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), *WORD_PIECES]
    build_model("BertForMaskedLM", len(tokens), seed=1).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    settings = {"do_lower_case": False, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def write_tagger(folder, vocabulary, seed=0, **settings):
    """A tagger with random weights that finds spans of several characters, in the Hugging Face layout."""
    import torch

    from cbpner.models.tokenizers import build_tokenizer
    from cbpner.text.labels import DEFAULT

    own = {"initializer_range": 0.3, "id2label": DEFAULT.id_to_tag, "label2id": DEFAULT.tag_to_id} | settings
    model = build_model("BertForTokenClassification", len(vocabulary), seed, positions=128, **own)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.tensor([3.5, 1, 3, 0, 2, 0, 2]))
    model.save_pretrained(folder)
    build_tokenizer(vocabulary, special_tokens_are_text=True).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory, tiny_vocabulary):
    """The folder of a tiny tagger that reads 128 tokens at most, and decodes by Viterbi."""
    folder = tmp_path_factory.mktemp("taggers") / "tiny_tagger"
    write_tagger(folder, tiny_vocabulary)
    return folder


def make_sentences(count, seed):
    """Sentences that name a gene and a disease."""
    draw, sentences = random.Random(seed), []
    for _ in range(count):
        gene, disease = draw.choice(GENES), draw.choice(DISEASES)
        text = f"本发明公开了{gene}在{disease}中的用途" + "，其中包括" * draw.randrange(4) + "。"
        spans = [(text.index(name), text.index(name) + len(name), kind)
                 for name, kind in ((gene, "gene"), (disease, "disease"))]  # fmt: skip
        sentences.append(Sentence(text, tuple(spans_to_tags(spans, len(text)))))
    return sentences


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """{part: column file} of 48, 12 and 12 sentences."""
    folder = tmp_path_factory.mktemp("bio")
    paths = {part: folder / f"toy_{part}.bio" for part in ("train", "dev", "test")}
    for seed, (part, path) in enumerate(paths.items()):
        write_bio(path, make_sentences(48 if part == "train" else 12, seed))
    return paths


@pytest.fixture(scope="session")
def build_job(files, tiny_encoder):
    """`build_job(folder, ...)`: a Job of two epochs on `files` with the tiny encoder; overrides of it or its recipe."""
    from cbpner.training.config import Job
    from cbpner.training.recipes import get_recipe

    def build(output, files=files, recipe="cbp", method="Supervised_Original", split=None, **overrides):
        job = {name: overrides.pop(name) for name in ("labels", "overwrite", "seed") if name in overrides}
        table = get_recipe(recipe, method, **({"encoder": str(tiny_encoder), "epochs": 2} | FAST | overrides))
        return Job(method, recipe, table, files, output, split=split, **job)

    return build


@pytest.fixture
def make_job(build_job, tmp_path):
    return lambda output="run", **settings: build_job(tmp_path / output, **settings)


@pytest.fixture(scope="session")
def finished_run(build_job, tmp_path_factory):
    """The Job of a finished run on split 3 that learned its data; dev chose the epoch. Copy before you change it."""
    from cbpner.training.run import train

    job = build_job(
        tmp_path_factory.mktemp("finished") / "run", split="3", epochs=20, lr=5e-3, head_lr=1e-2, mask_share=0.0,
        min_dev_mentions=1, patience=0,
    )  # fmt: skip
    train(job)
    return job


@pytest.fixture(scope="session")
def broken_run(build_job, tmp_path_factory):
    """The Job of a run that broke off behind its second checkpoint. Copy before you change it."""
    from cbpner.training.run import train
    from cbpner.training.trainer import TaggerTrainer

    job = build_job(tmp_path_factory.mktemp("broken") / "run", epochs=3, min_dev_mentions=1, patience=0)
    save = TaggerTrainer._save_checkpoint

    def save_and_stop(trainer, *args, **kwargs):
        save(trainer, *args, **kwargs)
        if trainer.state.epoch >= 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TaggerTrainer, "_save_checkpoint", save_and_stop)
        train(job)
    return job


PRELOAD = [
    "test_interruptions", "test_masked_lm_run", "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
]  # fmt: skip


@pytest.fixture(scope="module")
def forks():
    """Processes that begin with everything imported, and have no thread of torch's yet."""
    context = multiprocessing.get_context("forkserver")
    tests = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(tests.parent), str(tests), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("OMP_NUM_THREADS", "1")
        context.set_forkserver_preload(PRELOAD)
        process = context.Process(target=time.sleep, args=(0,))
        process.start()
        process.join()
    return context


LONGEST = ("ray", "app_page", "masked_lm_run", "training", "bert_lm_mixed", "report", "export")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no worker is left alone with one of them at the end."""
    names = [f"test_{name}" for name in LONGEST]
    items.sort(key=lambda item: names.index(item.path.stem) if item.path.stem in names else len(names))


@pytest.fixture
def refuse(capsys):
    """`refuse(words)`: the message with which `cbpner` refuses them, and prints nothing else."""
    from cbpner.cli import main

    def call(*words):
        capsys.readouterr()
        assert main([*map(str, words)]) == 2
        out, message = capsys.readouterr()
        assert not out
        return message

    return call


SCRIPT_VARIABLES = (
    "GPU_ID", "BATCH_SIZE", "RECIPE", "BERT_MODEL", "DATA_DIR", "OUT_DIR", "SEED", "SPLIT", "SPLITS", "VARIANT",
    "CASING", "CORPUS", "EPOCHS", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CBP_PYTHON",
    "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM",
)  # fmt: skip


@pytest.fixture
def environment(tmp_path):
    """The caller's variables, without an active environment and without the scripts' own variables."""
    kept = {name: value for name, value in os.environ.items() if name not in SCRIPT_VARIABLES}
    return {**kept, "STUB_LOG": str(tmp_path / "pip.log")}


@pytest.fixture(scope="session")
def shared_stub(tmp_path_factory):
    from shell import make_stub

    return make_stub(tmp_path_factory.mktemp("environments") / "stub env")


@pytest.fixture
def stub_python(environment, shared_stub):
    """`environment` in which scripts use a stub interpreter (tests/shell.py)."""
    return environment | {"CBP_PYTHON": str(shared_stub)}


def open_page(chromium, path, width, **options):
    """(page, what it said: its console, errors and dialogs, the addresses that it asked for)."""
    page, said, asked = chromium.new_page(viewport={"width": width, "height": 800}, **options), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url.partition("#")[0]))
    page.goto(path.as_uri())
    return page, said, asked


@pytest.fixture(scope="session")
def chromium():
    """A headless browser; tests that ask for it are skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on PATH (chromium, chromium-browser, google-chrome)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*flags, "--disable-sync", "--no-first-run"])
        yield browser
        browser.close()
