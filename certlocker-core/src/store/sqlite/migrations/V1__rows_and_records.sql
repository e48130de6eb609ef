-- "CLKR": what tells this database from those of other programs.
PRAGMA application_id = 1129073490;

-- A rowid table, by measurement: snapshots of a kilobyte and more fill a clustered one's pages badly
-- (twice the file), and walking keys there drags the snapshots along.
CREATE TABLE row (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    snapshot BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE TABLE entry (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    key TEXT NOT NULL,
    single INTEGER NOT NULL,
    PRIMARY KEY (kind, name, value, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX entry_single ON entry (kind, name, value) WHERE single = 1;

CREATE TABLE record (
    sequence INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE record_subject (
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL REFERENCES record (sequence),
    PRIMARY KEY (subject, sequence)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER record_is_final BEFORE UPDATE ON record
BEGIN
    SELECT raise(ABORT, 'a record never changes');
END;

CREATE TRIGGER record_stays BEFORE DELETE ON record
BEGIN
    SELECT raise(ABORT, 'a record is never removed');
END;
