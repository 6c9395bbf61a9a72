"""The statements of messages, one each: sending, and reading a page older or newer than some message."""

from typing import Final

from shared.lean import Statement
from shared.matching.rules import OPEN

# Whoever asks, and their match, unless it is not theirs or something keeps the two apart.
_MINE: Final = """
WITH me AS (
    SELECT u.id, u.status, u.last_active_at, u.contact_hash
    FROM users u JOIN sessions s ON s.user_id = u.id
    WHERE u.id = :me AND s.id = :session AND s.revoked_at IS NULL AND s.expires_at > :now
),
mine AS (
    SELECT m.id, m.state, m.messages, other.id AS other_id
    FROM me JOIN matches m ON m.id = :match AND me.id IN (m.low_id, m.high_id)
    CROSS JOIN LATERAL (SELECT CASE WHEN me.id = m.low_id THEN m.high_id ELSE m.low_id END AS id) other
    WHERE NOT m.blocked AND NOT EXISTS (
        SELECT FROM users u JOIN contact_hashes h
            ON (h.user_id = me.id AND h.hash = u.contact_hash) OR (h.user_id = u.id AND h.hash = me.contact_hash)
        WHERE u.id = other.id
    )
)"""
_OPEN: Final = ", ".join(f"'{state}'" for state in OPEN)

# All writers of a match take turns at its row: who has waited for it sees its newest version, whatever the rest of the
# statement sees. That numbers messages without a gap, and whoever ends the match at the same time is either waited for
# or waits. The same message sent twice at once fails at its index as a whole; run again, it is found.
SEND: Final = Statement(
    f"""
{_MINE},
said AS (
    SELECT s.id, s.number, s.text, s.created_at, s.read_at
    FROM messages s WHERE s.match_id = :match AND s.sender_id = :me AND s.client_id = :client_id
),
held AS (
    SELECT m.id, m.state, mine.other_id FROM me, mine JOIN matches m ON m.id = mine.id
    WHERE m.state IN ({_OPEN}) AND me.status IN ('active', 'paused') AND NOT EXISTS (SELECT FROM said)
    FOR NO KEY UPDATE OF m
),
written AS (
    UPDATE matches m SET
        messages = m.messages + 1,
        low_unread = m.low_unread + CASE WHEN m.high_id = :me THEN 1 ELSE 0 END,
        high_unread = m.high_unread + CASE WHEN m.low_id = :me THEN 1 ELSE 0 END,
        active_at = greatest(:now, m.active_at + interval '1 microsecond'),
        state = CASE held.state WHEN 'archived' THEN 'active' ELSE held.state END,
        state_changed_at = CASE held.state WHEN 'archived' THEN :now ELSE m.state_changed_at END,
        proposed = CASE held.state WHEN 'archived' THEN 0 ELSE m.proposed END
    FROM held WHERE m.id = held.id
    RETURNING m.id, held.other_id, held.state = 'archived' AS revived, m.messages AS number, m.active_at AS created_at
),
sent AS (
    INSERT INTO messages (match_id, number, id, sender_id, client_id, text, created_at)
    SELECT id, number, :id, :me, :client_id, :text, created_at FROM written
    RETURNING id, number, text, created_at, read_at
),
recorded AS (
    INSERT INTO match_changes (match_id, before, after, changed_by, why, created_at)
    SELECT id, 'archived', 'active', :me, 'message', :now FROM written WHERE revived
),
told AS (
    INSERT INTO notifications (id, user_id, kind, data, created_at)
    SELECT gen_random_uuid(), other_id, 'message.created',
        jsonb_build_object('match_id', id, 'message_id', CAST(:id AS uuid), 'sender_id', CAST(:me AS uuid)), :now
    FROM written
    ON CONFLICT (user_id, (data ->> 'match_id')) WHERE kind = 'message.created' AND read_at IS NULL
    DO UPDATE SET data = excluded.data, created_at = excluded.created_at,
        mail_from = coalesce(notifications.mail_from, excluded.mail_from) -- once decided on, there is something new
),
seen AS (
    UPDATE notifications n SET read_at = :now FROM written
    WHERE n.user_id = :me AND n.read_at IS NULL AND n.kind = 'match.created'
        AND n.data ->> 'match_id' = CAST(written.id AS text)
)
SELECT me.status, me.last_active_at, mine.id IS NOT NULL, mine.other_id, coalesce(written.revived, false),
    sent.id IS NOT NULL, message.id, message.number, message.text, message.created_at, message.read_at
FROM me LEFT JOIN mine ON true LEFT JOIN written ON true LEFT JOIN sent ON true
LEFT JOIN (SELECT * FROM sent UNION ALL SELECT id, number, text, created_at, read_at FROM said) message ON true
""",
    me="uuid",
    session="uuid",
    now="timestamptz",
    match="uuid",
    id="uuid",
    client_id="text",
    text="text",
)


def _page(condition: str, order: str) -> Statement:
    return Statement(
        f"""
{_MINE},
page AS (
    SELECT s.* FROM messages s -- not joined: the planner would read and sort all of them
    WHERE s.match_id = (SELECT id FROM mine) AND s.number {condition} :number ORDER BY s.number {order} LIMIT :limit
)
SELECT me.status, me.last_active_at, mine.id IS NOT NULL,
    (SELECT min(number) FROM page), (SELECT max(number) FROM page),
    convert_to((
        SELECT coalesce(json_agg(json_build_object(
            'id', id, 'client_id', client_id, 'number', number, 'sender_id', sender_id, 'text', text,
            'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'read_at', to_char(read_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) ORDER BY number DESC), '[]') FROM page
    )::text, 'UTF8')
FROM me LEFT JOIN mine ON true
""",
        binary=True,
        me="uuid",
        session="uuid",
        now="timestamptz",
        match="uuid",
        number="integer",
        limit="integer",
    )


OLDER: Final = _page("<", "DESC")
NEWER: Final = _page(">", "ASC")
