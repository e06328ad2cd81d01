"""Lexicons, spellings, readings of genes and diseases, and the figures against decisions made by hand."""

from pathlib import Path

import pytest

from cbpner.base.errors import InputError
from cbpner.biology.genes.diseases import DiseaseReader
from cbpner.biology.genes.lexicons import (
    SHIPPED_GENES,
    SHIPPED_NAMES,
    find_shipped,
    open_lexicon,
    read_gene_lexicon,
    read_lexicons,
)
from cbpner.biology.genes.measure import measure_reader, read_decisions
from cbpner.biology.genes.resolution import GeneReader, read_lookalikes
from cbpner.biology.genes.spelling import fold, list_misreadings, spell_latin
from cbpner.cli import main

LEXICONS = Path(__file__).parents[2] / "shared" / "data" / "lexicons"
FROZEN = Path(__file__).parent / "data" / "hgnc_surfaces.tsv"
HGNC = """hgnc_id\tsymbol\tname\tstatus\talias_symbol\tprev_symbol
HGNC:3430\tERBB2\terb-b2 receptor tyrosine kinase 2\tApproved\t"NEU|HER-2|HER2|CD340"\tNGL
HGNC:7758\tNEU1\tneuraminidase 1\tApproved\t\tNEU
HGNC:11892\tTNF\ttumor necrosis factor\tApproved\t"TNFSF2|TNF-alpha|DIF"\tTNFA
HGNC:11766\tTGFB1\ttransforming growth factor beta 1\tApproved\t"CED|TGFbeta"\t"TGFB|DPD1"
HGNC:6364\tKLK3\tkallikrein related peptidase 3\tApproved\t\t"APS|PSA"
HGNC:19129\tPSAT1\tphosphoserine aminotransferase 1\tApproved\tPSA\t
HGNC:1516\tCAT\tcatalase\tApproved\t\t
HGNC:3236\tEGFR\tepidermal growth factor receptor\tApproved\tERRP\t"ERBB|ERBB1"
HGNC:6307\tKDR\tkinase insert domain receptor\tApproved\t"FLK1|VEGFR2|CD309"\t
HGNC:3763\tFLT1\tfms related receptor tyrosine kinase 1\tApproved\tVEGFR1\t
HGNC:23242\tGALNT13\tpolypeptide N-acetylgalactosaminyltransferase 13\tApproved\t\t
HGNC:427\tALK\tALK receptor tyrosine kinase\tApproved\tCD246\t
HGNC:1316\tEML4\tEMAP like 4\tApproved\t\t
HGNC:3443\tEREG\tepiregulin\tApproved\tER\t
HGNC:31643\tMIR92A1\tmicroRNA 92a-1\tApproved\t\t
HGNC:31644\tMIR92A2\tmicroRNA 92a-2\tApproved\t\t
HGNC:7107\tMKI67\tmarker of proliferation Ki-67\tApproved\tKi-67\t
HGNC:2514\tCTNNB1\tcatenin beta 1\tApproved\tbeta-catenin\t
HGNC:1100\tBRCA1\tBRCA1 DNA repair associated\tApproved\t\t
HGNC:1101\tBRCA2\tBRCA2 DNA repair associated\tApproved\t\t
HGNC:1653\tCD28\tCD28 molecule\tApproved\t\t
HGNC:1673\tCD3D\tCD3 delta\tApproved\t\t
HGNC:1674\tCD3E\tCD3 epsilon\tApproved\t\t
HGNC:7029\tMET\tMET proto-oncogene\tApproved\t\t
HGNC:11830\tTK1\tthymidine kinase 1\tApproved\t\t
HGNC:6065\tINHA\tinhibin subunit alpha\tApproved\t\t
HGNC:99999\tOLD1\tgone\tEntry Withdrawn\t\t
"""


@pytest.fixture
def hgnc(tmp_path):
    path = tmp_path / "hgnc_complete_set.txt"
    path.write_text(HGNC, encoding="utf-8")
    return path


