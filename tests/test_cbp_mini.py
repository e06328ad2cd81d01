"""The shipped models: they load with plain transformers, small, one token a character, and know some Chinese."""

import pytest
import torch
from conftest import GOLD, ROOT, needs_gold
from safetensors import safe_open
from transformers import AutoModelForMaskedLM, AutoModelForTokenClassification, AutoTokenizer, pipeline

from cbpner.text.bio import read_bio
from cbpner.text.splits import find_split_files
from cbpner.text.tokenizer import FOLDED, CharacterTable, unknown_share

pytestmark = pytest.mark.slow

FOLDER = ROOT / "models" / "cbp_mini"
ADAPTED, FINAL = ROOT / "models" / "cbp_mini_bio", ROOT / "models" / "final_trained"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.mark.parametrize("folder", [FOLDER, ADAPTED, FINAL], ids=lambda folder: folder.name)
def test_it_is_small_and_in_half_precision(folder):
    assert (folder / "model.safetensors").stat().st_size <= 40e6
    with safe_open(folder / "model.safetensors", "pt") as file:
        tensors = [file.get_slice(name) for name in file.keys()]
    assert {tensor.get_dtype() for tensor in tensors} == {"F16"}
    assert sum(torch.Size(tensor.get_shape()).numel() for tensor in tensors) <= 20_000_000
    names = {path.name for path in folder.iterdir()} - {"README.md", "model_int8.onnx"}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.mark.parametrize("folder", [FOLDER, ADAPTED, FINAL], ids=lambda folder: folder.name)
def test_plain_transformers_loads_all_of_it_and_trains_on_a_cpu(folder):
    kind = AutoModelForTokenClassification if folder == FINAL else AutoModelForMaskedLM
    whole, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and whole.dtype == torch.float32
    assert folder == FINAL or whole.get_input_embeddings().weight is whole.get_output_embeddings().weight
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    optimizer, batch = torch.optim.AdamW(model.parameters()), tokenizer("HER2阳性乳腺癌", return_tensors="pt")
    model(**batch, labels=torch.zeros_like(batch["input_ids"])).loss.backward()
    optimizer.step()
    assert all(value.isfinite().all() for value in model.parameters())


def test_its_vocabulary_keeps_case_and_has_all_of_gb_2312(tokenizer):
    table = CharacterTable(tokenizer)
    cells = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    standard = "".join(pair.decode("gb2312", "ignore") for pair in cells)
    assert len(standard) == 7445
    assert unknown_share(table, [standard]) == 0
    assert len(set(table.encode("BRCAbrca嘧哌萘啉羰砜喹肼αβΔ").tolist())) == 19
    assert table.encode("".join(FOLDED)).tolist() == table.encode("".join(FOLDED.values())).tolist()
    assert tokenizer("乳[MASK]癌")["input_ids"][2] == tokenizer.mask_token_id
    assert (ADAPTED / "tokenizer.json").read_bytes() == (FOLDER / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("folder, gaps, best", [
    (FOLDER, {"采用有限元方[MASK]对结构进行了分析": "法", "本研究的结[MASK]表明": "果"}, 5),
    (ADAPTED, {"患者被诊断为乳腺[MASK]。": "癌", "表皮生长因子受[MASK]突变": "体"}, 1),
])  # fmt: skip
def test_it_fills_gaps_by_its_best_guesses(folder, gaps, best):
    fill = pipeline("fill-mask", model=str(folder))
    assert all(missing in [each["token_str"] for each in fill(text)[:best]] for text, missing in gaps.items())


@needs_gold
def test_hardly_a_gold_character_is_unknown(tokenizer):
    texts = [sentence.chars for path in find_split_files(GOLD / "0").values() for sentence in read_bio(path)]
    assert unknown_share(CharacterTable(tokenizer), texts) < 0.001
