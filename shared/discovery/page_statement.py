"""The one statement that reads a page of somebody's queue: what of it they may still see, as complete cards.

Whatever has happened since the queue was made is decided here, from the tables themselves: a queue may be as old as it
likes. It says in SQL what `visibility.could_meet` says, and in JSON what routes of profiles say; tests hold them
together.
"""

from dataclasses import astuple
from typing import Final

from shared.accounts.rules import ADULT, OLDEST
from shared.badges.catalogue import BADGES
from shared.discovery.candidates import WISHES
from shared.discovery.settled import LIKED_BY, SETTLED
from shared.lean import Statement
from shared.profiles import rules
from shared.quiz.compatibility import APART, CLOSE, FITS, HIGH, LOW, WEIGHTS
from shared.quiz.rules import MIDDLE
from shared.quiz.traits import TRAITS, Trait
from shared.quiz.words import ESTIMATES, NOT_FAR_APART, WORDS
from shared.storage import SIGNATURE_SQL

_TRAITS: Final = ", ".join(f"({n}, '{trait}', {WEIGHTS[trait]}::float)" for n, trait in enumerate(Trait, start=1))
_SCORES: Final = "coalesce({scores}::real[], usual.scores::real[], array_fill({middle}::real, ARRAY[{count}]))"
_MINE: Final = _SCORES.format(scores="me.traits", middle=MIDDLE, count=len(Trait))
_THEIRS: Final = _SCORES.format(scores="t.scores", middle=MIDDLE, count=len(Trait))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# What is said to people stands in the statement: as parameters it would be sent and read anew with each request. Six
# sentences for each trait, those of `quiz.words` in their order and then that nothing sets the two far apart.
_WORDS: Final = "ARRAY[{}]".format(
    ", ".join(
        _literal(said)
        for trait in Trait
        for said in (*astuple(WORDS[trait]), NOT_FAR_APART.format(trait=TRAITS[trait].label.lower()))
    )
)
_NOTES: Final = "ARRAY[{}]".format(
    ", ".join(_literal(ESTIMATES[both]) for both in ((True, True), (True, False), (False, True)))
)
_BADGE_WORDS: Final = ", ".join(
    f"({_literal(badge.slug)}, {_literal(badge.name)}, {_literal(badge.description)})" for badge in BADGES
)
_APART: Final = "CASE WHEN mine > theirs THEN 4 ELSE 5 END"
_FITTING: Final = f"""CASE WHEN gap >= {APART} THEN {_APART}
    WHEN (mine + theirs) / 2 < {LOW} THEN 1 WHEN (mine + theirs) / 2 > {HIGH} THEN 3 ELSE 2 END"""
_DIFFERING: Final = f"CASE WHEN gap <= {CLOSE} THEN 6 ELSE {_APART} END"

