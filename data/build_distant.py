"""Label unlabelled text for a tagger's first training: what a tagger finds in it, completed and corrected by names.

python data/build_distant.py data/corpora/bio/train.txt --tagger runs/tuning/0 --gold runs/folds/0/train.bio \\
  --names FOLDER -o data/corpora/distant/0.bio

Self-training joined to distant supervision (Mintz et al., ACL 2009): the tagger, which has learnt from the gold text
alone, knows how its patents are annotated; names of genes and diseases are what they cannot teach. FOLDER holds
hgnc_symbols_synonyms.tsv, hpo_zh.babelon.tsv and thuocl_medical.tsv (data/README.md); the Chinese names of genes that
ship with the project and distant_names.tsv are used as well. A name of a disease that the gold text mostly leaves
untagged is not used. Documents rich in names are tagged as a whole (with the vote over a document and its
abbreviations); of their sentences those with a mention are written, one in two of those with a name of what is none
(cell lines, plasmids, drugs ...), and one in eight of the others. Some names are replaced by others of their kind, so
that contexts are learnt and not the names that a corpus happens to have. The same input gives the same bytes.

A tagger is then trained on OUT for one epoch, and from there (`--encoder`) on the gold text: docs/LOG.md has what that
gives. For scores on held-out patents, neither the tagger nor the gold text may have seen them.
"""

import argparse
import csv
import functools
import itertools
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cbpner.base.process import run_guarded
from cbpner.biology.genes.lexicons import find_shipped, read_lookalikes
from cbpner.decoding.conventions import read_others
from cbpner.decoding.document_vote import is_whole_word
from cbpner.formats.document import Span
from cbpner.prediction.tagger import Tagger
from cbpner.text.bio import Sentence, read_bio, write_bio
from cbpner.text.labels import TagSpan, spans_to_tags, tags_to_spans

GENES = ("gene", "protein")
LENGTHS = range(8, 221)  # characters of a sentence
SENTENCE = re.compile("[^。；;\n]+[。；;]?")
FREQUENT = 60  # characters of a document for each of its names, at most
SURE = 0.75  # the probability from which a Latin name that no list has is one
CONTRADICTED, OFTEN = 0.4, 3  # share of a name's places in the gold text that must be tagged; places that tell

DISEASE = re.compile(
    "(?:病|症|癌|瘤|炎|疹|综合征|综合症|衰竭|中风|卒中|梗死|梗塞|贫血|溃疡|血栓|麻痹|痴呆|痛风|哮喘|癫痫|感冒|高血压|休克|瘫痪|"
    "疟疾|结核|流感|痤疮|白癜风|纤维化|动脉粥样硬化|肝硬化|骨质疏松|心衰|肾衰|耳聋|早产|流产|失眠)$"
)
NO_DISEASE = re.compile(
    "(?:[发致患看得生治防抗得急绝重轻毛]病|疾病|病症|炎症|重症|并发症|后遗症|适应症|禁忌症|[抗致防]癌|[消抗发]炎|综合[征症])$"
)
BEFORE_DISEASE = re.compile(
    "(?:急性|慢性|原发性|继发性|转移性|复发性|难治性|晚期|早期|恶性|良性|浸润性|弥漫性|家族性|遗传性|先天性|自身免疫性|病毒性|细菌性|缺血性|"
    "出血性|酒精性|非酒精性|三阴性|浆液性|鳞状细胞|非?小细胞|大?[BT]细胞|大B细胞|粒细胞|淋巴细胞|髓系|髓性|[12ⅠⅡ]型|老年性|妊娠期?|"
    "(?:HER2|ER|PR)?阳性|实体|上皮性?|腺|肺|肝|胃|肾|脑|心肌?|结?直肠|结肠|胰腺?|胆[管囊]?|食管|乳腺|卵巢|子宫(?:内膜)?|宫颈|前列腺|膀胱|"
    "甲状腺|鼻咽|口腔|皮肤|骨髓?|血管|动脉|静脉|神经|视网膜|角膜|关节)+$"
)
AFTER_DISEASE = re.compile("[变毒学史灶理菌房床历例]")  # 病变, 病毒, 病例

