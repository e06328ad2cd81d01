-- Statements of cbpner.corpora.selection.

-- name: tables
CREATE TABLE documents AS SELECT * EXCLUDE (han_share, text), 0::BIGINT AS start, '' AS removed_by FROM batch;
CREATE TABLE sketches (id BIGINT, sketch BLOB)

-- name: candidates
CREATE TABLE candidates AS
SELECT *, row_number() OVER (
    ORDER BY removed_by IS NULL, date NULLS LAST, length(serial), serial, number, source, fingerprint
) AS place
FROM documents WHERE {in_groups};
CREATE VIEW in_groups AS SELECT * FROM candidates WHERE {in_groups}

-- name: families
SELECT place, coalesce(
    'family ' || min(nullif(trim(family), '')) OVER (PARTITION BY country, serial), 'number ' || country || serial
) AS key
FROM in_groups

-- name: pairs
CREATE TABLE pairs AS
WITH bands AS (
    SELECT id, hash(i, hex(sketch)[i * {digits} + 1 : (i + 1) * {digits}]) AS band
    FROM sketches, range({count}) AS bands(i)
), members AS (
    SELECT band, id, place FROM bands JOIN in_groups USING (id) QUALIFY count(*) OVER (PARTITION BY band) > 1
), partners AS (
    SELECT id, unnest([first_value(id) OVER w, lag(id, 1) OVER w, lag(id, 2) OVER w, lag(id, 3) OVER w]) AS other
    FROM members WINDOW w AS (PARTITION BY band ORDER BY place)
)
SELECT DISTINCT id, other FROM partners WHERE other <> id

-- name: sketches
SELECT id, other, first.sketch, second.sketch
FROM pairs JOIN sketches AS first USING (id) JOIN sketches AS second ON second.id = other

-- name: drop_repeats
UPDATE candidates SET removed_by = ? WHERE removed_by IS NULL AND place IN (
    SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY key ORDER BY place) AS rank FROM ({keys}))
    WHERE rank > 1
)

-- name: removed
SELECT coalesce(candidates.removed_by, documents.removed_by) AS step, count(*), sum(documents.characters)
FROM documents LEFT JOIN candidates USING (id) GROUP BY ALL

-- name: draw
SELECT number, date, family, source, title, characters, start, size FROM candidates WHERE removed_by IS NULL
ORDER BY md5(? || ':' || number), place
