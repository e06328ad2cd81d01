"""The page's texts, in English and Chinese (`translations/`). Names of types are shown as the model has them."""

import json
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")
EXAMPLE = (
    "本发明涉及一种用于检测HER2阳性乳腺癌的方法。所述方法测定肿瘤组织中HER2基因的扩增和EGFR蛋白的表达水平，"
    "并结合BRCA1基因的突变状态，预测曲妥珠单抗对乳腺癌和卵巢癌患者的疗效。TP53与MDM2的相互作用可作为肺癌的生物标志物。"
)


@cache
def read_texts(language: str) -> dict[str, Any]:
    """The texts of a language of LANGUAGES, by name."""
    path = resources.files("cbpner.app").joinpath("translations", f"{language}.json")
    return json.loads(path.read_text(encoding="utf-8"))


def choose_language(accepted: str) -> str:
    """The language that an Accept-Language header prefers; English if it names none of ours."""
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]
