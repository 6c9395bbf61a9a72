"""Whom a viewer may not be shown whatever else holds: what lies between two people, as SQL that all readers share."""

from typing import Final

# Each is a query of (viewer_id, other_id) over a table or query `viewers` of (id, contact_hash); `:now` is the moment.
SETTLED: Final = """
    SELECT v.id AS viewer_id, p.high_id AS other_id
    FROM viewers v JOIN pairs p ON p.low_id = v.id WHERE p.blocked OR p.likes & 1 <> 0
    UNION ALL
    SELECT v.id, p.low_id FROM viewers v JOIN pairs p ON p.high_id = v.id WHERE p.blocked OR p.likes & 2 <> 0
    UNION ALL
    SELECT v.id, m.high_id FROM viewers v JOIN matches m ON m.low_id = v.id WHERE m.state <> 'deleted'
    UNION ALL
    SELECT v.id, m.low_id FROM viewers v JOIN matches m ON m.high_id = v.id WHERE m.state <> 'deleted'
    UNION ALL
    SELECT v.id, p.passed_id FROM viewers v JOIN passes p ON p.passer_id = v.id
    WHERE p.expires_on >= CAST(:now AT TIME ZONE 'UTC' AS date) AND p.expires_at > :now
    UNION ALL
    SELECT v.id, u.id FROM viewers v JOIN contact_hashes h ON h.user_id = v.id JOIN users u ON u.contact_hash = h.hash
    UNION ALL
    SELECT v.id, h.user_id FROM viewers v JOIN contact_hashes h ON h.hash = v.contact_hash
"""
LIKED_BY: Final = """
    SELECT v.id AS viewer_id, p.high_id AS other_id
    FROM viewers v JOIN pairs p ON p.low_id = v.id WHERE p.likes = 2 AND NOT p.blocked
    UNION ALL
    SELECT v.id, p.low_id FROM viewers v JOIN pairs p ON p.high_id = v.id WHERE p.likes = 1 AND NOT p.blocked
"""
