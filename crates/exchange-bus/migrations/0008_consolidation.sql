-- What the authority ordered to be consolidated at a centre, from CATALOG (R10.1).
CREATE TABLE bus_consolidation (
    resource_id TEXT NOT NULL PRIMARY KEY,
    resource_code TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    -- The centre, which receives.
    consumer_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    legal_basis TEXT NOT NULL,
    -- In microseconds since the epoch.
    ordered_at BIGINT NOT NULL
);

-- What was found each time that the same was fetched: under one grant, by one consumer, the same fields in the same way. Another
-- digest means new data (R29.1).
CREATE TABLE bus_series (
    grant_id TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    fields TEXT NOT NULL,
    -- The number of the DeliveryMode; 0 for comparisons with a sink.
    kind BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- When the digest was another than before, in microseconds since the epoch; 0 if it never was, of a resource that others knew.
    new_at BIGINT NOT NULL,
    -- When it was fetched last.
    looked_at BIGINT NOT NULL,
    PRIMARY KEY (grant_id, consumer_code, fields, kind)
);

CREATE INDEX bus_series_resource ON bus_series (resource_id);

-- Rows that were not delivered since they break a rule (R17.2), and whether it was a comparison with a sink.
ALTER TABLE bus_transfer ADD COLUMN rejected_rows BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bus_transfer ADD COLUMN reconciliation BIGINT NOT NULL DEFAULT 0;
