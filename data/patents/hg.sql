-- Candidates for the corpus HG: Chinese patents on human genes, published from 2009-01-01 to 2019-01-01.
--
-- BigQuery standard SQL. The table has bibliographic data alone, and no Chinese full text: what this lists are the
-- numbers whose texts are worth getting. The paper's query, 人类 AND 基因 in the full text, is for `cbpner patents`.
SELECT
  publications.publication_number,  -- CN-105611940-A
  publications.publication_date,  -- 20160525
  publications.family_id,
  (SELECT part.text FROM UNNEST(title_localized) AS part ORDER BY part.language = 'zh' DESC LIMIT 1) AS title,
  ARRAY_TO_STRING(ARRAY(SELECT DISTINCT class.code AS code FROM UNNEST(ipc) AS class ORDER BY code), ' ') AS ipc
FROM `patents-public-data.patents.publications` AS publications
WHERE country_code = 'CN'
  AND kind_code IN ('A', 'B', 'C')  -- inventions, as published and as granted; no utility models, no designs
  AND publication_date BETWEEN 20090101 AND 20190101
  AND (
    -- Classes whose texts speak of genes: C12N 15 genetic engineering, C12Q 1/68 tests with nucleic acids, C07K 14 and 16
    -- peptides from humans and antibodies, A61K 48 gene therapy, A61K 31/70.. nucleic acids as drugs, G16B (formerly
    -- G06F 19) bioinformatics.
    EXISTS (
      SELECT 1 FROM UNNEST(ipc) AS class
      WHERE REGEXP_CONTAINS(class.code, r'^(C12N15/|C12Q1/68|C07K1[46]/|A61K48/|A61K31/71|A61K31/70[0-9]{2}|G16B|G06F19/)')
    )
    OR EXISTS (
      SELECT 1 FROM UNNEST(cpc) AS class
      WHERE REGEXP_CONTAINS(class.code, r'^(C12N15/|C12Q1/68|C07K1[46]/|A61K48/|A61K31/71|A61K31/70[0-9]{2}|G16B)')
    )
    -- Or the word itself, in whichever language title and abstract are there.
    OR EXISTS (
      SELECT 1 FROM UNNEST(title_localized) AS part WHERE REGEXP_CONTAINS(part.text, r'(?i)基因|\b(gene|genes|genetic)\b')
    )
    OR EXISTS (
      SELECT 1 FROM UNNEST(abstract_localized) AS part
      WHERE REGEXP_CONTAINS(part.text, r'(?i)基因|\b(gene|genes|genetic)\b')
    )
  )
ORDER BY publication_date, publication_number
