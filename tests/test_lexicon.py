"""Names as hints: how a list is read, and what it does to scores."""

import numpy as np
import pytest

from cbpner.base.errors import InputError
from cbpner.decoding.lexicon import add_hints, read_lexicon
from cbpner.text.labels import LabelSet

LABELS = LabelSet(("gene", "disease"))  # O, B-gene, I-gene, B-disease, I-disease


def write(tmp_path, text):
    path = tmp_path / "names.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_hint_at_their_types_or_at_all(tmp_path):
    path = write(tmp_path, "BRCA1\tgene\nAR\tgene\n乳腺癌\n\nBRCA1\tdisease\nTP53\tgene\n")
    assert read_lexicon(path, LABELS) == {"BRCA1": [1, 3], "乳腺癌": [1, 3], "TP53": [1]}


@pytest.mark.parametrize("text, message", [
    ("BRCA1\tgene\nHER2\tprotein\n", "names.tsv:2: found the type 'protein'; expected one of gene, disease"),
    ("AR\n\n", "found no name of 3 characters"),
])  # fmt: skip
def test_bad_lists_are_refused(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_lexicon(write(tmp_path, text), LABELS)
    with pytest.raises(InputError, match="cannot read the lexicon"):
        read_lexicon(tmp_path / "none.tsv", LABELS)


def test_the_longest_whole_name_is_hinted_at():
    text = "TNF-α与TNFR和TNF"
    scores = [np.zeros((len(text), 5), dtype=np.float32)]
    (row,) = add_hints(scores, [text], {"TNF": [1], "TNF-α": [3]}, 2.0)
    expected = np.zeros_like(row)
    expected[0, 3], expected[1:5, 4] = 2, 2  # TNF-α, of which TNF is no place of its own; TNFR is another word
    expected[11, 1], expected[12:14, 2] = 2, 2
    np.testing.assert_array_equal(row, expected)
    assert not scores[0].any()
