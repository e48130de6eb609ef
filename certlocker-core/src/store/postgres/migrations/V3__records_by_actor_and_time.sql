-- What the bytes are in UTF-8 depends on no setting, though the database does not know that.
CREATE FUNCTION record_text(bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT convert_from($1, 'UTF8') $$;

-- Computed from the record, so that they cannot differ from it. Its canonical form is taken as the
-- text that it is: as JSON it may have an escaped NUL, which the database refuses to read.
ALTER TABLE record
    ADD COLUMN actor text COLLATE "C" GENERATED ALWAYS AS
        (substring(record_text(bytes) FROM '^\{"actor":"((?:[^"\\]|\\.)*)"')) STORED,
    ADD COLUMN time text COLLATE "C" GENERATED ALWAYS AS
        (substring(record_text(bytes) FROM ',"time":"([^"]*)",(?:"traceparent":"[^"]*",)?"v":[0-9]+\}$')) STORED;

CREATE INDEX record_actor ON record (actor, sequence);
CREATE INDEX record_code ON record (code, sequence);
CREATE INDEX record_time ON record (time, sequence);
CREATE INDEX record_subject_sequence ON record_subject (sequence);