LATIN = re.compile(r"[A-Za-zα-ω][A-Za-z0-9α-ω]*(?:[-/][A-Za-z0-9α-ω]+)*")
AFTER_GENE = re.compile("(融合基因|基因|蛋白|受体|抗原|抗体|激酶)?")
OF_GENES, BESIDE = re.compile("基因|突变|多态|SNP|转录|mRNA|甲基化|敲除"), 8  # characters before and after a name
EXPRESSED = re.compile("的?(?:表达|水平|阳性|mRNA|过表达|敲除|突变|活性|通路|信号)")
MICRO_RNA = re.compile("(?:hsa-)?(?:mi[Rr]|let)-?[0-9]+[a-z]?(?:-[0-9])?(?:-[35]p)?")
NO_GENE = re.compile(
    r"^(?:p(?:cDNA|EGFP|ET|GEX|UC|BR|LV|CMV|MD|LKO|GL|Lenti|MIR|BI|PIC)[\w.\-]*|HeLa\w*|HEK\w*|CHO[\w-]*|A549|MCF-?7|HepG2|PC-?3|U87|"
    r"K562|Jurkat|Raji|U937|THP-?1|HUVECs?|NIH3T3|Vero|BL21|DE3|[A-Z]*PCR|ELISA|NGS|SVM|SPSS|HPLC|PBST?|DMSO|DMEM|FBS|SDS|PAGE|PVDF膜?|"
    r"EDTA|TBST|RIPA|DAPI|FITC|PE|HRP|DGGE|SNPs?|c?DNA|[msi]{0,2}RNA|shRNA|C[0-9]+|CT|MRI|PET|NO3)$|氨酸$|(?:菌|病毒|细胞|小鼠|大鼠|兔|猴|膜|"
    r"液|剂|法|霉素)$|多糖|核酸$|^(?:总|该|此|其)?(?:蛋白质?|基因|受体|抗体|抗原|因子)$|^(?:阳性|阴性)"
)


@functools.cache
def read_own_names() -> dict[str, str]:
    """{name: type, or kind of what is none} of distant_names.tsv and of the conventions' others.tsv."""
    lines = Path(__file__).with_name("distant_names.tsv").read_text(encoding="utf-8").splitlines()
    return read_others() | dict([line.split("\t") for line in lines if not line.startswith("#")][1:])


def read_disease_names(folder: Path) -> set[str]:
    with open(folder / "hpo_zh.babelon.tsv", encoding="utf-8", newline="") as file:
        names = {row["translation_value"].strip() for row in csv.DictReader(file, delimiter="\t")}
    lines = (folder / "thuocl_medical.tsv").read_text(encoding="utf-8").splitlines()
    names |= {line.split("\t")[0].strip() for line in lines}
    names = {
        name for name in names
        if 3 <= len(name) <= 20 and DISEASE.search(name) and not NO_DISEASE.fullmatch(name)
    }  # fmt: skip
    own = read_own_names()
    return {name for name in names if name not in own} | {name for name, label in own.items() if label == "disease"}


def read_gene_names(folder: Path) -> set[str]:
    """Symbols and synonyms that are no words and seldom anything else."""
    own = read_own_names()
    others = {*read_lookalikes(), *(name for name, label in own.items() if label not in GENES)}
    names = {name for name, label in own.items() if label in GENES and LATIN.fullmatch(name)}
    with open(folder / "hgnc_symbols_synonyms.tsv", encoding="utf-8", newline="") as file:
        for row in itertools.islice(csv.reader(file, delimiter="\t"), 1, None):
            for place, name in enumerate(map(str.strip, row[3:])):
                is_code = re.fullmatch(r"[A-Z][A-Za-z0-9\-]*", name) and not re.fullmatch("[A-Z][a-z]+", name)
                is_long = len(name) > 3 or (len(name) == 3 and (not place or re.search(r"\d", name)))
                if is_code and is_long and not {name, name.lower()} & others:
                    names.add(name)
    return names


