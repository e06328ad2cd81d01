"""Lexicons, spellings, resolution of genes and diseases, and the frozen surfaces that were decided by hand."""

import csv
import hashlib
import re
import time
from pathlib import Path

import pytest
from patent_data import put

from benchmarks import resolver as benchmark
from benchmarks.resolver import measure_resolver, read_decisions
from cbpner.base.errors import InputError
from cbpner.biology.genes import lexicons
from cbpner.biology.genes.diseases import DiseaseResolver
from cbpner.biology.genes.lexicons import find_shipped, open_lexicon, read_gene_lexicon
from cbpner.biology.genes.resolution import GeneResolver
from cbpner.biology.genes.spelling import fold, list_ocr_variants, spell_latin
from cbpner.cli import main

DATA = Path(__file__).parent / "data"
FROZEN = {  # name: (number of surfaces, SHA-256)
    "hgnc_surfaces.tsv": (240, "68520eb59eef079e79afbdfc4403324d7cfbb0496990ae0521f759b197603092"),
    "hgnc_surfaces_check.tsv": (60, "37a2677850c51930f138810f12a967d3a7558e8ccc247c65b42e50240d54685f"),
    "hgnc_surfaces_forms.tsv": (60, "f6d32a8b079eabdb4a1824d41cc2d587a64b56e04b000864265763859c555008"),
}
HGNC = """hgnc_id\tsymbol\tname\tstatus\talias_symbol\tprev_symbol
HGNC:11892\tTNF\ttumor necrosis factor\tApproved\t"TNFSF2|TNF-alpha|DIF"\tTNFA
HGNC:23242\tGALNT13\tpolypeptide N-acetylgalactosaminyltransferase 13\tApproved\t\t
HGNC:1316\tEML4\tEMAP like 4\tApproved\t\t
HGNC:3443\tEREG\tepiregulin\tApproved\tER\t
HGNC:31643\tMIR92A1\tmicroRNA 92a-1\tApproved\t\t
HGNC:31644\tMIR92A2\tmicroRNA 92a-2\tApproved\t\t
HGNC:1653\tCD28\tCD28 molecule\tApproved\t\t
HGNC:1673\tCD3D\tCD3 delta\tApproved\t\t
HGNC:1674\tCD3E\tCD3 epsilon\tApproved\t\t
HGNC:11830\tTK1\tthymidine kinase 1\tApproved\t\t
HGNC:99999\tOLD1\tgone\tEntry Withdrawn\t\t
"""  # genes that the shipped list lacks


@pytest.fixture(scope="module")
def hgnc(tmp_path_factory):
    return put(tmp_path_factory.mktemp("hgnc"), "hgnc_complete_set.txt", HGNC)


@pytest.fixture(scope="module")
def resolver(hgnc):
    return GeneResolver(read_gene_lexicon([find_shipped(lexicons.SHIPPED_GENES), hgnc]))


def symbols(resolver, surface):
    """`STATUS SYMBOL SYMBOL`, with `agent` at the end of an agent's."""
    found = resolver.resolve(surface)
    names = [resolver.lexicon.labels[id] for id in found.ids]
    return " ".join([found.status, *names, *["agent"] * found.is_agent])


def test_keys_and_variants_of_spellings():
    assert {fold(text) for text in ("TNF-α", "TNFα", "tnf alpha", "ＴＮＦ－Α", "TNF‑alpha")} == {"tnfalpha"}
    assert fold("TNF⁃<i>&alpha;</i>") == "tnfalpha"
    assert spell_latin(fold("TGF-β1")) == "tgfb1"
    assert fold("S-腺苷 蛋氨酸") == "s腺苷蛋氨酸"
    assert list_ocr_variants("GALNTl3") == ["GALNT13"] and list_ocr_variants("VEGFR-I") == ["VEGFR-1"]
    assert list_ocr_variants("survival") == list_ocr_variants("ERBB2") == []


