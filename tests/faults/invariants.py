"""What must never be in the database, whatever broke: each query finds what contradicts its name."""

_BOTH_HERE = "m.low_id IN (SELECT id FROM users) AND m.high_id IN (SELECT id FROM users)"
"""A conversation stays with whoever stays, when the other's account is erased."""

NEVER = {
    "a pair likes what its likes do not say": """
        SELECT p.low_id, p.high_id FROM pairs p WHERE p.likes <>
            (SELECT count(*) FROM likes WHERE liker_id = p.low_id AND liked_id = p.high_id)
            + 2 * (SELECT count(*) FROM likes WHERE liker_id = p.high_id AND liked_id = p.low_id)""",
    "a like without its pair": """
        SELECT l.id FROM likes l WHERE NOT EXISTS (
            SELECT FROM pairs p WHERE p.low_id = least(l.liker_id, l.liked_id)
                AND p.high_id = greatest(l.liker_id, l.liked_id))""",
    "two who like each other and have not exactly one match": """
        SELECT p.low_id, p.high_id FROM pairs p WHERE p.likes = 3 AND 1 <>
            (SELECT count(*) FROM matches m WHERE m.low_id = p.low_id AND m.high_id = p.high_id)""",
    "a match of two who do not like each other": """
        SELECT m.id FROM matches m LEFT JOIN pairs p USING (low_id, high_id)
        WHERE coalesce(p.likes, 0) <> 3 AND """
    + _BOTH_HERE,
    "a match with somebody who has left, and that does not say so": """
        SELECT m.id FROM matches m WHERE m.state <> 'deleted' AND NOT ("""
    + _BOTH_HERE
    + ")",
    "a match whose last change is not its state": """
        SELECT m.id FROM matches m WHERE m.state IS DISTINCT FROM
            (SELECT c.after FROM match_changes c WHERE c.match_id = m.id ORDER BY c.id DESC LIMIT 1)""",
    "a match of which not both were told": """
        SELECT m.id FROM matches m WHERE 2 <> (SELECT count(*) FROM notifications n
            WHERE n.kind = 'match.created' AND n.data ->> 'match_id' = m.id::text) AND """
    + _BOTH_HERE,
    "a block without its pair, or the other way round": """
        SELECT p.low_id, p.high_id FROM pairs p WHERE p.blocked <> EXISTS (SELECT FROM blocks b
            WHERE p.low_id = least(b.blocker_id, b.blocked_id) AND p.high_id = greatest(b.blocker_id, b.blocked_id))
        UNION ALL SELECT b.blocker_id, b.blocked_id FROM blocks b WHERE NOT EXISTS (SELECT FROM pairs p
            WHERE p.low_id = least(b.blocker_id, b.blocked_id) AND p.high_id = greatest(b.blocker_id, b.blocked_id))""",
    "an open match of two whom a block separates": """
        SELECT m.id FROM matches m JOIN pairs p USING (low_id, high_id)
        WHERE p.blocked AND (m.state IN ('active', 'archived', 'dating') OR NOT m.blocked)""",
    "two who date and are not both paused by it": """
        SELECT m.id FROM matches m WHERE m.state = 'dating' AND 2 <> (SELECT count(*) FROM users u
            WHERE u.dating_match_id = m.id AND u.status = 'paused' AND u.id IN (m.low_id, m.high_id))""",
    "somebody who dates in a match that does not": """
        SELECT u.id FROM users u LEFT JOIN matches m ON m.id = u.dating_match_id
        WHERE (u.dating_match_id IS NOT NULL AND m.state IS DISTINCT FROM 'dating')
            OR (u.dating_match_id IS NULL AND (u.paused_by_dating OR u.status <> 'active'))""",
    "messages that are not numbered from 1 to the last": """
        SELECT m.id FROM matches m LEFT JOIN messages s ON s.match_id = m.id GROUP BY m.id
        HAVING m.messages <> count(s.number) OR m.messages <> coalesce(max(s.number), 0)""",
    "a count of unread messages that is not their number": """
        SELECT m.id FROM matches m WHERE (m.low_unread, m.high_unread) <> (
            (SELECT count(*) FROM messages s WHERE s.match_id = m.id AND sender_id = m.high_id AND read_at IS NULL),
            (SELECT count(*) FROM messages s WHERE s.match_id = m.id AND sender_id = m.low_id AND read_at IS NULL))""",
    "a message before the marker that is not read": """
        SELECT s.id FROM messages s JOIN matches m ON m.id = s.match_id WHERE s.read_at IS NULL
            AND s.number <= CASE WHEN s.sender_id = m.low_id THEN m.high_read ELSE m.low_read END""",
    "unread messages of which nobody was told": """
        SELECT m.id FROM matches m CROSS JOIN LATERAL
            (VALUES (m.low_id, m.low_unread), (m.high_id, m.high_unread)) AS of (user_id, unread)
        WHERE of.unread > 0 AND of.user_id IN (SELECT id FROM users)
            AND NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = of.user_id
                AND n.kind = 'message.created' AND n.read_at IS NULL AND n.data ->> 'match_id' = m.id::text)""",
    "a report without a case": "SELECT id FROM reports WHERE case_id IS NULL",
    "a photo that still waits": "SELECT id FROM photos WHERE status = 'processing'",
    "photos that are not numbered from 0": """
        SELECT user_id FROM photos GROUP BY user_id HAVING max(position) <> count(*) - 1""",
    "an answer that is not embedded": "SELECT id FROM prompt_answers WHERE vector IS NULL",
    "a profile vector of somebody without answers, or none of somebody with": """
        SELECT u.id FROM users u WHERE EXISTS (SELECT FROM prompt_answers a WHERE a.user_id = u.id)
            <> EXISTS (SELECT FROM profile_vectors v WHERE v.user_id = u.id)""",
    "traits from which no badges were made": """
        SELECT user_id FROM user_trait_scores WHERE user_id NOT IN (SELECT user_id FROM badge_runs)""",
    "quiz answers without traits, or the other way round": """
        SELECT user_id FROM quiz_responses FULL JOIN user_trait_scores t USING (user_id)
        WHERE quiz_responses.version IS NULL OR t.version IS NULL""",
    "somebody whose address nobody was asked to prove": """
        SELECT u.id FROM users u WHERE 1 <> (SELECT count(*) FROM mails m
            WHERE m.user_id = u.id AND m.kind = 'verify_email')""",
    "a mail that was not sent": "SELECT id FROM mails WHERE sent_at IS NULL",
    "work that is left": "SELECT kind, key, attempts, error FROM work WHERE due_at IS NOT NULL",
    "work that was given up": "SELECT kind, key, attempts, error FROM work WHERE due_at IS NULL",
}