# Of all cards together: one after the other would cost three times as much.
_COMPATIBILITY: Final = f"""
    SELECT place, json_build_object(
        'percent', round(100 * (1 - sum(weight * gap ORDER BY n)))::integer,
        'fits', json_agg(json_build_object('trait', trait, 'text', ({_WORDS})[6 * (n - 1) + {_FITTING}])
            ORDER BY fit DESC, n) FILTER (WHERE fits <= {FITS} AND NOT differs),
        'differs', (json_agg(json_build_object('trait', trait, 'text', ({_WORDS})[6 * (n - 1) + {_DIFFERING}]))
            FILTER (WHERE differs)) -> 0,
        'estimated', bool_or(i_lack OR they_lack),
        'note', ({_NOTES})[min(CASE WHEN i_lack AND they_lack THEN 1 WHEN i_lack THEN 2 WHEN they_lack THEN 3 END)]
    ) AS compatibility
    FROM (
        SELECT *, row_number() OVER (PARTITION BY place, differs ORDER BY fit DESC, n) AS fits
        FROM (
            SELECT *, weight * (clarity - gap) AS fit,
                row_number() OVER (PARTITION BY place ORDER BY weight * gap DESC, clarity, n) = 1 AS differs
            FROM (
                SELECT *, abs(mine - theirs) AS gap, CASE WHEN (mine < {MIDDLE}) <> (theirs < {MIDDLE}) THEN 0
                    ELSE least(abs(mine - {MIDDLE}), abs(theirs - {MIDDLE})) END AS clarity
                FROM (
                    SELECT page.place, n, trait, weight, me.traits IS NULL AS i_lack, t.user_id IS NULL AS they_lack,
                        ({_MINE})[n]::float AS mine, ({_THEIRS})[n]::float AS theirs
                    FROM page CROSS JOIN me CROSS JOIN (VALUES {_TRAITS}) AS traits (n, trait, weight)
                    LEFT JOIN user_trait_scores t ON t.user_id = page.id
                    LEFT JOIN population_traits usual ON true
                ) AS of_trait
            ) AS gaps
        ) AS fitting
    ) AS ranked
    GROUP BY place
"""
_PHOTOS: Final = f"""
    SELECT place, json_agg(json_build_object(
        'id', id, 'status', status, 'position', number - 1, 'width', width, 'height', height, 'thumbhash', thumbhash,
        'color', color, 'urls', (
            SELECT json_object_agg(variant, CASE WHEN :signed THEN
                :base || '/media/' || key || '?expires=' || :expires || '&signature='
                || {SIGNATURE_SQL.format(key="key")} ELSE key END)
            FROM jsonb_each_text(renditions) AS of_photo (variant, key)
        ), 'rejection', NULL) ORDER BY number) AS photos
    FROM (
        SELECT page.place, p.*, row_number() OVER (PARTITION BY page.place ORDER BY p.position) AS number
        FROM page JOIN photos p ON p.user_id = page.id AND p.status = 'ready'
    ) AS numbered
    GROUP BY place
"""
_PROMPTS: Final = """
    SELECT place, json_agg(json_build_object(
        'id', id, 'question', json_build_object('id', prompt_id, 'slug', slug, 'text', text), 'answer', answer,
        'private', private, 'position', number - 1,
        'status', CASE WHEN model = :model THEN 'embedded' ELSE 'pending' END
    ) ORDER BY number) AS prompts
    FROM (
        SELECT page.place, a.id, a.prompt_id, a.answer, a.private, a.model, q.slug, q.text,
            row_number() OVER (PARTITION BY page.place ORDER BY a.position) AS number
        FROM page JOIN prompt_answers a ON a.user_id = page.id AND NOT a.private JOIN prompts q ON q.id = a.prompt_id
    ) AS numbered
    GROUP BY place
"""
_BADGES: Final = f"""
    SELECT page.place, json_agg(json_build_object(
        'slug', b.slug, 'name', words.name, 'description', words.description,
        'icon', :base || '/v1/badges/' || b.slug || '/icon.svg', 'reason', b.reason
    ) ORDER BY b.position) AS badges
    FROM page JOIN user_badges b ON b.user_id = page.id
    JOIN (VALUES {_BADGE_WORDS}) AS words (slug, name, description) ON words.slug = b.slug
    LEFT JOIN prompt_answers a ON a.id = b.answer_id
    WHERE b.answer_id IS NULL OR NOT a.private
        AND b.answer_sha256 = sha256(convert_to(concat(a.prompt_id, a.answer), 'UTF8'))
    GROUP BY page.place
"""
_AGE: Final = f"greatest({ADULT}, extract(year FROM age((:now AT TIME ZONE 'UTC')::date, {{}}.birth_date))::integer)"
_LIMIT: Final = "({0}.max_distance_km IS NULL OR apart.squared <= (1000 * {0}.max_distance_km::bigint) ^ 2)"
_ALL_SOUGHT: Final = "cardinality({}.sought_genders) = 3"

