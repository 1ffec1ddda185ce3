-- What witnesses signed: note signature lines, to be shown with the checkpoint that they belong to.
CREATE TABLE log_cosignature (
    -- The size of the checkpoint's tree.
    size BIGINT NOT NULL,
    -- The witness's key: `<name>+<id>`.
    witness TEXT NOT NULL,
    -- When the witness signed, as it says, in seconds since the epoch.
    cosigned_at BIGINT NOT NULL,
    -- The line, without its end.
    line TEXT NOT NULL,
    PRIMARY KEY (size, witness)
);
