"""The words of the demo corpus: 21 topics, and what all topics share.

Names of genes, proteins, diseases, drugs, cell lines and methods are common knowledge, written down by hand; the
companies are invented. A topic belongs to one patent of the demo, so its words are mostly its own.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One patent's vocabulary; every field but `area` is a tuple of words.

    symbols: serve as gene and as protein, the sentence decides. rnas: microRNAs, long RNAs, fusions (genes).
    names: Chinese protein names, `name=symbol` where a short form may follow in brackets. antibodies: drugs that are
    proteins. diseases: `name=short form` likewise. markers: prefixes that make a subtype. cells, drugs and samples
    are no mentions.
    """

    area: str
    symbols: tuple
    rnas: tuple
    names: tuple
    antibodies: tuple
    diseases: tuple
    markers: tuple
    cells: tuple
    drugs: tuple
    samples: tuple


def make_topic(area, *columns):
    """A Topic from columns of words with spaces between them."""
    return Topic(area, *(tuple(column.split()) for column in columns))


TOPICS = (
    make_topic(
        "乳腺肿瘤",
        "HER2 ESR1 PGR PIK3CA CCND1 CDK4 GATA3 TROP2 Ki67 RAD51",
        "miR-21-5p HOTAIR miR-200c",
        "人表皮生长因子受体2=HER2 雌激素受体=ER 孕激素受体=PR 细胞周期蛋白D1 芳香化酶",
        "曲妥珠单抗 帕妥珠单抗 恩美曲妥珠单抗",
        "乳腺癌 乳腺导管原位癌=DCIS 浸润性导管癌 乳腺小叶癌 三阴性乳腺癌=TNBC 炎性乳腺癌",
        "HER2阳性 HER2低表达 激素受体阳性 PIK3CA突变型",
        "MCF-7 SK-BR-3 MDA-MB-231 BT-474",
        "他莫昔芬 来曲唑 多西他赛 拉帕替尼",
        "乳腺穿刺组织 石蜡包埋切片",
    ),
    make_topic(
        "肺部肿瘤",
        "EGFR ALK ROS1 MET KRAS STK11 KEAP1 RET NTRK1 TTF-1",
        "EML4-ALK融合基因 CD74-ROS1融合基因 MALAT1",
        "表皮生长因子受体=EGFR 间变性淋巴瘤激酶=ALK 肝细胞生长因子受体=MET 表面活性蛋白B 细胞角蛋白19片段",
        "埃万妥单抗 耐昔妥珠单抗 帕博利珠单抗",
        "非小细胞肺癌=NSCLC 肺腺癌=LUAD 小细胞肺癌=SCLC 肺鳞状细胞癌 大细胞神经内分泌癌 肺结节病",
        "EGFR突变型 ALK阳性 KRAS-G12C突变的 PD-L1高表达的",
        "A549 NCI-H1975 PC-9 H3122",
        "吉非替尼 奥希替尼 克唑替尼 培美曲塞",
        "支气管肺泡灌洗液 胸腔积液",
    ),
    make_topic(
        "结直肠肿瘤",
        "APC MLH1 MSH2 SEPT9 SDC2 NDRG4 BMP3 AXIN2 CDX2 LGR5",
        "miR-92a CCAT1 miR-135b",
        "β-连环蛋白 癌胚抗原=CEA 糖类抗原19-9 粘蛋白2 错配修复蛋白",
        "西妥昔单抗 帕尼单抗 贝伐珠单抗",
        "结直肠癌=CRC 直肠癌 家族性腺瘤性息肉病=FAP 林奇综合征 进展期腺瘤 锯齿状息肉病",
        "微卫星高度不稳定的 RAS野生型 BRAF突变型 错配修复缺陷的",
        "HCT116 HT-29 SW480 Caco-2",
        "奥沙利铂 伊立替康 卡培他滨 瑞戈非尼",
        "粪便样本 肠黏膜活检组织",
    ),
    make_topic(
        "肝脏肿瘤",
        "GPC3 AFP TERT CTNNB1 ARID1A FGF19 GOLPH2 DKK1 SPP1 YAP1",
        "miR-122 HULC miR-221",
        "甲胎蛋白=AFP 磷脂酰肌醇蛋白聚糖3=GPC3 异常凝血酶原=DCP 高尔基体蛋白73 骨桥蛋白 谷丙转氨酶",
        "雷莫西尤单抗 阿替利珠单抗 纳武利尤单抗",
        "肝细胞癌=HCC 肝内胆管癌=ICC 肝母细胞瘤 肝硬化 非酒精性脂肪性肝炎=NASH 胆囊癌",
        "HBV相关 AFP阳性 GPC3阳性",
        "HepG2 Huh-7 SMMC-7721 Hep3B",
        "索拉非尼 仑伐替尼 瑞戈非尼 阿霉素",
        "血清 肝组织匀浆",
    ),
    make_topic(
        "胃部肿瘤",
        "CLDN18.2 CDH1 FGFR2 RNF43 TFF3 MUC1 RUNX3 RHOA",
        "CLDN18-ARHGAP26融合基因 miR-106a GAS5",
        "紧密连接蛋白18.2=CLDN18.2 上皮钙黏蛋白 胃蛋白酶原I=PGI 胃泌素-17 成纤维细胞生长因子受体2",
        "佐妥昔单抗 曲妥珠单抗 替雷利珠单抗",
        "胃癌 胃食管交界处腺癌=GEJ 弥漫型胃癌 萎缩性胃炎 肠上皮化生 胃肠道间质瘤=GIST",
        "CLDN18.2阳性 HER2阳性 EB病毒阳性",
        "NUGC-4 MKN-45 SNU-16 KATO-III",
        "替吉奥 奥沙利铂 阿帕替尼 紫杉醇",
        "胃镜活检组织 腹腔灌洗液",
    ),
    make_topic(
        "妇科肿瘤",
        "BRCA1 BRCA2 FOLR1 MUC16 HE4 PALB2 CCNE1 PTEN POLE RAD51C",
        "miR-200a XIST miR-141",
        "叶酸受体α=FRα 糖类抗原125=CA125 间皮素 人附睾蛋白4=HE4 聚ADP核糖聚合酶=PARP",
        "索米妥昔单抗 贝伐珠单抗 多塔利单抗",
        "卵巢癌 高级别浆液性卵巢癌=HGSOC 子宫内膜癌 宫颈癌 输卵管癌 子宫内膜异位症 宫颈上皮内瘤变=CIN",
        "BRCA1突变的 铂敏感性 铂耐药性 同源重组缺陷的",
        "SKOV3 OVCAR-3 A2780 HeLa",
        "奥拉帕利 尼拉帕利 卡铂 托泊替康",
        "腹水 宫颈脱落细胞",
    ),
    make_topic(
        "前列腺与泌尿系统肿瘤",
        "AR PSA KLK3 FOLH1 SPINK1 NKX3-1 CYP17A1 FGFR3 UPK2 PCA3",
        "TMPRSS2-ERG融合基因 SChLAP1 miR-375",
        "雄激素受体=AR 前列腺特异性抗原=PSA 前列腺特异性膜抗原=PSMA 核基质蛋白22 激肽释放酶2",
        "维恩妥尤单抗 罗索帕妥单抗",
        "前列腺癌 良性前列腺增生=BPH 膀胱尿路上皮癌 肾透明细胞癌=ccRCC 睾丸生殖细胞瘤 肾盂癌",
        "去势抵抗性 激素敏感性 FGFR3突变的 AR-V7阳性",
        "LNCaP PC-3 DU145 22Rv1",
        "恩杂鲁胺 阿比特龙 比卡鲁胺 吉西他滨",
        "尿沉渣 前列腺按摩液",
    ),
    make_topic(
        "髓系血液肿瘤",
        "FLT3 NPM1 IDH2 DNMT3A CEBPA JAK2 CALR TET2 WT1 CD33",
        "BCR-ABL1融合基因 PML-RARα融合基因 miR-155",
        "髓过氧化物酶=MPO 白细胞介素-3受体α链=CD123 促红细胞生成素=EPO 血小板生成素受体 粒细胞集落刺激因子",
        "吉妥珠单抗 马格罗单抗",
        "急性髓系白血病=AML 慢性髓性白血病=CML 急性早幼粒细胞白血病=APL 骨髓增生异常综合征=MDS 真性红细胞增多症 原发性骨髓纤维化",
        "FLT3-ITD阳性 NPM1突变的 费城染色体阳性",
        "K562 HL-60 MV4-11 THP-1",
        "伊马替尼 阿糖胞苷 维奈克拉 地西他滨",
        "骨髓抽吸物 外周血单个核细胞",
    ),
    make_topic(
        "淋巴系统肿瘤",
        "CD19 CD20 BTK BCL2 MYC BCL6 CD79B MYD88 EZH2 CD30",
        "NPM1-ALK融合基因 miR-17-92基因簇 miR-34a",
        "布鲁顿酪氨酸激酶=BTK B淋巴细胞瘤-2蛋白 末端脱氧核苷酸转移酶=TdT 免疫球蛋白轻链 β2-微球蛋白",
        "利妥昔单抗 奥妥珠单抗 维布妥昔单抗 泊洛妥珠单抗",
        "弥漫大B细胞淋巴瘤=DLBCL 慢性淋巴细胞白血病=CLL 套细胞淋巴瘤=MCL 霍奇金淋巴瘤 滤泡性淋巴瘤 华氏巨球蛋白血症 外周T细胞淋巴瘤",
        "CD20阳性 MYC重排的 生发中心型",
        "Raji Jurkat SU-DHL-4 Ramos",
        "伊布替尼 苯达莫司汀 泽布替尼 环磷酰胺",
        "淋巴结活检组织 脑脊液",
    ),
    make_topic(
        "浆细胞疾病",
        "BCMA CD38 GPRC5D SLAMF7 CRBN IKZF1 XBP1 IRF4 FCRH5",
        "IGH-FGFR3融合基因 miR-15a MEG3",
        "B细胞成熟抗原=BCMA M蛋白 血清游离轻链 增殖诱导配体=APRIL 转甲状腺素蛋白",
        "达雷妥尤单抗 埃罗妥珠单抗 特立妥单抗",
        "多发性骨髓瘤=MM 浆细胞白血病 轻链型淀粉样变性=AL 意义未明单克隆丙种球蛋白血症=MGUS POEMS综合征 孤立性浆细胞瘤",
        "t(4;14)阳性 CD38阳性 BCMA阳性",
        "RPMI8226 MM.1S U266 NCI-H929",
        "硼替佐米 来那度胺 泊马度胺 地塞米松",
        "骨髓液 24小时尿液",
    ),
    make_topic(
        "皮肤肿瘤与免疫检查点",
        "PD-1 PD-L1 CTLA-4 LAG-3 TIGIT BRAF NRAS CDKN2A TYR MITF",
        "miR-211 SAMMSON BANCR",
        "程序性死亡受体1=PD-1 程序性死亡配体1=PD-L1 细胞毒性T淋巴细胞相关抗原4 酪氨酸酶 黑色素细胞刺激素受体",
        "特瑞普利单抗 伊匹木单抗 信迪利单抗 瑞拉利单抗",
        "黑色素瘤 葡萄膜黑色素瘤 默克尔细胞癌=MCC 皮肤鳞状细胞癌 基底细胞癌=BCC 白癜风",
        "BRAF-V600E突变的 PD-L1阳性 NRAS突变型",
        "A375 B16-F10 SK-MEL-28 MeWo",
        "维莫非尼 达拉非尼 曲美替尼 达卡巴嗪",
        "皮损组织 外周血单个核细胞",
    ),
    make_topic(
        "中枢神经系统肿瘤",
        "IDH1 MGMT ATRX EGFRvIII TP53 H3F3A PDGFRA OLIG2 PROM1 NES",
        "FGFR3-TACC3融合基因 miR-10b CRNDE",
        "胶质纤维酸性蛋白=GFAP 血小板衍生生长因子受体α O6-甲基鸟嘌呤DNA甲基转移酶=MGMT 巢蛋白 神经元特异性烯醇化酶",
        "尼妥珠单抗 地努图希单抗",
        "多形性胶质母细胞瘤=GBM 少突胶质细胞瘤 弥漫性中线胶质瘤=DMG 髓母细胞瘤 室管膜瘤 神经母细胞瘤 脑膜瘤",
        "IDH野生型 MGMT启动子甲基化的 1p/19q共缺失的",
        "U87MG U251 T98G LN229",
        "替莫唑胺 洛莫司汀 卡莫司汀",
        "术中冰冻组织 脑脊液",
    ),
    make_topic(
        "肾脏疾病",
        "NGAL KIM-1 PLA2R UMOD NPHS1 COL4A5 APOL1 PKD1 THSD7A C1GALT1",
        "miR-192 miR-29b TUG1",
        "中性粒细胞明胶酶相关脂质运载蛋白=NGAL 肾损伤分子1=KIM-1 M型磷脂酶A2受体=PLA2R 胱抑素C 视黄醇结合蛋白4 足细胞裂孔膜蛋白",
        "依库珠单抗 贝利尤单抗",
        "IgA肾病=IgAN 膜性肾病 急性肾损伤=AKI 慢性肾脏病=CKD 常染色体显性多囊肾病=ADPKD Alport综合征 局灶节段性肾小球硬化=FSGS",
        "抗PLA2R抗体阳性 激素依赖型 APOL1高风险型",
        "HK-2 MPC-5 HEK293T",
        "环孢素 他克莫司 恩格列净 托伐普坦",
        "晨尿 肾穿刺组织",
    ),
    make_topic(
        "代谢性疾病",
        "GLP1R GCK HNF1A TCF7L2 PPARγ LEPR FTO GIPR SLC5A2 FGF21",
        "miR-375-3p miR-103 H19",
        "胰高血糖素样肽-1=GLP-1 胰岛素 胰岛素受体 葡萄糖激酶 瘦素 脂联素 二肽基肽酶-4=DPP-4 糖化血红蛋白",
        "度拉糖肽 司美格鲁肽",
        "2型糖尿病=T2DM 1型糖尿病 青少年发病的成人型糖尿病=MODY 肥胖症 糖尿病视网膜病变=DR 糖尿病足 胰岛素抵抗综合征",
        "GCK突变的 GAD抗体阳性 饮食诱导的",
        "INS-1 MIN6 3T3-L1",
        "二甲双胍 西格列汀 达格列净 吡格列酮",
        "空腹血浆 胰岛提取物",
    ),
    make_topic(
        "风湿免疫病",
        "TNF-α IL-6 IL-17A JAK1 TYK2 PADI4 STAT4 HLA-B27 HLA-DRB1 BLyS",
        "miR-146a NEAT1 miR-223",
        "肿瘤坏死因子α=TNF-α 类风湿因子=RF 抗环瓜氨酸肽抗体=抗CCP抗体 白细胞介素-6受体=IL-6R 基质金属蛋白酶3 血清淀粉样蛋白A",
        "阿达木单抗 托珠单抗 司库奇尤单抗 依那西普",
        "类风湿关节炎=RA 系统性红斑狼疮=SLE 强直性脊柱炎=AS 干燥综合征 银屑病关节炎 成人Still病 痛风",
        "抗CCP抗体阳性 HLA-B27阳性 对TNF抑制剂应答不足的",
        "MH7A RAW264.7 SW982",
        "甲氨蝶呤 托法替布 羟氯喹 来氟米特",
        "滑膜液 滑膜组织",
    ),
    make_topic(
        "肠道炎症",
        "NOD2 ATG16L1 IL23R TNFSF15 ITGB7 MADCAM1 CARD9 IL10RA S100A12",
        "miR-31 IFNG-AS1 miR-16",
        "钙卫蛋白 乳铁蛋白 整合素α4β7 黏膜地址素细胞黏附分子1=MAdCAM-1 白细胞介素-23p19亚基 组织转谷氨酰胺酶",
        "维得利珠单抗 乌司奴单抗 英夫利西单抗 利生奇珠单抗",
        "溃疡性结肠炎=UC 克罗恩病=CD 炎症性肠病=IBD 乳糜泻 显微镜下结肠炎 肠易激综合征=IBS 原发性硬化性胆管炎=PSC",
        "对英夫利西单抗无应答的 NOD2突变的 激素难治性",
        "NCM460 Caco-2 THP-1",
        "美沙拉嗪 硫唑嘌呤 布地奈德 乌帕替尼",
        "粪便上清 结肠黏膜活检组织",
    ),
    make_topic(
        "神经退行性疾病",
        "APP PSEN1 APOE MAPT LRRK2 SNCA TREM2 HTT SOD1 C9orf72",
        "BACE1-AS miR-132 miR-9",
        "β-淀粉样蛋白42=Aβ42 tau蛋白 α-突触核蛋白 神经丝轻链=NfL β位点APP切割酶1=BACE1 亨廷顿蛋白 脑源性神经营养因子=BDNF",
        "仑卡奈单抗 多奈单抗",
        "阿尔茨海默病=AD 帕金森病=PD 肌萎缩侧索硬化=ALS 亨廷顿舞蹈症 路易体痴呆=DLB 额颞叶痴呆=FTD 轻度认知障碍",
        "早发家族性 APOEε4阳性 SOD1突变的",
        "SH-SY5Y PC12 BV-2",
        "多奈哌齐 左旋多巴 美金刚 利鲁唑",
        "脑脊液 海马组织",
    ),
    make_topic(
        "遗传病基因治疗",
        "HBB HBA1 BCL11A F8 F9 DMD SMN1 CFTR G6PD GAA",
        "miR-486 HBBP1 SMN2基因外显子7",
        "凝血因子VIII=FVIII 凝血因子IX=FIX 抗肌萎缩蛋白 β-珠蛋白 酸性α-葡萄糖苷酶=GAA 血管性血友病因子=vWF 囊性纤维化跨膜传导调节因子",
        "艾美赛珠单抗 康赛珠单抗",
        "β-地中海贫血 α-地中海贫血 镰状细胞病=SCD 血友病A 血友病B 杜氏肌营养不良=DMD 脊髓性肌萎缩症=SMA 庞贝病 囊性纤维化=CF",
        "输血依赖型 重型 伴抑制物的",
        "HUDEP-2 HEK293T K562",
        "羟基脲 地拉罗司 伊伐卡托",
        "动员后的外周血 脐带血",
    ),
    make_topic(
        "心血管疾病",
        "PCSK9 LDLR APOB LPA MYH7 TNNT2 NPPB SCN5A KCNQ1 ANGPTL3",
        "miR-208a ANRIL miR-133a",
        "前蛋白转化酶枯草溶菌素9=PCSK9 低密度脂蛋白受体=LDLR 心肌肌钙蛋白I=cTnI N末端B型利钠肽原=NT-proBNP 脂蛋白(a) 血管紧张素转换酶2=ACE2 D-二聚体",
        "依洛尤单抗 阿利西尤单抗",
        "家族性高胆固醇血症=FH 动脉粥样硬化 急性心肌梗死=AMI 肥厚型心肌病=HCM 心力衰竭=HF 长QT综合征=LQTS 心房颤动 主动脉夹层",
        "LDLR突变的 射血分数降低的 他汀不耐受的",
        "HUVEC H9c2 AC16",
        "阿托伐他汀 依折麦布 沙库巴曲 氯吡格雷",
        "肝素抗凝血浆 心肌组织",
    ),
    make_topic(
        "感染与脓毒症",
        "TLR4 NLRP3 IFITM3 DDX58 CXCL10 HMGB1 IFNL3 NTCP TREM-1 CD14",
        "miR-150 miR-122-5p lincRNA-Cox2",
        "降钙素原=PCT C反应蛋白=CRP 脂多糖结合蛋白 γ-干扰素=IFN-γ 乙型肝炎表面抗原=HBsAg 核衣壳蛋白 可溶性CD14亚型=presepsin",
        "帕利珠单抗 贝洛托舒单抗",
        "脓毒症 慢性乙型肝炎=CHB 丙型肝炎 肺结核=TB 社区获得性肺炎=CAP 流行性感冒 尖锐湿疣 艾滋病=AIDS",
        "HBeAg阳性 耐多药 细菌性",
        "THP-1 Vero Huh-7",
        "恩替卡韦 替诺福韦 奥司他韦 利福平",
        "降钙素管血浆 鼻咽拭子",
    ),
    make_topic(
        "过敏与气道疾病",
        "IL-4Rα IL-5 TSLP IL-33 ST2 FLG ORMDL3 ADAM33 SERPINA1 IL-31RA",
        "miR-126 GAS5 miR-145",
        "免疫球蛋白E=IgE 胸腺基质淋巴细胞生成素=TSLP 嗜酸性粒细胞阳离子蛋白=ECP α1-抗胰蛋白酶=AAT 聚丝蛋白 骨膜蛋白 类胰蛋白酶",
        "度普利尤单抗 奥马珠单抗 美泊利珠单抗 特泽鲁单抗",
        "支气管哮喘 特应性皮炎=AD 慢性阻塞性肺疾病=COPD 变应性鼻炎=AR 慢性鼻窦炎伴鼻息肉=CRSwNP 慢性自发性荨麻疹 特发性肺纤维化=IPF",
        "嗜酸性粒细胞性 中重度 AAT缺乏相关的",
        "BEAS-2B HaCaT HMC-1",
        "布地奈德 孟鲁司特 噻托溴铵 吡非尼酮",
        "诱导痰 皮肤胶带剥离物",
    ),
)

