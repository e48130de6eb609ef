DROP INDEX record_actor;
DROP INDEX record_time;
ALTER TABLE record DROP COLUMN actor;
ALTER TABLE record DROP COLUMN time;

-- Computed from the record, so that they cannot differ from it: cut out of its canonical form, which
-- is as it is for ever, because to read it as JSON costs more than all else that a record costs. An
-- actor is as it is written there.
ALTER TABLE record ADD COLUMN actor TEXT GENERATED ALWAYS AS (iif(
    substr(bytes, 1, 10) = CAST('{"actor":"' AS BLOB)
        AND instr(bytes, CAST('","cause":' AS BLOB)) > 10,
    CAST(substr(bytes, 11, instr(bytes, CAST('","cause":' AS BLOB)) - 11) AS TEXT),
    NULL)) VIRTUAL;

-- It is the last but one of the members, or the last but two if there is a trace.
ALTER TABLE record ADD COLUMN time TEXT GENERATED ALWAYS AS (CASE CAST('"time":"' AS BLOB)
    WHEN substr(bytes, -43, 8) THEN CAST(substr(bytes, -35, 27) AS TEXT)
    WHEN substr(bytes, -115, 8) THEN CAST(substr(bytes, -107, 27) AS TEXT)
    END) VIRTUAL;

CREATE INDEX record_actor ON record (actor);

-- The first and the last time among 1,024 records in turn: block 0 has the records 1 to 1,024. Times
-- are nearly in the order of the records, so that few blocks have to be looked at. A block is noted
-- when it is whole, from its records; those after the last one have to be looked at.
CREATE TABLE record_span (
    block INTEGER PRIMARY KEY,
    earliest TEXT,
    latest TEXT
) STRICT;

INSERT INTO record_span
    SELECT (sequence - 1) / 1024 AS block, min(time), max(time) FROM record
    WHERE sequence <= (SELECT coalesce(max(sequence), 0) FROM record) / 1024 * 1024
    GROUP BY block;
