"""The one statement that a like is: judge, count, insert, look for the other's like, match, and tell."""

from typing import Final

from shared.lean import Statement

# All parts see the database as it was when the statement began. What may have changed since is decided where rows take
# turns: in the two upserts, whose ON CONFLICT sees the newest version of its row. The person's day is the one of all
# their likes: quota, velocity and equal comments. The pair is the one of both people: block, and whose like is the
# second. If either has changed the statement leaves no trace, and says nothing (neither refusal nor like) or fails:
# run again, it sees what the other did.
LIKE: Final = Statement(
    """
WITH me AS (
    SELECT u.id, u.status, u.time_zone, u.last_active_at, u.contact_hash, u.likes_paused_until,
           CAST(:now AT TIME ZONE u.time_zone AS date) AS day
    FROM users u JOIN sessions s ON s.user_id = u.id
    WHERE u.id = :me AND s.id = :session AND s.revoked_at IS NULL AND s.expires_at > :now
),
them AS (
    SELECT u.id FROM users u, me
    WHERE u.id = :them AND u.status = 'active' AND NOT EXISTS (
        SELECT FROM contact_hashes h
        WHERE (h.user_id = me.id AND h.hash = u.contact_hash) OR (h.user_id = u.id AND h.hash = me.contact_hash)
    )
),
between AS (
    SELECT p.likes, p.blocked, EXISTS (
        SELECT FROM matches m
        WHERE m.low_id = :low AND m.high_id = :high AND m.state IN ('active', 'archived', 'dating')
    ) AS matched
    FROM pairs p WHERE p.low_id = :low AND p.high_id = :high
),
spent AS (
    SELECT coalesce(c.used, 0) AS used FROM me LEFT JOIN daily_like_counts c ON c.user_id = me.id AND c.day = me.day
),
lately AS (
    SELECT count(*) AS likes, count(*) FILTER (WHERE c.day <> me.day) AS on_other_days,
           (array_agg(t ORDER BY t DESC))[:per_minute] + interval '60 seconds' AS free_at
    FROM me, daily_like_counts c, unnest(c.times) t
    WHERE c.user_id = me.id AND t > :now - interval '60 seconds'
),
repeated AS (
    SELECT FROM likes l WHERE l.liker_id = :me AND l.fingerprint = :fingerprint
    UNION ALL
    SELECT FROM (
        SELECT l.shingles FROM likes l
        WHERE l.liker_id = :me AND l.comment IS NOT NULL ORDER BY l.created_at DESC LIMIT :compared
    ) earlier
    -- The Jaccard index, common / (all of both - common), is at least `near`.
    WHERE (1 + :near) * (SELECT count(*) FROM unnest(earlier.shingles) s WHERE s = ANY (:shingles))
        >= :near * (cardinality(earlier.shingles) + cardinality(:shingles))
),
judged AS (
    SELECT me.*, spent.used, lately.likes, lately.free_at, lately.on_other_days, CASE
        WHEN me.status <> 'active' THEN me.status
        WHEN NOT EXISTS (SELECT FROM them) OR between.blocked THEN 'not_found'
        WHEN between.matched THEN 'already_matched'
        WHEN between.likes & :side <> 0 THEN 'already_liked'
        WHEN me.likes_paused_until > :now THEN 'likes_paused'
        WHEN :photo_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM photos p WHERE p.id = :photo_id AND p.user_id = :them AND p.status = 'ready'
        ) THEN 'no_such_photo'
        WHEN :prompt_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM prompt_answers a WHERE a.id = :prompt_id AND a.user_id = :them AND NOT a.private
        ) THEN 'no_such_prompt'
        WHEN spent.used >= :per_day THEN 'daily_like_limit'
        WHEN lately.likes >= :per_minute THEN 'too_fast'
        WHEN spent.used < :commented AND NOT :personal THEN 'comment_required'
        WHEN :comment IS NOT NULL AND EXISTS (SELECT FROM repeated) THEN 'comment_duplicated'
    END AS refusal
    FROM me CROSS JOIN spent CROSS JOIN lately LEFT JOIN between ON true
),
counted AS (
    INSERT INTO daily_like_counts AS c (user_id, day, used, times, comments)
    SELECT id, day, 1, ARRAY[:now], array_remove(ARRAY[:fingerprint], NULL) FROM judged WHERE refusal IS NULL
    ON CONFLICT (user_id, day) DO UPDATE SET
        used = c.used + 1,
        times = array(SELECT t FROM unnest(c.times) t WHERE t > :now - interval '60 seconds') || excluded.times,
        comments = c.comments || excluded.comments
    WHERE c.used < :per_day
        AND (:personal OR c.used >= :commented)
        AND NOT c.comments && excluded.comments
        AND (SELECT count(*) FROM unnest(c.times) t WHERE t > :now - interval '60 seconds')
            + (SELECT on_other_days FROM judged) < :per_minute
    RETURNING c.used
),
paired AS (
    INSERT INTO pairs AS p (low_id, high_id, likes) SELECT :low, :high, :side FROM counted
    ON CONFLICT (low_id, high_id) DO UPDATE SET likes = p.likes | :side WHERE NOT p.blocked AND p.likes & :side = 0
    RETURNING p.likes
),
liked AS (
    INSERT INTO likes (id, liker_id, liked_id, comment, fingerprint, shingles, photo_id, prompt_id, created_at)
    SELECT gen_random_uuid(), :me, :them, :comment, :fingerprint, :shingles, :photo_id, :prompt_id, :now
    -- Counted but not paired: the pair has changed since. Then this divides by zero, and nothing of it has happened.
    -- (A constraint would do as well, but the server would write the row into its log, and with it the comment.)
    FROM counted WHERE counted.used / (SELECT count(*) FROM paired) = counted.used
    RETURNING id
),
matched AS (
    INSERT INTO matches (id, low_id, high_id, state, created_at, state_changed_at, active_at)
    SELECT gen_random_uuid(), :low, :high, 'active', :now, :now, :now FROM paired WHERE likes = 3
    RETURNING id
),
recorded AS (
    INSERT INTO match_changes (match_id, after, changed_by, why, created_at)
    SELECT id, 'active', :me, 'mutual_like', :now FROM matched
),
told AS (
    INSERT INTO notifications (id, user_id, kind, data, created_at, read_at)
    SELECT gen_random_uuid(), person, 'match.created', jsonb_build_object('match_id', matched.id), :now,
        CASE WHEN person = :me THEN :now END -- they see it in the answer
    FROM matched, (VALUES (:me), (:them)) AS people (person)
    UNION ALL
    SELECT gen_random_uuid(), :them, 'like.received', jsonb_build_object('like_id', liked.id), :now, NULL
    FROM liked WHERE NOT EXISTS (SELECT FROM matched) AND NOT EXISTS (
        SELECT FROM passes p
        WHERE p.passer_id = :them AND p.passed_id = :me
            AND p.expires_on >= CAST(:now AT TIME ZONE 'UTC' AS date) AND p.expires_at > :now
    )
    RETURNING id
)
SELECT j.time_zone, j.last_active_at, j.likes_paused_until, j.day, j.free_at, coalesce(counted.used, j.used) AS used,
       j.refusal, liked.id AS like_id, matched.id AS match_id, (SELECT count(*) FROM told)
FROM judged j LEFT JOIN counted ON true LEFT JOIN liked ON true LEFT JOIN matched ON true
""",
    me="uuid",
    session="uuid",
    them="uuid",
    low="uuid",
    high="uuid",
    side="smallint",
    now="timestamptz",
    comment="text",
    personal="boolean",
    fingerprint="bigint",
    shingles="integer[]",
    near="float",
    compared="bigint",
    photo_id="uuid",
    prompt_id="uuid",
    per_day="integer",
    commented="integer",
    per_minute="integer",
)