# What every patent may mention.
SHARED_SYMBOLS = tuple("GAPDH ACTB TP53 VEGF AKT1 STAT3 CD3 CD8 CD4 IL-2 TGF-β1 NF-κB mTOR PTEN IFN-γ IL-10".split())
SHARED_RNAS = ("miR-21", "U6", "let-7a")
SHARED_NAMES = tuple(
    "血管内皮生长因子=VEGF 白细胞介素-2=IL-2 人血清白蛋白=HSA β-肌动蛋白 胰蛋白酶 绿色荧光蛋白=GFP TaqDNA聚合酶 "
    "链霉亲和素 荧光素酶 转化生长因子β1=TGF-β1 辣根过氧化物酶=HRP".split()
)
SHARED_ANTIBODIES = ("英夫利西单抗", "贝伐珠单抗", "利妥昔单抗")
SHARED_DISEASES = tuple(
    "乳腺癌 肺癌 肝癌 糖尿病 高血压 白血病 胰腺癌=PDAC 类风湿关节炎 银屑病 冠心病=CHD 骨质疏松症 鼻咽癌 哮喘 结直肠癌 "
    "系统性红斑狼疮=SLE 病毒性肝炎 抑郁症".split()
)
TUMOUR_STAGES = ("转移性", "晚期", "复发性", "复发或难治性", "局部晚期", "早期")
OTHER_STAGES = ("难治性", "早期", "重度", "儿童", "复发性", "老年")

