-- Whether what was fetched again was new (R29.1): by the source's state, where the provider's node names it in the receipt, and by the
-- digest elsewhere. A renewed grant goes on with the series of the first.
DROP TABLE bus_series;
CREATE TABLE bus_series (
    -- The grant that was not renewed from another.
    first_grant_id TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    fields TEXT NOT NULL,
    -- The number of the DeliveryMode; 0 for comparisons with a sink.
    kind BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- The provider's node, as a SPIFFE id, that named the source's state: each has names of its own. Both are empty if none was named.
    provider_node TEXT NOT NULL,
    source_version TEXT NOT NULL,
    -- When the data were first seen that were seen last, in microseconds since the epoch.
    new_at BIGINT NOT NULL,
    -- Since when the source has been known to be in that state, whether or not the data differed, in microseconds since the epoch.
    named_at BIGINT NOT NULL,
    -- When it was fetched last.
    looked_at BIGINT NOT NULL,
    PRIMARY KEY (first_grant_id, consumer_code, fields, kind, provider_node)
);

CREATE INDEX bus_series_resource ON bus_series (resource_id, provider_node, source_version);

-- Of a push: whether more was to follow with the next delivery, so that it brought no whole correction (R27.1).
ALTER TABLE bus_transfer ADD COLUMN more_follows BIGINT NOT NULL DEFAULT 0;

-- What brought a correction may be read from an archive by now (R27.1): of what a consumer received under a grant, with these fields, each
-- between commas, the last complete transfer.
CREATE TABLE bus_archived_arrival (
    grant_id TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    fields TEXT NOT NULL,
    transfer_id TEXT NOT NULL,
    -- In microseconds since the epoch.
    requested_at BIGINT NOT NULL,
    PRIMARY KEY (consumer_code, grant_id, fields)
);

-- Rows of before do not say so: the view is built anew from the events.
DELETE FROM bus_log_archive;
DELETE FROM bus_archived_use;
DELETE FROM bus_delivery;
DELETE FROM bus_subscription;
DELETE FROM bus_transfer;
DELETE FROM bus_grant;
DELETE FROM view_position WHERE view_name = 'bus_log';
