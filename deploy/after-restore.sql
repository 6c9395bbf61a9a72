-- Run this on a database that was restored to an earlier moment, before anything of ours is started:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -f deploy/after-restore.sql

-- Everybody logs in anew. Without this, logouts of the lost time would be undone, and all whose tokens were renewed in
-- it would be taken for thieves of their own session, and told so by mail.
UPDATE sessions SET revoked_at = now(), revoked_why = 'restored' WHERE revoked_at IS NULL;

-- Links that were used in the lost time must not be good again.
DELETE FROM email_tokens;

-- What waited to be mailed has most likely been mailed since.
DELETE FROM work WHERE kind = 'mail.send';
DELETE FROM mails WHERE sent_at IS NULL;
UPDATE notifications SET mail_from = NULL WHERE mail_from IS NOT NULL;