PAGE: Final = Statement(
    f"""
WITH me AS (
    SELECT u.*, {_AGE.format("u")} AS age, {WISHES} AS wishes, t.scores AS traits
    FROM users u JOIN sessions s ON s.user_id = u.id LEFT JOIN user_trait_scores t ON t.user_id = u.id
    WHERE u.id = :me AND s.id = :session AND s.revoked_at IS NULL AND s.expires_at > :now
),
viewers AS (SELECT id, contact_hash FROM me),
queue AS (SELECT * FROM discovery_queues WHERE user_id = :me),
settled AS MATERIALIZED ({SETTLED}),
liked_by AS MATERIALIZED ({LIKED_BY}),
undecided AS MATERIALIZED (
    SELECT place, id FROM queue, unnest(queue.ids) WITH ORDINALITY AS queued (id, place)
    WHERE id NOT IN (SELECT other_id FROM settled)
),
-- In the order of the queue, so that it ends with the last card of the page.
page AS MATERIALIZED (
    SELECT queued.place, u.id, {_AGE.format("u")} AS age, apart.squared
    FROM me CROSS JOIN (
        SELECT u.* FROM undecided u, queue
        WHERE u.place > CASE WHEN queue.computed_at = :made THEN :after ELSE 0 END ORDER BY u.place
    ) queued
    JOIN users u ON u.id = queued.id
    CROSS JOIN LATERAL (
        SELECT (u.place[1] - me.place[1])::bigint * (u.place[1] - me.place[1])
            + (u.place[2] - me.place[2])::bigint * (u.place[2] - me.place[2])
            + (u.place[3] - me.place[3])::bigint * (u.place[3] - me.place[3]) AS squared
    ) apart
    WHERE me.status = 'active' AND u.status = 'active' AND u.hidden_at IS NULL
        AND (u.email_verified_at IS NOT NULL OR NOT :verified)
        AND ({_ALL_SOUGHT.format("me")} OR u.gender = ANY(me.sought_genders))
        AND CASE WHEN me.gender IS NULL THEN {_ALL_SOUGHT.format("u")} ELSE me.gender = ANY(u.sought_genders) END
        AND {_AGE.format("u")} >= me.min_age AND ({_AGE.format("u")} <= me.max_age OR me.max_age = {OLDEST})
        AND me.age >= u.min_age AND (me.age <= u.max_age OR u.max_age = {OLDEST})
        AND {_LIMIT.format("me")} AND {_LIMIT.format("u")}
        AND EXISTS (SELECT FROM photos p WHERE p.user_id = u.id AND p.status = 'ready')
    ORDER BY queued.place LIMIT :limit
),
cards AS (
    SELECT page.place, json_build_object(
        'user', json_build_object(
            'id', u.id, 'name', u.name, 'age', page.age, 'bio', u.bio,
            'distance_km', CASE WHEN page.squared IS NULL THEN NULL
                WHEN page.squared <= {(1000 * rules.STRAIGHT) ** 2} THEN greatest(1, ceil(sqrt(page.squared) / 1000))
                ELSE ceil({rules.EARTH_DIAMETER} * asin(least(1, sqrt(page.squared) / 1000 / {rules.EARTH_DIAMETER})))
                END::integer,
            'active', CASE WHEN away.days <= 0 THEN 'today' WHEN away.days < {rules.THIS_WEEK} THEN 'this_week'
                ELSE 'longer_ago' END,
            'photos', coalesce(photos, '[]'), 'prompts', coalesce(prompts, '[]'), 'badges', coalesce(badges, '[]'),
            'compatibility', compatibility
        ),
        'compatibility', compatibility,
        'liked_you', :liked_shown AND u.id IN (SELECT other_id FROM liked_by)
    ) AS card
    FROM page JOIN users u ON u.id = page.id
    CROSS JOIN LATERAL (
        SELECT (:now AT TIME ZONE 'UTC')::date - (u.last_active_at AT TIME ZONE 'UTC')::date AS days
    ) away
    JOIN ({_COMPATIBILITY}) compared ON compared.place = page.place
    LEFT JOIN ({_PHOTOS}) of_photos ON of_photos.place = page.place
    LEFT JOIN ({_PROMPTS}) of_prompts ON of_prompts.place = page.place
    LEFT JOIN ({_BADGES}) of_badges ON of_badges.place = page.place
)
SELECT me.status, me.last_active_at, queue.computed_at, queue.wishes = me.wishes,
    (SELECT count(*) FROM undecided), (SELECT count(*) FROM page), (SELECT max(place) FROM page),
    EXISTS (
        SELECT FROM work w WHERE w.kind = 'discovery.refresh' AND w.key = CAST(:me AS text) AND w.due_at IS NOT NULL
    ),
    convert_to((SELECT coalesce(json_agg(card ORDER BY place), '[]') FROM cards)::text, 'UTF8')
FROM me LEFT JOIN queue ON true
""",
    binary=True,
    me="uuid",
    session="uuid",
    now="timestamptz",
    verified="boolean",
    made="timestamptz",
    after="bigint",
    limit="integer",
    base="text",
    signed="boolean",
    expires="text",
    inner="bytea",
    outer="bytea",
    model="text",
    liked_shown="boolean",
)
