"""The page's texts, in English and Chinese. Names of types stay as the model has them."""

from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
EXAMPLE = (
    "本发明涉及一种用于检测HER2阳性乳腺癌的方法。所述方法测定肿瘤组织中HER2基因的扩增和EGFR蛋白的表达水平，"
    "并结合BRCA1基因的突变状态，预测曲妥珠单抗对乳腺癌和卵巢癌患者的疗效。TP53与MDM2的相互作用可作为肺癌的生物标志物。"
)
TEXTS = {
    "title": ("Genes, proteins and diseases in Chinese patents", "中文专利中的基因、蛋白质与疾病"),
    "about": (
        "Everything happens on this machine. Paste a text, or drop files: .txt, a document each, or .jsonl, a document "
        "a line with its text in the field “text”.",
        "全部处理都在本机完成。请粘贴文本，或拖入文件："
        ".txt（每个文件一篇）或 .jsonl（每行一篇，文本在字段 “text” 中）。",
    ),
    "tab_tag": ("Tag", "标注"),
    "tab_network": ("Relations", "关系网络"),
    "tab_report": ("Runs", "实验报告"),
    "tab_about": ("About", "说明"),
    "text": ("Text", "文本"),
    "text_hint": ("Chinese biomedical text, such as a patent", "中文生物医学文本，例如一篇专利"),
    "files": ("Files", "文件"),
    "model": ("Model", "模型"),
    "tag": ("Tag", "开始标注"),
    "example": ("Example", "示例"),
    "score": ("Minimum score", "最低得分"),
    "score_hint": ("Spans that are less likely are hidden, here and in the downloads",
                   "低于该得分的实体不显示，也不进入下载文件"),
    "shown": ("Text", "文本"),
    "entities": ("Entities", "实体"),
    "headers": (["type", "text", "mentions", "mean score", "HGNC"], ["类型", "文本", "次数", "平均得分", "HGNC"]),
    "jsonl": ("Download JSON lines", "下载 JSONL"),
    "csv": ("Download CSV", "下载 CSV"),
    "brat": ("Download brat", "下载 brat"),
    "counts": ([("{:,} document", "{:,} documents"), ("{:,} character", "{:,} characters"),
                ("{:,} mention", "{:,} mentions")],
               [("{:,} 篇文档",) * 2, ("{:,} 个字符",) * 2, ("{:,} 处实体",) * 2]),
    "seconds": ("{:.1f} s", "用时 {:.1f} 秒"),
    "comma": (", ", "，"),
    "rest": ("The first {shown:,} characters are shown; the downloads have all.",
             "此处显示前 {shown:,} 个字符；下载文件包含全部内容。"),
    "nothing": ("There is no text yet: paste one, or drop a file.", "还没有文本：请先粘贴文本或拖入文件。"),
    "unread": ("No document could be read.", "没有可读取的文档。"),
    "more": ("{count:,} more could not be read.", "另有 {count:,} 处无法读取。"),
    "TextTooLarge": ("Found {found}; at most {most} are tagged here.", "大小为 {found}，此处最多处理 {most}。"),
    "TaggingTimeout": ("This takes longer than is allowed here; try a shorter text.",
                       "处理时间超过此处的上限，请缩短文本。"),
    "UnsupportedFile": ("{name}: only {known} can be read.", "{name}：只能读取 {known} 文件。"),
    "EmptyNetwork": (
        "No two entities co-occur here. Tag more documents, or choose a larger unit or a lower score.",
        "没有共同出现的实体。请标注更多文档、扩大共现范围或降低最低得分。",
    ),
    "network_about": (
        "Genes and diseases that co-occur in the tagged documents. Tag several patents first.",
        "已标注文档中哪些基因与疾病共同出现。请先在“标注”页标注若干篇专利。",
    ),
    "unit": ("Co-occurrence within a", "共同出现的范围"),
    "units": ({"sentence": "sentence", "window": "window of three sentences", "patent": "patent"},
              {"sentence": "同一句", "window": "连续三句", "patent": "同一篇专利"}),
    "draw": ("Draw the network", "绘制网络"),
    "save": ("Download the page", "下载页面"),
    "untagged": ("There are no tagged documents yet.", "还没有已标注的文档。"),
    "report_about": ("Scores, errors and settings of runs on this machine.", "本机实验的得分、错误与设置。"),
    "run": ("Runs", "实验"),
    "build": ("Show the report", "显示报告"),
    "no_runs": ("There are no finished runs here.", "这里没有已完成的实验。"),
    "about_text": (
        "The score is how likely the model thinks the span is, between 0 and 1. A type follows the annotation of 21 "
        "patents; what one patent calls a gene another calls a protein. Genes are linked to HGNC by a small list of "
        "names that ships "
        "with the program; “?” marks what several genes are called.\n\n"
        "The same tagger answers over HTTP, `POST /tag` ([description](/openapi.json)):",
        "得分是模型认为该实体成立的概率，介于 0 与 1 之间。类型遵循 21 篇专利的标注；"
        "同一名称在一篇专利中标为基因，在另一篇中可能标为蛋白质。"
        "基因通过随程序附带的小型名称表链接到 HGNC；“?” 表示该名称对应多个基因。\n\n"
        "同一标注器也可通过 HTTP 调用，`POST /tag`（[接口描述](/openapi.json)）：",
    ),
    "refused": ("Not possible", "无法完成"),
    "other_language": ("中文", "English"),
}  # fmt: skip


def choose_texts(language: str) -> dict[str, Any]:
    """The texts of a language of LANGUAGES, by name."""
    place = list(LANGUAGES).index(language)
    return {name: texts[place] for name, texts in TEXTS.items()}


def choose_language(accepted: str) -> str:
    """The language that an Accept-Language header prefers; English if it names none of ours."""
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return next(iter(LANGUAGES))
