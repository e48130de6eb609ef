DROP INDEX record_actor;
DROP INDEX record_time;
ALTER TABLE record DROP COLUMN actor, DROP COLUMN time;
DROP FUNCTION record_text(bytea);

-- Computed from the record, so that they cannot differ from it: cut out of its canonical form, which
-- is as it is for ever, because regular expressions cost more than all else that a record costs. An
-- actor is as it is written there, and what is not ASCII in it as `encode` writes it. The time is the
-- last but one of the members, or the last but two if there is a trace.
ALTER TABLE record
    ADD COLUMN actor text COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN substring(bytes FROM 1 FOR 10) = '{"actor":"'::bytea
                AND position('","cause":'::bytea IN bytes) > 10
            THEN encode(substring(bytes FROM 11 FOR position('","cause":'::bytea IN bytes) - 11), 'escape')
        END) STORED,
    ADD COLUMN time text COLLATE "C" GENERATED ALWAYS AS (
        CASE '"time":"'::bytea
            WHEN substring(bytes FROM length(bytes) - 42 FOR 8)
                THEN encode(substring(bytes FROM length(bytes) - 34 FOR 27), 'escape')
            WHEN substring(bytes FROM length(bytes) - 114 FOR 8)
                THEN encode(substring(bytes FROM length(bytes) - 106 FOR 27), 'escape')
        END) STORED;

CREATE INDEX record_actor ON record (actor, sequence);

-- The first and the last time among 1,024 records in turn: block 0 has the records 1 to 1,024. Times
-- are nearly in the order of the records, so that few blocks have to be looked at. A block is noted
-- when it is whole, from its records; those after the last one have to be looked at.
CREATE TABLE record_span (
    block bigint PRIMARY KEY,
    earliest text COLLATE "C",
    latest text COLLATE "C"
);

INSERT INTO record_span
    SELECT (sequence - 1) / 1024 AS block, min(time), max(time) FROM record
    WHERE sequence <= (SELECT coalesce(max(sequence), 0) FROM record) / 1024 * 1024
    GROUP BY 1;
