-- The log: written by one writer, each batch in one transaction, never updated but for log_stream.

-- One row an event, in the order of the log.
CREATE TABLE log_leaf (
    leaf_index BIGINT PRIMARY KEY,
    stream_name TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    -- When the store received the event, in microseconds since the epoch; the leaf has it in nanoseconds.
    recorded_at BIGINT NOT NULL,
    -- The leaf's bytes (publicdata.audit.v1.Leaf), hexadecimal.
    leaf TEXT NOT NULL,
    -- The writer sees to it that no event enters twice; this makes sure.
    UNIQUE (stream_name, sequence)
);

-- The tree's stored hashes, by their index in the layout of tlog-tiles; hexadecimal.
CREATE TABLE log_hash (
    hash_index BIGINT PRIMARY KEY,
    hash TEXT NOT NULL
);

-- Every checkpoint that was ever signed: the note's text.
CREATE TABLE log_checkpoint (
    size BIGINT PRIMARY KEY,
    note TEXT NOT NULL
);

-- How far each stream is in the log.
CREATE TABLE log_stream (
    stream_name TEXT PRIMARY KEY,
    logged_sequence BIGINT NOT NULL,
    logged_count BIGINT NOT NULL
);
