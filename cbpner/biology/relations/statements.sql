-- Statements of cbpner.biology.relations: what is counted (occurrences, counts), the null model, the evidence.

-- name: counted
CREATE OR REPLACE TABLE documents AS
WITH sizes AS (SELECT document, count(*) AS mentions FROM mentions GROUP BY document),
representatives AS (
    SELECT family, patent FROM documents LEFT JOIN sizes USING (document) GROUP BY family, patent
    QUALIFY row_number() OVER (
        PARTITION BY family ORDER BY coalesce(sum(mentions), 0) DESC, min(year) NULLS LAST, patent
    ) = 1
)
SELECT d.*, s.patent IS NOT NULL AS is_counted
FROM documents d LEFT JOIN representatives s ON s.family = d.family AND s.patent = d.patent

-- name: named
CREATE OR REPLACE TABLE entities AS
SELECT e.* REPLACE (coalesce(e.name, m.name, e.id) AS name) FROM entities e LEFT JOIN (
    SELECT entity, mode(surface ORDER BY surface) AS name FROM mentions GROUP BY entity
) m USING (entity)

-- name: spots
CREATE OR REPLACE TABLE spots AS
WITH numbered AS (
    SELECT * REPLACE (dense_rank() OVER (ORDER BY family) - 1 AS family),
        dense_rank() OVER (ORDER BY family, patent) AS number
    FROM documents
)
SELECT
    {place} AS place, d.family::INTEGER AS family, d.patent, min(d.year) AS year, d.is_counted, m.entity, e.kind,
    max(coalesce(m.score, 1)) AS weight,
    arg_min(
        {{'document': m.document, 'sentence': m.sentence, 'start': m.start, 'end': m."end", 'text': m.surface,
          'score': m.score}},
        (-coalesce(m.score, 1), m.document, m.start)
    ) AS mention
FROM mentions m JOIN numbered d USING (document) JOIN entities e USING (entity) GROUP BY ALL

-- name: all_units
CREATE OR REPLACE TABLE all_units AS
SELECT place + shift AS unit, s.rowid AS spot, family, is_counted, entity, kind, weight
FROM spots s, (SELECT unnest(range({size})) AS shift)

-- name: crowded
CREATE OR REPLACE TABLE crowded AS
SELECT unit, bool_or(is_counted) AS is_counted FROM all_units GROUP BY unit HAVING count(DISTINCT entity) > ?

-- name: margins
CREATE OR REPLACE TABLE margins AS
SELECT entity, kind, count(DISTINCT unit) AS units, count(DISTINCT family) AS patents
FROM units WHERE is_counted GROUP BY ALL HAVING patents >= ?

-- name: incidences
CREATE OR REPLACE TABLE incidences AS
SELECT unit, family, entity, kind, max(weight) AS weight
FROM units SEMI JOIN margins USING (entity) WHERE is_counted GROUP BY ALL

-- name: pair_families
CREATE OR REPLACE TABLE pair_families AS
SELECT
    a.entity AS a, b.entity AS b, a.family, b.kind AS kind, count(*)::INTEGER AS units,
    sum(a.weight * b.weight) AS weight
FROM incidences a JOIN incidences b ON a.unit = b.unit AND a.kind = 0 AND b.kind IN {kinds}
    AND (b.kind = 1 OR a.entity < b.entity)
GROUP BY ALL

-- name: pairs_seen
SELECT a, b, any_value(kind) AS kind, sum(units)::BIGINT AS units, count(*) AS patents, sum(weight) AS weight
FROM pair_families GROUP BY a, b HAVING count(*) >= ? ORDER BY a, b

-- name: bursts
WITH means AS (SELECT family, kind, count(*) / count(DISTINCT entity) AS mean FROM incidences GROUP BY family, kind),
own AS (SELECT family, kind, entity, count(*) AS units FROM incidences GROUP BY ALL)
SELECT entity, sum(units) / sum(mean) AS burst FROM own JOIN means USING (family, kind) GROUP BY entity ORDER BY entity

-- name: levels
SELECT i.family, l.level, count(DISTINCT i.entity) AS entities FROM incidences i JOIN batch l USING (entity)
WHERE i.kind = ? GROUP BY ALL

-- name: cooccurrences
CREATE OR REPLACE TABLE cooccurrences AS
SELECT
    f.*, x.patent, x.year, x.weight * y.weight AS weight, x.mention AS first, y.mention AS second,
    abs(x.mention.sentence - y.mention.sentence) AS distance
FROM (
    SELECT DISTINCT p.relation, p.a, p.b, x.spot AS x, y.spot AS y
    FROM batch p JOIN units x ON x.entity = p.a JOIN units y ON y.entity = p.b AND y.unit = x.unit
) f JOIN spots x ON x.rowid = f.x JOIN spots y ON y.rowid = f.y

-- name: first
-- the earliest patent of each relation; of one year the lower number
SELECT arg_min(patent, (coalesce(year, 9999), patent)) AS first_patent, min(year) AS first_year
FROM cooccurrences GROUP BY relation ORDER BY relation

-- name: kept
CREATE OR REPLACE TABLE kept AS
WITH ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY relation, patent ORDER BY distance, weight DESC, first.document, first.start, second.start
    ) AS turn
    FROM cooccurrences WHERE relation < ?
)
SELECT *, row_number() OVER (ORDER BY relation, turn, weight DESC, patent) AS number FROM ordered
QUALIFY row_number() OVER (PARTITION BY relation ORDER BY turn, weight DESC, patent) <= ?

-- name: rows
WITH places AS (
    SELECT s.document AS number, s.sentence, d.id AS document, s.start, s."end", s.place, s.size
    FROM sentences s JOIN documents d USING (document)
)
SELECT
    k.relation, e.id AS a_id, f.id AS b_id, k.patent, k.year,
    {'document': s.document, 'start': k.first.start, 'end': k.first."end", 'text': k.first.text, 'score': k.first.score}
        AS a,
    {'document': t.document, 'start': k.second.start, 'end': k.second."end", 'text': k.second.text,
     'score': k.second.score} AS b,
    CASE WHEN s = t THEN [s] WHEN s < t THEN [s, t] ELSE [t, s] END AS sentences
FROM kept k JOIN entities e ON e.entity = k.a JOIN entities f ON f.entity = k.b
    JOIN places s ON s.number = k.first.document AND s.sentence = k.first.sentence
    JOIN places t ON t.number = k.second.document AND t.sentence = k.second.sentence
ORDER BY k.number