RESOLVED = {
    "one ERBB2": [
        "ERBB2", "HER2", "Her-2", "her2", "HER2/neu", "HER2基因", "HER2蛋白", "HER2的RNA转录本", "HER2 mRNA", "NGL",
        "ＨＥＲ２", "人表皮生长因子受体2", "人表皮生长因子受体2（HER2）", "重组人HER2蛋白", "磷酸化HER2", "HER2®",
        "编码HER2的基因", "c-erbB-2", "erbB2", "c-erbB2", "HER-2/neu受体",
    ],
    "one ERBB2 agent": [
        "HER2抗体", "抗HER2抗体", "抗-HER2单克隆抗体", "兔抗HER2多克隆抗体", "HER2-siRNA", "HER2特异性的引物",
        "HER2抑制剂", "anti-HER2", "抗HER-2/neu受体抗体",
    ],
    "one TNF": ["TNF-α", "TNFα", "TNF alpha", "TNF-alpha", "TNF", "肿瘤坏死因子α", "tumor necrosis factor"],
    "one TGFB1": ["TGF-β1"],
    "one GALNT13": ["GALNTl3"],
    "one EGFR": ["EGFR L858R突变"],
    "one MKI67": ["增殖抗原Ki_67"],
    "one KDR": ["VEGF受体2", "KDR受体"],
    "one CTNNB1": ["b-catenin", "β-catenin"],
    "one MET": ["c-Met"],
    "one TK1": ["TK1"],
    "one CD28": ["CD3/CD28"],  # CD3 is a family
    "one EGFR agent": ["EGFR-TKI", "EGFR TKIs"],
    "several EML4 ALK": ["EML4-ALK融合基因"],
    "several ERBB2 EGFR TNF": ["HER2、EGFR和TNF"],
    "several BRCA1 BRCA2": ["BRCA1/2"],
    "several BRCA1 BRCA2 agent": ["BRCA-1/2抗体"],
    "ambiguous KLK3 NPEPPS PSAT1": ["PSA"],  # previous symbol before alias
    "ambiguous NEU1 ERBB2": ["neu"],
    "ambiguous MIR92A1 MIR92A2": ["miR-92a-3p"],
    "ambiguous EREG": ["ER"],  # an alias of two letters
    "lookalike": ["PCR", "TKI"],
    "lookalike MICE CASP14": ["mice"],
    "lookalike CAT": ["CAT"],
    "foreign ERBB2": ["小鼠HER2"],
    "foreign": ["ampC基因", "inhA"],  # of bacteria, though INHA is a human gene
    "unknown": ["曲妥珠单抗", "OLD1", "HER2配体", "antiTNFx", "BRCA1/3", "CD28/甲", "EGFR-ALI"],
}  # fmt: skip


@pytest.mark.parametrize("expected", RESOLVED)
def test_surfaces(resolver, expected):
    surfaces = RESOLVED[expected]
    assert {surface: symbols(resolver, surface) for surface in surfaces} == dict.fromkeys(surfaces, expected)


LOOKALIKES = "MICE cAMP CO2 GC HCl CPU ADP AMP GMP LPS COPD HCC CML ALL AAV CELL FOR HAS STEP MASS ROX".split()
SHARED = "ROS EMT SMA ANA BPA THC SAH BMD".split()


@pytest.mark.parametrize("surface", [*LOOKALIKES, *SHARED])
def test_terms_that_are_spelt_as_genes_unless_a_user_says_so(tmp_path, surface):
    """Each is here an alias of the gene of which a user's list says so."""
    name = "HC1" if surface == "HCl" else surface
    hgnc = put(tmp_path, "hgnc.tsv", f"hgnc_id\tsymbol\talias_symbol\nHGNC:5\tA1BG\t{name}\nHGNC:1472\tCAMP\t\n")
    resolver = GeneResolver(read_gene_lexicon([hgnc], shipped=False))
    found = resolver.resolve(surface)
    assert found.status == ("ambiguous" if surface in SHARED else "lookalike") and found.how
    assert symbols(resolver, "CAMP") == "one CAMP"
    mine = put(tmp_path, "mine.tsv", f"id\tname\nHGNC:5\t{surface}\n")
    assert symbols(GeneResolver(read_gene_lexicon([hgnc, mine], shipped=False)), surface) == "one A1BG"