@pytest.fixture
def reader(hgnc):
    return GeneReader(read_gene_lexicon([hgnc]))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def symbols(reader, surface):
    """(status, symbols, is_agent) of a surface."""
    reading = reader.read(surface)
    return reading.status, [reader.lexicon.labels[id] for id in reading.ids], reading.is_agent


def test_one_key_for_width_case_hyphens_and_greek():
    assert {fold(text) for text in ("TNF-α", "TNFα", "tnf alpha", "ＴＮＦ－Α", "TNF‑alpha")} == {"tnfalpha"}
    assert spell_latin(fold("TGF-β1")) == "tgfb1"
    assert fold("S-腺苷 蛋氨酸") == "s腺苷蛋氨酸"


def test_misreadings_of_capitals_alone():
    assert list_misreadings("GALNTl3") == ["GALNT13"]
    assert list_misreadings("VEGFR-I") == ["VEGFR-1"]
    assert list_misreadings("survival") == list_misreadings("ERBB2") == []


@pytest.mark.parametrize(
    "surface",
    ["ERBB2", "HER2", "Her-2", "her2", "HER2/neu", "HER2基因", "HER2蛋白", "HER2的RNA转录本", "HER2 mRNA", "NGL",
     "ＨＥＲ２", "人表皮生长因子受体2", "人表皮生长因子受体2（HER2）", "重组人HER2蛋白", "磷酸化HER2", "HER2®"],
)  # fmt: skip
def test_all_names_of_one_gene(reader, surface):
    assert symbols(reader, surface) == ("one", ["ERBB2"], False)


@pytest.mark.parametrize("surface", ["HER2抗体", "抗HER2抗体", "抗-HER2单克隆抗体", "兔抗HER2多克隆抗体", "HER2-siRNA",
                                     "HER2特异性的引物", "HER2抑制剂", "anti-HER2"])  # fmt: skip
def test_what_is_made_against_a_gene_is_an_agent(reader, surface):
    assert symbols(reader, surface) == ("one", ["ERBB2"], True)


@pytest.mark.parametrize(
    "surface", ["TNF-α", "TNFα", "TNF alpha", "TNF-alpha", "TNF", "肿瘤坏死因子α", "tumor necrosis factor"]
)
def test_greek_letters_either_way(reader, surface):
    assert symbols(reader, surface) == ("one", ["TNF"], False)


def test_other_ways_of_writing(reader):
    assert symbols(reader, "TGF-β1") == ("one", ["TGFB1"], False)
    assert symbols(reader, "GALNTl3") == ("one", ["GALNT13"], False)
    assert symbols(reader, "EGFR L858R突变") == ("one", ["EGFR"], False)
    assert symbols(reader, "增殖抗原Ki_67") == ("one", ["MKI67"], False)
    assert symbols(reader, "EML4-ALK融合基因") == ("several", ["EML4", "ALK"], False)
    assert symbols(reader, "HER2、EGFR和TNF") == ("several", ["ERBB2", "EGFR", "TNF"], False)
    assert symbols(reader, "VEGF受体2") == ("one", ["KDR"], False)
    assert symbols(reader, "编码HER2的基因") == ("one", ["ERBB2"], False)
    assert symbols(reader, "KDR受体") == ("one", ["KDR"], False)


def test_ambiguous_names_stay_so_and_are_ranked_by_the_kind_of_name(reader):
    assert symbols(reader, "PSA") == ("ambiguous", ["KLK3", "PSAT1"], False)  # previous symbol before alias
    assert symbols(reader, "neu")[:2] == ("ambiguous", ["NEU1", "ERBB2"])
    assert symbols(reader, "miR-92a-3p") == ("ambiguous", ["MIR92A1", "MIR92A2"], False)
    assert symbols(reader, "ER") == ("ambiguous", ["EREG"], False)  # an alias of two letters
    assert reader.read("VEGFR").status == "family"


