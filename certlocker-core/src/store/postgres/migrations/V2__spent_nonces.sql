-- Nothing is written to the log for these, and a crash of the server empties both: whoever asks for
-- the epoch then begins a new one, in which no older nonce counts.
CREATE UNLOGGED TABLE nonce_epoch (epoch bigint NOT NULL);
CREATE UNIQUE INDEX nonce_epoch_is_one ON nonce_epoch ((true));

CREATE UNLOGGED TABLE spent_nonce (
    until bigint NOT NULL,
    number bytea NOT NULL,
    PRIMARY KEY (until, number)
);
