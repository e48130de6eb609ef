-- Computed from the record, so that they cannot differ from it; nothing for what does not read.
ALTER TABLE record ADD COLUMN actor TEXT GENERATED ALWAYS AS
    (iif(json_valid(CAST(bytes AS TEXT)), CAST(bytes AS TEXT) ->> '$.actor', NULL)) VIRTUAL;

ALTER TABLE record ADD COLUMN time TEXT GENERATED ALWAYS AS
    (iif(json_valid(CAST(bytes AS TEXT)), CAST(bytes AS TEXT) ->> '$.time', NULL)) VIRTUAL;

-- The rowid, which is the sequence, ends each of them: what is found is in order.
CREATE INDEX record_actor ON record (actor);
CREATE INDEX record_code ON record (code);
CREATE INDEX record_time ON record (time);
CREATE INDEX record_subject_sequence ON record_subject (sequence);
