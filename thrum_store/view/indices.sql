-- The indices that a rebuild makes last, when all rows are there.
CREATE INDEX messages_author ON messages (author, number);
CREATE INDEX messages_reply ON messages (reply_to) WHERE reply_to IS NOT NULL;
CREATE INDEX messages_thread ON messages (thread) WHERE thread IS NOT NULL;
CREATE INDEX messages_key ON messages (author, idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX messages_wide ON messages (sent_ms) WHERE wide;
CREATE INDEX deliveries_unread ON deliveries (recipient, number) WHERE read_ms IS NULL;
CREATE INDEX deliveries_message ON deliveries (message, recipient);
