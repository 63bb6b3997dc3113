-- The views that `thrum query` reads and `thrum export` copies. Columns may be added; none is renamed or removed.
-- Times are RFC 3339 in UTC. An address is `alice`, or `alice@1a2b3c4d` for an agent of another clone.

-- Every agent that a log or a message names. `registered` is 0 after its deletion, or before its registration arrived.
CREATE TEMP VIEW agents AS SELECT
    address(s.agent, s.store) AS address,
    s.agent AS name,
    s.store AS store,
    s.store = own_store() AS own,
    a.id IS NOT NULL AS registered,
    a.kind AS kind,
    a.role AS role,
    a.module AS module,
    a.display AS display,
    a.worktree AS worktree,
    a.host AS host,
    rfc3339(a.first_ms) AS registered_at,
    rfc3339(nullif(s.said_ms, 0)) AS last_event_at
FROM main.shards s LEFT JOIN main.agents a ON a.id = s.id;

-- Every message. `recipients` counts the agents that the sender's address reached; a deleted message has no content.
CREATE TEMP VIEW messages AS SELECT
    m.id AS id,
    coalesce(m.thread, 'thr_' || substr(m.id, 5)) AS thread,
    m.reply_to AS reply_to,
    address(s.agent, s.store) AS author,
    coalesce(m.author_role, a.role) AS author_role,
    coalesce(m.author_module, a.module) AS author_module,
    coalesce(m.author_display, a.display) AS author_display,
    rfc3339(m.sent_ms) AS sent_at,
    rfc3339(m.received_ms) AS received_at,
    m.format AS format,
    m.content AS content,
    m.structured AS structured,
    m.session AS session,
    m.recipients AS recipients,
    m.version AS edits,
    rfc3339(m.edited_ms) AS edited_at,
    rfc3339(m.deleted_ms) AS deleted_at,
    m.delete_reason AS delete_reason
FROM main.messages m JOIN main.shards s ON s.id = m.author LEFT JOIN main.agents a ON a.id = m.author;

-- Who a message went to, one row for each recipient. `late` is 1 where the sender did not know this recipient.
CREATE TEMP VIEW deliveries AS SELECT
    m.id AS message,
    address(s.agent, s.store) AS recipient,
    d.late AS late,
    rfc3339(d.read_ms) AS read_at
FROM main.deliveries d JOIN main.messages m ON m.number = d.message JOIN main.shards s ON s.id = d.recipient;

-- The addresses (`to`), scopes (`scope`) and references (`ref`) of the messages, one row for each.
CREATE TEMP VIEW tags AS
SELECT m.id AS message, 'to' AS field, json_extract(t.value, '$[0]') AS type, json_extract(t.value, '$[1]') AS value
    FROM main.messages m, json_each(m.audience) t
UNION SELECT m.id, 'scope', json_extract(t.value, '$[0]'), json_extract(t.value, '$[1]') FROM main.messages m, json_each(m.scopes) t
UNION SELECT m.id, 'ref', json_extract(t.value, '$[0]'), json_extract(t.value, '$[1]') FROM main.messages m, json_each(m.refs) t;

-- The work sessions. An open session has no `ended_at`.
CREATE TEMP VIEW sessions AS SELECT
    x.id AS id,
    address(s.agent, s.store) AS agent,
    rfc3339(x.started_ms) AS started_at,
    rfc3339(x.ended_ms) AS ended_at,
    x.reason AS reason
FROM main.sessions x JOIN main.shards s ON s.id = x.agent;

-- The groups that exist now.
CREATE TEMP VIEW groups AS SELECT
    g.name AS name,
    max(g.description) AS description,
    rfc3339(min(g.ms)) AS created_at
FROM main.group_adds g
WHERE g.member_type = '' AND g.id NOT IN (SELECT id FROM main.group_removes) GROUP BY g.name;

-- The members of those groups: agents, roles and other groups.
CREATE TEMP VIEW group_members AS SELECT
    g.name AS group_name,
    g.member_type AS type,
    g.member_value AS value,
    rfc3339(min(g.ms)) AS added_at
FROM main.group_adds g JOIN groups ON groups.name = g.name
WHERE g.member_type != '' AND g.id NOT IN (SELECT id FROM main.group_removes)
GROUP BY g.name, g.member_type, g.member_value;