class Names:
    """Finds the names of a set in a text, the longest first, Latin ones as whole words."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names, key=lambda name: (-len(name), name))
        self.by_start: dict[str, list[str]] = {}
        for name in self.names:
            self.by_start.setdefault(name[:2], []).append(name)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        end = 0
        for start in range(len(text)):
            for name in self.by_start.get(text[start : start + 2], ()) if start >= end else ():
                if text.startswith(name, start) and is_whole_word(text, start, start + len(name)):
                    end = start + len(name)
                    yield start, end
                    break


class Labeller:
    """Spans of sentences by names and by what a tagger found."""

    def __init__(self, folder: Path, gold: Iterable[Sentence]) -> None:
        names = read_disease_names(folder)
        self.diseases, places, tagged = Names(names), Counter[str](), Counter[str]()
        for sentence in gold:
            spans = [span for span in tags_to_spans(sentence.tags) if span.label == "disease"]
            for start, end in self.diseases.find(sentence.chars):
                name = sentence.chars[start:end]
                places[name] += 1
                tagged[name] += any(span.start < end and start < span.end for span in spans)
        self.unused = {name for name, count in places.items() if count >= OFTEN and tagged[name] < CONTRADICTED * count}
        self.diseases, self.genes = Names(names - self.unused), read_gene_names(folder)
        lines = find_shipped("names_zh.tsv").read_text(encoding="utf-8").splitlines()
        self.trusted = read_own_names()
        self.none = Names(name for name, kind in self.trusted.items() if kind not in (*GENES, "disease"))
        own = {name for name, label in self.trusted.items() if label == "protein" and not LATIN.fullmatch(name)}
        self.chinese = Names(own.union(name for line in lines if len(name := line.split("\t")[1]) > 3))

    def find_diseases(self, text: str) -> list[TagSpan]:
        return [
            TagSpan(match.start() if (match := BEFORE_DISEASE.search(text[:start])) else start, end, "disease")
            for start, end in self.diseases.find(text)
            if not AFTER_DISEASE.match(text, end)
        ]

    def find_genes(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, type, or '' where the words do not tell)."""
        found = []
        latin = [
            match.span() for match in LATIN.finditer(text) if match[0] in self.genes or MICRO_RNA.fullmatch(match[0])
        ]
        for start, end in sorted([*latin, *self.chinese.find(text)]):
            kind = AFTER_GENE.match(text, end)[0]
            end += len(kind)
            if text[start - 1 : start] == "抗" and kind == "抗体":
                start -= 1
            is_gene = kind.endswith("基因") or MICRO_RNA.fullmatch(text, start, end)
            found.append((start, end, "gene" if is_gene else "protein" if kind else ""))
        return found

    def find_none(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, kind) of names of what is no mention: cell lines, plasmids, drugs ..."""
        return [(start, end, self.trusted[text[start:end]]) for start, end in self.none.find(text)]

    def find_type(self, text: str, start: int, end: int, label: str) -> str:
        """A symbol's type as the words beside it tell it, or the list of our own; else its label."""
        if label == "disease" or not LATIN.fullmatch(text, start, end):
            return label
        beside = (
            re.split("[，。；]", text[max(0, start - BESIDE) : start])[-1],
            re.split("[，。；]", text[end : end + BESIDE])[0],
        )
        return "gene" if any(map(OF_GENES.search, beside)) else self.trusted.get(text[start:end], label)

    def label(self, text: str, tagged: Iterable[tuple[int, int, str, float]]) -> list[TagSpan]:
        """The spans of a sentence: the tagger's, without what is none, and names where it has nothing as long."""
        none = self.find_none(text)
        own = [
            (start, end, self.find_type(text, start, end, label)) for start, end, label, score in tagged
            if not is_inside(TagSpan(start, end, label), none)
            if label == "disease" or text[start:end].endswith("抗体")
            or not (NO_GENE.search(text[start:end]) or (score < SURE and text[start:end].isascii()))
        ]  # fmt: skip
        spans = [TagSpan(*span) for span in self.find_diseases(text) if not is_inside(span, own)]
        for start, end, label in self.find_genes(text):
            crossed = [span for span in own if span[0] < end and start < span[1]]
            name = text[start:end]
            is_word = name.isascii() and name.isalpha() and name.isupper() and name not in self.trusted
            if NO_GENE.search(name) or is_inside(TagSpan(start, end, label), none):
                continue
            if is_word and not crossed and not EXPRESSED.match(text, end):
                continue  # a few capitals alone are more often something else
            if not any(span[0] <= start and end <= span[1] and label in ("", span[2]) for span in crossed):
                label = label or next((span[2] for span in crossed if span[2] != "disease"), "")
                label = label or self.find_type(text, start, end, "protein")
                spans.append(TagSpan(start, end, label))
        kept: list[TagSpan] = []
        for span in [*sorted(spans), *(TagSpan(*span) for span in own)]:
            if not any(span.start < other.end and other.start < span.end for other in kept):
                kept.append(span)
        return sorted(kept)

    def label_sentences(self, text: str, spans: Iterable[Span]) -> Iterator[tuple[str, list[TagSpan]]]:
        """The sentences of a document and their spans; spans: what the tagger found in it."""
        for part in SENTENCE.finditer(text):
            first = part.start()
            own = [
                (span.start - first, span.end - first, span.label, span.score or 0.0) for span in spans
                if first <= span.start and span.end <= part.end()
            ]  # fmt: skip
            yield part[0], self.label(part[0], own)