def test_what_is_no_human_gene(reader):
    assert reader.read("PCR").status == reader.read("mice").status == "lookalike"
    assert symbols(reader, "CAT")[:2] == ("lookalike", ["CAT"])
    assert symbols(reader, "小鼠HER2") == ("foreign", ["ERBB2"], False)
    assert reader.read("ampC基因").status == "foreign"
    assert reader.read("曲妥珠单抗").status == "unknown"
    assert reader.read("OLD1").status == "unknown"
    assert reader.read("HER2配体").status == reader.read("antiTNFx").status == "unknown"
    assert reader.read("CxgA").key == reader.read("CXGA").key == "cxga"


def test_names_that_are_written_together(reader):
    assert (
        symbols(reader, "c-erbB-2")
        == symbols(reader, "erbB2")
        == symbols(reader, "c-erbB2")
        == ("one", ["ERBB2"], False)
    )
    assert symbols(reader, "HER-2/neu受体") == ("one", ["ERBB2"], False)
    assert symbols(reader, "抗HER-2/neu受体抗体") == ("one", ["ERBB2"], True)
    assert symbols(reader, "b-catenin") == symbols(reader, "β-catenin") == ("one", ["CTNNB1"], False)
    assert symbols(reader, "BRCA1/2") == ("several", ["BRCA1", "BRCA2"], False)
    assert symbols(reader, "BRCA-1/2抗体") == ("several", ["BRCA1", "BRCA2"], True)
    assert reader.read("CD3").status == "family" and symbols(reader, "CD3/CD28") == ("one", ["CD28"], False)
    assert symbols(reader, "c-Met") == ("one", ["MET"], False)
    assert reader.read("BRCA1/3").status == reader.read("CD28/甲").status == "unknown"
    assert reader.read("inhA").status == "foreign"  # of bacteria, though INHA is a human gene


def test_a_last_letter_is_no_number_in_what_stands_together(reader):
    assert symbols(reader, "EGFR-TKI") == symbols(reader, "EGFR TKIs") == ("one", ["EGFR"], True)
    assert reader.read("TKI").status == "lookalike" and reader.read("EGFR-ALI").status == "unknown"
    assert symbols(reader, "TK1") == ("one", ["TK1"], False)


LOOKALIKES = "MICE cAMP CO2 GC HCl CPU ADP AMP GMP LPS COPD HCC CML ALL AAV CELL FOR HAS STEP MASS ROX".split()


@pytest.mark.parametrize("surface", LOOKALIKES)
def test_terms_that_are_spelt_as_genes_unless_a_user_says_so(tmp_path, surface):
    """Each is here an alias of the gene of which a user's list says so."""
    name = "HC1" if surface == "HCl" else surface
    hgnc = write(tmp_path / "hgnc.tsv", f"hgnc_id\tsymbol\talias_symbol\nHGNC:5\tA1BG\t{name}\nHGNC:1472\tCAMP\t\n")
    reader = GeneReader(read_gene_lexicon([hgnc], shipped=False))
    reading = reader.read(surface)
    assert reading.status == "lookalike" and reading.how
    assert symbols(reader, "CAMP") == ("one", ["CAMP"], False)
    mine = write(tmp_path / "mine.tsv", f"id\tname\nHGNC:5\t{surface}\n")
    assert symbols(GeneReader(read_gene_lexicon([hgnc, mine], shipped=False)), surface) == ("one", ["A1BG"], False)


def test_a_users_names_go_before_all_others(hgnc, tmp_path):
    names = write(tmp_path / "mine.tsv", "# mine\nid\tname\nHGNC:6364\tPSA\nHGNC:1516\tCAT\nHGNC:427\t我的激酶\n")
    reader = GeneReader(read_gene_lexicon([hgnc, names]))
    assert symbols(reader, "PSA") == ("one", ["KLK3"], False)
    assert symbols(reader, "CAT") == ("one", ["CAT"], False)
    assert symbols(reader, "抗我的激酶抗体") == ("one", ["ALK"], True)


