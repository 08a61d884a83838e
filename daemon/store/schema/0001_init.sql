-- Times are microseconds of UTC since 1970. The numbers of `state` are those of CommandState (journal.cpp pins them).
-- There is no index by device: it would cost more than half of the write rate, and the queue finds its work in memory.
CREATE TABLE command(
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    due INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    ended INTEGER,
    target TEXT NOT NULL,
    devices TEXT NOT NULL,
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    progress TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
-- On `ended` and not on `state`, so that a step of an open command leaves the index alone.
CREATE INDEX command_open ON command(id) WHERE ended IS NULL;
CREATE UNIQUE INDEX command_key ON command(principal, key) WHERE key <> '';
CREATE TABLE hold(device TEXT PRIMARY KEY, since INTEGER NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- epoch: starts so far; id_mark: ids up to here may have been given; last_time: the latest time seen, to about a second
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
