-- Statements of cbpner.biology.genes.entities.

-- name: entities
-- surfaces, labels: with their counts, the most frequent first. mentions: of the entity itself; agents: of something for
-- or against it. score: the sum of the mentions' scores, agents included; null without scores
WITH counted AS (SELECT entity, surface, count(*) AS n FROM mentions GROUP BY ALL),
surfaces AS (
    SELECT entity, list({'surface': surface, 'count': n} ORDER BY n DESC, surface) AS surfaces
    FROM counted GROUP BY entity
),
labelled AS (SELECT entity, label, count(*) AS n FROM mentions GROUP BY ALL),
labels AS (
    SELECT entity, list({'label': label, 'count': n} ORDER BY n DESC, label) AS labels FROM labelled GROUP BY entity
),
support AS (SELECT entity, count(*) AS n FROM mentions WHERE status IN ('one', 'several') AND NOT is_agent GROUP BY entity),
entities AS (
    SELECT
        entity, any_value(kind) AS type, any_value(name) AS name,
        CASE WHEN bool_or(status IN ('one', 'several')) THEN 'one' ELSE mode(status ORDER BY status) END AS status,
        max(candidates) AS candidates, count(*) FILTER (NOT is_agent) AS mentions, count(*) FILTER (is_agent) AS agents,
        count(DISTINCT patent) AS patents, count(DISTINCT family) AS families,
        min(year) AS first_year, max(year) AS last_year, avg(score) AS mean_score, sum(score) AS score
    FROM mentions GROUP BY entity
),
ranked AS (
    SELECT e.entity, list(c.id ORDER BY coalesce(s.n, 0) DESC, c.place) AS candidates
    FROM entities e, unnest(e.candidates) WITH ORDINALITY AS c(id, place) LEFT JOIN support s ON s.entity = c.id
    GROUP BY e.entity
)
SELECT
    e.entity, e.type, coalesce(e.name, s.surfaces[1].surface) AS name, e.status,
    coalesce(r.candidates, []) AS candidates, e.mentions, e.agents, l.labels, s.surfaces, e.patents, e.families,
    e.first_year, e.last_year, e.mean_score, e.score
FROM entities e JOIN surfaces s USING (entity) JOIN labels l USING (entity) LEFT JOIN ranked r USING (entity)
ORDER BY e.mentions + e.agents DESC, e.entity

-- name: flat
SELECT * REPLACE (
    array_to_string(candidates, '; ') AS candidates,
    array_to_string(list_transform(labels, lambda x: x.label || ' (' || x.count || ')'), '; ') AS labels,
    array_to_string(list_transform(surfaces, lambda x: x.surface || ' (' || x.count || ')'), '; ') AS surfaces
) FROM ({})

-- name: counts
-- kind, state (`several` counts as `one`), mentions, entities, examples
SELECT
    kind, CASE WHEN status IN ('one', 'several') THEN 'one' ELSE status END AS state, count(*) AS mentions,
    count(DISTINCT entity) AS entities, list(DISTINCT surface ORDER BY surface)[:5] AS examples
FROM mentions GROUP BY ALL ORDER BY kind, mentions DESC, state