def test_users_names_families_keys_and_a_table_of_synonyms(hgnc, tmp_path):
    names = put(tmp_path, "mine.tsv", "# mine\nid\tname\nHGNC:6364\tPSA\nHGNC:1516\tCAT\nHGNC:427\t我的激酶\n")
    resolver = GeneResolver(read_gene_lexicon([find_shipped(lexicons.SHIPPED_GENES), hgnc, names]))
    found = [symbols(resolver, surface) for surface in ("PSA", "CAT", "抗我的激酶抗体")]
    assert found == ["one KLK3", "one CAT", "one ALK agent"]
    assert {resolver.resolve(surface).status for surface in ("VEGFR", "CD3")} == {"family"}
    assert resolver.resolve("CxgA").key == resolver.resolve("CXGA").key == "cxga"
    rows = "".join(f"E\t1\tHGNC:5\tA1BG\t{alias}\tOLDA\n" for alias in ("X11", "X12"))
    format, names = open_lexicon(put(tmp_path, "pairs.tsv", f"ensg\tentr\thgnc\tsymb\tsynonym1\tsynonym2\n{rows}"))
    found = [(format, name.kind, name.text) for name in names]
    expected = [("symbol", "A1BG"), ("alias", "X11"), ("previous", "OLDA"), ("alias", "X12")]
    assert found == [("pairs", *each) for each in expected]


@pytest.mark.parametrize("text, found", [
    ("gene,start,end\nA,1,2\n", ":1: .*gene, start, end"), ("", "empty"),
    ("hgnc_id\tsymbol\nHGNC:5\n", ":2: found 1 columns"), ("hgnc_id\tsymbol\nA1BG\tHGNC:5\n", ":2: .*'A1BG'"),
    ("subject_id\tsource_value\ttranslation_value\nHP:1\tAll\t全部\n", "HPO.*genes"),
    ("id\tname\n3430\tHER2\n", ":2: '3430' for 'HER2'"),
    ("id\tname\nHGNC:1\tNOBODY\n", ":2: 'HGNC:1' for 'NOBODY'"),
])  # fmt: skip
def test_errors_of_lexicons(tmp_path, text, found):
    with pytest.raises(InputError, match=f"lexicon.tsv.*{found}" if found[0] != ":" else f"lexicon.tsv{found}"):
        read_gene_lexicon([put(tmp_path, "lexicon.tsv", text)])


def test_errors_of_other_lists(tmp_path):
    with pytest.raises(InputError, match="lookalikes.tsv:2: .*'method'"):
        lexicons.read_lookalikes(put(tmp_path, "lookalikes.tsv", "name\tkind\twhat\nPCR\tmethod\tx\n"))
    hpo = put(tmp_path, "hp.tsv", "subject_id\tsource_value\ttranslation_value\nHP:1\tx\t甲\n\tBreast\t乳腺癌\n")
    with pytest.raises(InputError, match="hp.tsv:3: .*subject_id"):
        lexicons.read_lexicons([hpo], "disease")
    with pytest.raises(InputError, match="decision"):
        read_decisions(put(tmp_path, "a.tsv", "surface\tcount\thgnc\trole\nA\t1\t\t\n"))
    with pytest.raises(InputError, match="a.tsv:2"):
        read_decisions(put(tmp_path, "a.tsv", "surface\tcount\tdecision\thgnc\trole\nA\t1\tid\t\t\n"))


def test_the_shipped_names_have_ids_that_the_shipped_genes_have():
    genes = {name.id for name in open_lexicon(find_shipped(lexicons.SHIPPED_GENES))[1]}
    names = list(open_lexicon(find_shipped(lexicons.SHIPPED_NAMES))[1])
    assert len(names) > 400 and {name.id for name in names} <= genes
    resolver = GeneResolver(read_gene_lexicon())
    assert symbols(resolver, "白细胞介素-2") == "one IL2"
    assert resolver.resolve("CEA").status == "ambiguous"  # as with all of HGNC


