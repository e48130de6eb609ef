-- Text is compared byte by byte, as everywhere else in the program.
CREATE TABLE row (
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    snapshot bytea NOT NULL,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 80);

CREATE TABLE entry (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    single boolean NOT NULL,
    PRIMARY KEY (kind, name, value, key)
);

CREATE UNIQUE INDEX entry_single ON entry (kind, name, value) WHERE single;

CREATE TABLE record (
    sequence bigint PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL
);

CREATE TABLE record_subject (
    subject text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (subject, sequence)
);

-- The place of the last record. Whoever appends holds its lock until the commit is visible, so
-- that places are taken in the order of the commits.
CREATE TABLE ledger_head (sequence bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO ledger_head VALUES (0);
CREATE UNIQUE INDEX ledger_head_is_one ON ledger_head ((true));

CREATE TABLE lease (
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);

CREATE SEQUENCE lease_number AS bigint;

CREATE FUNCTION record_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a record never changes, and is never removed';
END
$$;

CREATE TRIGGER record_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON record
    FOR EACH STATEMENT EXECUTE FUNCTION record_is_final();
