-- Candidates for the corpus BC: Chinese patents on markers of breast cancer, published from 2012-12-01 to 2019-01-01.
--
-- BigQuery standard SQL. The table has bibliographic data alone, and no Chinese full text: what this lists are the
-- numbers whose texts are worth getting. The paper's query, 乳腺癌 AND 生物标记物 in the full text, is for
-- `cbpner patents`.
SELECT
  publications.publication_number,  -- CN-105611940-A
  publications.publication_date,  -- 20160525
  publications.family_id,
  (SELECT part.text FROM UNNEST(title_localized) AS part ORDER BY part.language = 'zh' DESC LIMIT 1) AS title,
  ARRAY_TO_STRING(ARRAY(SELECT DISTINCT class.code AS code FROM UNNEST(ipc) AS class ORDER BY code), ' ') AS ipc
FROM `patents-public-data.patents.publications` AS publications
WHERE country_code = 'CN'
  AND kind_code IN ('A', 'B', 'C')  -- inventions, as published and as granted; no utility models, no designs
  AND publication_date BETWEEN 20121201 AND 20190101
  AND (
    -- Breast cancer by name, in whichever language title and abstract are there.
    EXISTS (
      SELECT 1 FROM UNNEST(title_localized) AS part
      WHERE REGEXP_CONTAINS(part.text, r'(?i)乳腺癌|\bbreast (cancer|carcinoma|tumou?r)')
    )
    OR EXISTS (
      SELECT 1 FROM UNNEST(abstract_localized) AS part
      WHERE REGEXP_CONTAINS(part.text, r'(?i)乳腺癌|\bbreast (cancer|carcinoma|tumou?r)')
    )
    -- Or a class of tests for cancer, of whatever organ: G01N 33/574 immunoassays, C12Q 1/6886 tests with nucleic acids
    -- (CPC alone). Their texts list cancers that the abstract does not.
    OR EXISTS (SELECT 1 FROM UNNEST(ipc) AS class WHERE REGEXP_CONTAINS(class.code, r'^G01N33/574'))
    OR EXISTS (SELECT 1 FROM UNNEST(cpc) AS class WHERE REGEXP_CONTAINS(class.code, r'^(G01N33/574|C12Q1/6886)'))
  )
ORDER BY publication_date, publication_number
