-- The archives of the exchange log (R23.2).
-- When a transfer came to rest (refused, interrupted, stopped or completed): the sequence of that commit, and the time in
-- microseconds; 0 while it runs.
ALTER TABLE bus_transfer ADD COLUMN ended_sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bus_transfer ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX bus_transfer_ended ON bus_transfer (ended_sequence);

-- Sealed archives. Body is a SealedLogArchive in hexadecimal.
CREATE TABLE bus_log_archive (
    number BIGINT NOT NULL PRIMARY KEY,
    -- The number of the LogArchiveStatus.
    status BIGINT NOT NULL,
    -- It holds what came to rest by commits up to this sequence.
    last_sequence BIGINT NOT NULL,
    body TEXT NOT NULL
);

-- What is still asked about transfers that are read from archives: what a consumer did under a grant.
CREATE TABLE bus_archived_use (
    grant_id TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    delivered_rows BIGINT NOT NULL,
    -- When the last transfer was asked for that rows were delivered by, other than in answer to a query; in microseconds, 0 if
    -- there was none.
    received_at BIGINT NOT NULL,
    -- The same of the first.
    first_received_at BIGINT NOT NULL,
    PRIMARY KEY (grant_id, consumer_code)
);

-- Rows of before do not say when they came to rest: the view is built anew from the events.
DELETE FROM bus_delivery;
DELETE FROM bus_subscription;
DELETE FROM bus_transfer;
DELETE FROM bus_grant;
DELETE FROM view_position WHERE view_name = 'bus_log';