def test_the_table_of_symbols_and_synonyms(tmp_path):
    path = write(
        tmp_path / "pairs.tsv",
        "ensg\tentr\thgnc\tsymb\tsynonym1\tsynonym2\nE\t1\tHGNC:5\tA1BG\tX11\tOLDA\nE\t1\tHGNC:5\tA1BG\tX12\tOLDA\n",
    )
    format, names = open_lexicon(path)
    assert format == "pairs"
    assert [(name.kind, name.text) for name in names] == [
        ("symbol", "A1BG"), ("alias", "X11"), ("previous", "OLDA"), ("alias", "X12"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text, words",
    [
        ("gene,start,end\nA,1,2\n", "found the columns gene, start, end; expected those of HGNC"),
        ("", "empty file"),
        ("hgnc_id\tsymbol\nHGNC:5\n", "found 1 columns; expected 2"),
        ("hgnc_id\tsymbol\nA1BG\tHGNC:5\n", "found the id 'A1BG'"),
        ("subject_id\tsource_value\ttranslation_value\nHP:1\tAll\t全部\n", "expected one of genes"),
        ("id\tname\n3430\tHER2\n", "expected ids such as HGNC:3430"),
        ("id\tname\nHGNC:1\tNOBODY\n", "no list of symbols has: "),
    ],
)
def test_errors_of_lexicons(tmp_path, text, words):
    path = write(tmp_path / "lexicon.tsv", text)
    with pytest.raises(InputError) as error:
        read_gene_lexicon([path])
    assert words in str(error.value) and "lexicon.tsv" in str(error.value)


def test_errors_of_lookalikes(tmp_path):
    with pytest.raises(InputError, match="lookalikes.tsv:2: .*expected name, kind"):
        read_lookalikes(write(tmp_path / "lookalikes.tsv", "name\tkind\twhat\nPCR\tmethod\tx\n"))


def test_the_shipped_names_have_ids_that_the_shipped_genes_have():
    genes = {name.id for name in open_lexicon(find_shipped(SHIPPED_GENES))[1]}
    names = list(open_lexicon(find_shipped(SHIPPED_NAMES))[1])
    assert len(names) > 400 and {name.id for name in names} <= genes
    reader = GeneReader(read_gene_lexicon())
    assert symbols(reader, "白细胞介素-2") == ("one", ["IL2"], False)
    assert symbols(reader, "CEA")[0] == "ambiguous"  # as with all of HGNC


def test_variants_of_a_disease_are_one_group():
    reader = DiseaseReader()
    variants = ("非小细胞肺癌", "非小细胞肺癌（NSCLC）", "非小细胞肺癌患者", "非小细胞肺癌症", "非小细胞 肺癌")
    assert {reader.read(surface).key for surface in variants} == {"非小细胞肺癌"}
    assert reader.read("HER2阳性乳腺癌").key != reader.read("乳腺癌").key


def test_lists_of_diseases_in_their_order(tmp_path):
    hpo = write(
        tmp_path / "hp.tsv",
        "source_language\ttranslation_language\tsubject_id\tpredicate_id\tsource_value\ttranslation_value\tstatus\n"
        "en\tzh\tHP:0003002\trdfs:label\tBreast carcinoma\t乳腺癌\tOFFICIAL\n",
    )
    icd = write(tmp_path / "icd.csv", "编码,名称\nC50,乳腺癌\nI10,高血压\nI15,高血压\n")
    mesh = write(
        tmp_path / "d2025.bin",
        "*NEWRECORD\nRECTYPE = D\nMH = Asthma\nENTRY = Asthmas|T047|NON|\nMN = C08.127.108\nUI = D001249\n"
        "*NEWRECORD\nMH = Water\nMN = D01.045\nUI = D014867\n",
    )
    reader = DiseaseReader(read_lexicons([hpo, icd, mesh], "disease"))
    assert reader.read("乳腺癌患者")[:2] == ("one", ("HP:0003002",))
    assert reader.read("breast carcinoma")[:2] == ("one", ("HP:0003002",))
    assert reader.read("高血压")[:2] == ("ambiguous", ("I10", "I15"))
    assert reader.read("asthmas")[:2] == ("one", ("MESH:D001249",))
    assert reader.read("Water").status == "unknown"


def test_codes_of_several_chapters_are_one_vocabulary(tmp_path):
    """ICD's letters are chapters: a name with codes of two of them is not sure."""
    icd = write(tmp_path / "icd.csv", "code,name\nE11,糖尿病\nO24,糖尿病\nI10,高血压\n")
    reader = DiseaseReader(read_lexicons([icd], "disease"))
    assert reader.read("糖尿病")[:2] == ("ambiguous", ("E11", "O24"))
    assert reader.read("高血压")[:2] == ("one", ("I10",))


def test_a_translation_without_an_id_is_an_error(tmp_path):
    hpo = write(tmp_path / "hp.tsv", "subject_id\tsource_value\ttranslation_value\nHP:1\tx\t甲\n\tBreast\t乳腺癌\n")
    with pytest.raises(InputError, match="hp.tsv:3: found no id in subject_id"):
        read_lexicons([hpo], "disease")


def test_figures_against_decisions_counted_by_hand(reader, tmp_path):
    path = write(
        tmp_path / "decided.tsv",
        "surface\tcount\tdecision\thgnc\trole\n"
        "HER2\t6\tid\tHGNC:3430\tself\n"  # right
        "抗HER2抗体\t1\tid\tHGNC:3430\tself\n"  # right, but taken for an agent
        "PSA\t1\tid\tHGNC:6364\tself\n"  # ambiguous, first candidate right
        "TNF\t1\tid\tHGNC:427\tself\n"  # false
        "玻连蛋白甲\t1\tid\tHGNC:427\tself\n"  # missed
        "PCR\t2\tnone\t\t\n"  # right
        "EGFR\t4\tnone\t\t\n",  # false_id
    )
    figures = measure_reader(reader, read_decisions(path))
    surfaces, mentions = figures["surfaces"], figures["mentions"]
    assert (surfaces["accuracy"], surfaces["coverage"], surfaces["recall"]) == (3 / 7, 3 / 5, 2 / 5)
    assert (surfaces["precision"], surfaces["ambiguity"], surfaces["agents"]) == (2 / 4, 1 / 7, 1 / 2)
    assert (surfaces["first"], surfaces["among"]) == (1, 1)
    assert (mentions["accuracy"], mentions["recall"], mentions["precision"]) == (9 / 16, 7 / 10, 7 / 12)
    assert [fault["verdict"] for fault in figures["faults"]] == ["ambiguous", "false", "missed", "false_id"]


def test_errors_of_decisions(tmp_path):
    with pytest.raises(InputError, match="no column or no row of decision"):
        read_decisions(write(tmp_path / "a.tsv", "surface\tcount\thgnc\trole\nA\t1\t\t\n"))
    with pytest.raises(InputError, match="a.tsv:2"):
        read_decisions(write(tmp_path / "a.tsv", "surface\tcount\tdecision\thgnc\trole\nA\t1\tid\t\t\n"))


def test_the_frozen_set_with_all_of_hgnc():
    """Figures that the rules had when they were written; better ones may replace them, worse ones may not."""
    path = LEXICONS / "hgnc_symbols_synonyms.tsv"
    if not path.is_file():
        pytest.skip(f"no lexicon at {path}")
    decisions = read_decisions(FROZEN)
    plain = measure_reader(GeneReader(read_gene_lexicon([path], shipped=False)), decisions)["surfaces"]
    named = measure_reader(GeneReader(read_gene_lexicon([path])), decisions)["surfaces"]
    assert plain["accuracy"] > 0.85 and plain["recall"] > 0.74 and plain["precision"] > 0.92
    assert named["accuracy"] > 0.88 and named["recall"] > 0.81 and named["precision"] > 0.93


def test_the_command_says_where_and_what(hgnc, capsys):
    assert main(["lexicons"]) == 0
    assert "genenames.org" in capsys.readouterr().out
    assert main(["lexicons", str(hgnc), "--measure", str(FROZEN), "--faults"]) == 0
    out = capsys.readouterr().out
    assert "26 new ids" in out and "240 surfaces (101 with an id)" in out and "missed: NGAL: expected HGNC:6526" in out