def is_inside(span: TagSpan, others: Iterable[tuple[int, int, str]]) -> bool:
    return any(start <= span.start and span.end <= end for start, end, _ in others)


def choose_documents(text: str, labeller: Labeller) -> Iterator[str]:
    """The documents in which names are frequent, in a random order."""
    documents = text.split("\n\n")
    random.Random(0).shuffle(documents)
    for document in documents:
        names = len(labeller.find_genes(document)) + sum(1 for _ in labeller.diseases.find(document))
        if names * FREQUENT >= len(document):
            yield "\n".join(" ".join(line.split()) for line in document.splitlines())


def replace_mentions(
    sentence: Sentence, names: Mapping[str, Sequence[str]], share: float, draw: random.Random,
    none: Iterable[tuple[int, int, str]] = (),
) -> Sentence:  # fmt: skip
    """A sentence with about `share` of its mentions that are a name replaced by another of the same kind.

    One symbol in ten becomes a fusion gene (before `基因`) or an antibody against it (where it stands alone). none:
    (start, end, kind) of names of what is no mention, which are replaced likewise where they lie outside of mentions.
    """
    text, tags = sentence.chars, list(sentence.tags)
    outside = [each for each in none if set(tags[each[0] : each[1]]) == {"O"}]
    for start, end, label in sorted([*tags_to_spans(tags), *outside], reverse=True):
        match = LATIN.search(text, start, end) if label in GENES else None
        kind = "symbol" if match else label if label not in GENES or len(text[start:end]) > 4 else ""
        if kind and draw.random() < share:
            first, last = match.span() if match else (start, end)
            name = draw.choice(names[kind])
            if match and draw.random() < 0.1:
                if text.startswith("基因", last) and last < end:
                    name = f"{name}-{draw.choice(names[kind])}融合"
                elif (first, last) == (start, end):
                    name, label = f"抗{name}{draw.choice(['', '单克隆'])}抗体", "protein"
            size = end - start - (last - first) + len(name)
            text = text[:first] + name + text[last:]
            is_none = tags[start] == "O"
            tags[start:end] = ["O"] * size if is_none else [f"B-{label}", *[f"I-{label}"] * (size - 1)]
    return Sentence(text, tuple(tags))


def build(args: argparse.Namespace) -> None:
    labeller, draw = Labeller(Path(args.names), read_bio(args.gold)), random.Random(0)
    banks = {"symbol": sorted(labeller.genes), "disease": labeller.diseases.names, "protein": labeller.chinese.names}
    banks["gene"] = banks["protein"]
    for name in labeller.none.names:
        banks.setdefault(labeller.trusted[name], []).append(name)
    tagger = Tagger.from_pretrained(args.tagger, layout="plain")
    documents = choose_documents(Path(args.text).read_text(encoding="utf-8"), labeller)
    sentences, counts = [], Counter[str]()
    for texts in iter(lambda: list(itertools.islice(documents, 100)), []):
        for text, spans in zip(texts, tagger.tag_many(texts), strict=True):
            for own, labelled in labeller.label_sentences(text, spans):
                none = labeller.find_none(own)
                if len(own) in LENGTHS and (labelled or draw.random() < (1 / 2 if none else 1 / 8)):
                    counts.update(span.label for span in labelled)
                    sentence = Sentence(own, tuple(spans_to_tags(labelled, len(own))))
                    sentences.append(replace_mentions(sentence, banks, args.replace, draw, none))
        size = sum(len(own.chars) for own in sentences)
        print(f"{size:,} characters", file=sys.stderr)
        if size >= args.characters:
            break
    draw.shuffle(sentences)
    Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    write_bio(args.output, sentences)
    print(f"{len(sentences):,} sentences;", ", ".join(f"{label} {count:,}" for label, count in sorted(counts.items())))
    print("not used, since the gold text leaves them untagged:", " ".join(sorted(labeller.unused)))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="text file; a blank line separates two documents")
    parser.add_argument("--tagger", required=True, metavar="MODEL", help="a run or a model")
    parser.add_argument("--gold", required=True, metavar="BIO", help="column file that the tagger learnt from")
    parser.add_argument("--names", required=True, metavar="FOLDER", help="folder with the three lists of names")
    parser.add_argument("--characters", type=int, default=600_000, metavar="N", help="how many to label (%(default)s)")
    parser.add_argument("--replace", type=float, default=0.3, metavar="SHARE", help="of the mentions (%(default)s)")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="column file to write")
    return run_guarded(build, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
