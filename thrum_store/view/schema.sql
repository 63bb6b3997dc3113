-- The view. It can be made again from the logs at any time, so there are no migrations: another schema is another file.
CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), ingest INTEGER NOT NULL);

-- A shard, how far it was read, and the time of its last event. `frozen` says why it is not read any further.
CREATE TABLE shards (
    id INTEGER PRIMARY KEY, store TEXT NOT NULL, agent TEXT NOT NULL,
    segment INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL DEFAULT 0, hash TEXT NOT NULL, frozen TEXT, said_ms INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
    latest_ms INTEGER NOT NULL DEFAULT 0,
    UNIQUE (store, agent)
);

-- Statistics per segment, without purged events, so that a purge can be previewed without reading the logs.
-- Those of the last segment are in the shard's row, which a send writes anyway.
CREATE TABLE segments (
    id INTEGER NOT NULL, segment INTEGER NOT NULL, seq INTEGER NOT NULL, events INTEGER NOT NULL,
    messages INTEGER NOT NULL, bytes INTEGER NOT NULL, latest_ms INTEGER NOT NULL, PRIMARY KEY (id, segment)
) WITHOUT ROWID;

-- Events that follow the chain and do not fit their schema: kept in the log, and shown by doctor and sync status.
CREATE TABLE rejected (id INTEGER NOT NULL, seq INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (id, seq)) WITHOUT ROWID;

-- Every registration: the recipients of a message depend on the roles at its time. `id` is the shard's.
CREATE TABLE registrations (
    id INTEGER NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, kind TEXT NOT NULL,
    role TEXT, module TEXT NOT NULL, display TEXT NOT NULL, worktree TEXT NOT NULL, host TEXT NOT NULL,
    PRIMARY KEY (id, seq)
) WITHOUT ROWID; -- a deletion is one without a role

-- When an agent was deleted last: mail up to that time never comes into its mailbox.
CREATE TABLE deletions (agent INTEGER PRIMARY KEY, ms INTEGER NOT NULL);

-- The newest registration of each agent; `first_ms` is the time of the oldest.
CREATE TABLE agents (
    id INTEGER PRIMARY KEY, own INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, role TEXT NOT NULL,
    module TEXT NOT NULL, display TEXT NOT NULL, worktree TEXT NOT NULL, host TEXT NOT NULL,
    first_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
);
CREATE INDEX agents_name ON agents (name);
CREATE INDEX agents_role ON agents (role);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY, agent INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER, reason TEXT,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_agent ON sessions (agent, seq);
CREATE INDEX sessions_open ON sessions (agent) WHERE ended_ms IS NULL;

-- `number` is the ingest number: the order in which this view received things. It is the cursor of every reader.
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, author INTEGER NOT NULL, seq INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL, thread TEXT, reply_to TEXT, session TEXT,
    format TEXT NOT NULL, content TEXT NOT NULL, structured TEXT, audience TEXT NOT NULL, scopes TEXT, refs TEXT,
    recipients INTEGER NOT NULL, wide INTEGER NOT NULL, idempotency TEXT,
    author_role TEXT, author_module TEXT, author_display TEXT, -- where the author's were others for this message
    version INTEGER NOT NULL DEFAULT 0, edited_ms INTEGER, deleted_ms INTEGER, delete_reason TEXT
);

-- Message and recipient. `late` ones are not in the message's own list: its sender did not know their store.
CREATE TABLE deliveries (
    recipient INTEGER NOT NULL, number INTEGER NOT NULL, message INTEGER NOT NULL, late INTEGER NOT NULL,
    read_ms INTEGER, PRIMARY KEY (recipient, number)
) WITHOUT ROWID;

-- Receipts that came before their delivery.
CREATE TABLE receipts (
    message TEXT NOT NULL, reader INTEGER NOT NULL, ms INTEGER NOT NULL, PRIMARY KEY (message, reader)
) WITHOUT ROWID;

-- Scopes, refs, and the wide addresses (role, group, everyone) of a message.
CREATE TABLE tags (
    field TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, message INTEGER NOT NULL,
    PRIMARY KEY (field, type, value, message)
) WITHOUT ROWID;

-- Groups are observed-remove sets: the additions, by event id, and those that a removal named.
CREATE TABLE group_adds (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, member_type TEXT NOT NULL, member_value TEXT NOT NULL,
    description TEXT NOT NULL, ms INTEGER NOT NULL, author TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX group_adds_name ON group_adds (name);
CREATE INDEX group_adds_member ON group_adds (member_type, member_value);
CREATE TABLE group_removes (id TEXT PRIMARY KEY, ms INTEGER NOT NULL) WITHOUT ROWID;

-- The words of the messages and their addresses, indexed when somebody searches: no send pays for it. `reworded` keeps
-- the indexed text of changed messages: an index entry can only be removed by the text it was made from.
CREATE VIRTUAL TABLE words USING fts5 (
    content, content = 'messages', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TABLE reworded (number INTEGER PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE addressed (address TEXT, message INTEGER, PRIMARY KEY (address, message)) WITHOUT ROWID;

-- Local to this machine and never an event: when agents were seen, and reservations of mail that is being handed over.
CREATE TABLE presence (agent INTEGER PRIMARY KEY, seen_ms INTEGER NOT NULL);
CREATE TABLE claims (
    recipient INTEGER NOT NULL, number INTEGER NOT NULL, token TEXT NOT NULL, until_ms INTEGER NOT NULL,
    PRIMARY KEY (recipient, number)
) WITHOUT ROWID;