# Words that look like mentions but are none, and plain fillers: slot name -> words.
FILLERS = {
    "tech": "PCR qRT-PCR ELISA SDS-PAGE FISH Western-blot 免疫组化 流式细胞术 NGS HPLC ddPCR Sanger测序 MALDI-TOF LC-MS/MS "
    "化学发光法 SPR 免疫荧光 RNA-seq",
    "reagent": "PBS DMEM RPMI-1640 EDTA DMSO Tris-HCl FITC DAPI Trizol TMB TBST α-MEM β-巯基乙醇 HEPES Triton-X-100 "
    "Lipofectamine-3000 SYBR-Green CCK-8 PVDF膜 MTT",
    "code": "LY294002 U0126 MG132 SB203580 GW4869 SP600125 Z-VAD-FMK JQ1 BAY11-7082 ABT-263 T0070907 AG490",
    "vector": "pcDNA3.1 pET-28a(+) pLKO.1 AAV9 lentiCRISPRv2 pGL3-Basic pFUSE pUC57 pCMV-Tag2B",
    "strain": "大肠杆菌BL21(DE3) DH5α感受态细胞 CHO-K1细胞 Expi293F细胞 毕赤酵母GS115 Sf9昆虫细胞",
    "animal": "BALB/c小鼠 C57BL/6小鼠 SD大鼠 NOD/SCID小鼠 新西兰大白兔 食蟹猴 Wistar大鼠 裸鼠",
    "company": "澄源生物 北岭试剂 禾序科技 TriLake-Bio 云桥诊断 Noverra公司 恒脉仪器 蓝穹医药 KD-Assay公司",
    "adverse": "恶心 乏力 腹泻 皮疹 发热 头晕 注射部位疼痛 食欲下降",
    "generic": "癌症 肿瘤 疾病 病变 该病 恶性病灶 炎症状态",
    "form": "注射液 冻干粉针剂 片剂 胶囊 鼻喷剂 脂质体 皮下注射剂 口服液",
    "excipient": "甘露醇 组氨酸缓冲液 聚山梨酯80 蔗糖 微晶纤维素 硬脂酸镁 柠檬酸钠 海藻糖",
    "stat": "t检验 单因素方差分析 Log-rank检验 Mann-Whitney检验 Cox回归 卡方检验",
    "software": "GraphPad-Prism R语言 FlowJo ImageJ SPSS22.0 STAR比对软件",
}
FILLERS = {slot: tuple(words.split()) for slot, words in FILLERS.items()}