def test_variants_and_lists_of_diseases(tmp_path):
    resolver = DiseaseResolver()
    variants = ("非小细胞肺癌", "非小细胞肺癌（NSCLC）", "非小细胞肺癌患者", "非小细胞肺癌症", "非小细胞 肺癌")
    assert {resolver.resolve(surface).key for surface in variants} == {"非小细胞肺癌"}
    assert resolver.resolve("HER2阳性乳腺癌").key != resolver.resolve("乳腺癌").key
    rows = "subject_id\tsource_value\ttranslation_value\nHP:0003002\tBreast carcinoma\t乳腺癌\n"
    hpo = put(tmp_path, "hp.tsv", rows)
    icd = put(tmp_path, "icd.csv", "编码,名称\nC50,乳腺癌\nI10,高血压\nI15,高血压\nE11,糖尿病\nO24,糖尿病\n")
    records = "*NEWRECORD\nRECTYPE = D\nMH = Asthma\nENTRY = Asthmas|T047|NON|\nMN = C08.127.108\nUI = D001249\n"
    mesh = put(tmp_path, "d2025.bin", f"{records}*NEWRECORD\nMH = Water\nMN = D01.045\nUI = D014867\n")
    resolver = DiseaseResolver(lexicons.read_lexicons([hpo, icd, mesh], "disease"))
    for surface in ("乳腺癌患者", "breast carcinoma"):
        assert resolver.resolve(surface)[:2] == ("one", ("HP:0003002",))
    assert resolver.resolve("高血压")[:2] == ("ambiguous", ("I10", "I15"))
    assert resolver.resolve("asthmas")[:2] == ("one", ("MESH:D001249",))
    assert resolver.resolve("Water").status == "unknown"
    assert resolver.resolve("糖尿病")[:2] == ("ambiguous", ("E11", "O24"))  # ICD's letters are chapters


@pytest.mark.parametrize("name", FROZEN)
def test_the_frozen_decisions(name):
    """They are unchanged, and each has its ids and a reason."""
    size, checksum = FROZEN[name]
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == checksum
    with open(DATA / name, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len({row["surface"] for row in rows}) == size
    for row in rows:
        ids = row["hgnc"].split(";") if row["hgnc"] else []
        expected = {"id": len(ids) == 1, "several": len(ids) > 1, "none": not ids}
        assert expected[row["decision"]] and row["reason"], row
        assert all(re.fullmatch("HGNC:[0-9]+", id) for id in ids), row
        assert row["role"] in (("self", "agent") if ids else ("",)), row


def test_positivity_grades_brackets_and_variants():
    figures = measure_resolver(GeneResolver(read_gene_lexicon()), read_decisions(DATA / "hgnc_surfaces_forms.tsv"))
    assert figures["surfaces"]["accuracy"] == 1 and figures["surfaces"]["agents"] == 1


@pytest.mark.parametrize("unit", ["的", "基因", "抗", "HER2、", "CD4+", "(", "IL", "-"])
def test_surfaces_of_any_length_take_no_time(resolver, unit):
    start = time.perf_counter()
    statuses = {resolver.resolve((unit * 2000)[:size]).status for size in (150, 2000)}
    assert time.perf_counter() - start < 5 and statuses <= {"unknown", "one", "several"}


def test_the_command(hgnc, capsys):
    assert main(["lexicons"]) == 0
    assert "genenames.org" in capsys.readouterr().out
    (hgnc.parent / "icd.csv").write_text("id,name\nC50,乳腺癌\n", encoding="utf-8")
    assert main(["lexicons", str(hgnc), str(hgnc.parent / "icd.csv")]) == 0
    assert "10 new ids" in (out := capsys.readouterr().out) and "1 new ids" in out
    assert benchmark.main([str(hgnc), "--faults"]) == 0
    out = capsys.readouterr().out
    assert "240 surfaces (101 with an id)" in out and "missed: NGAL: expected HGNC:6526" in out
