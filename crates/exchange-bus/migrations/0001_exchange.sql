-- What the bus knows of resources, from CATALOG. Descriptions are protobuf, in hexadecimal.
CREATE TABLE bus_resource (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- As the provider wrote it last.
    written TEXT NOT NULL,
    -- As it was published; empty if it never was.
    published TEXT NOT NULL
);

-- Where organisations are, so that an authority sees the exchanges of its own region (R13.1).
CREATE TABLE bus_organisation (
    code TEXT NOT NULL PRIMARY KEY,
    region_code TEXT NOT NULL
);

-- Principals that the authority has issued certificates to.
CREATE TABLE bus_certificate (
    spiffe_id TEXT NOT NULL PRIMARY KEY
);

-- Applications and grants. What is searched by stands in columns; the rest in body, a Grant in hexadecimal.
CREATE TABLE bus_grant (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that began it, and its command.
    sequence BIGINT NOT NULL,
    command_id TEXT NOT NULL,
    -- The number of the GrantStatus.
    status BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    -- Empty in a standing offer.
    consumer_code TEXT NOT NULL,
    -- The last day of the limit as yyyymmdd, 0 if there is none or it was found to have passed.
    open_until BIGINT NOT NULL,
    -- The end of the terms in microseconds, 0 before they were issued.
    ends_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX bus_grant_sequence ON bus_grant (sequence);
CREATE INDEX bus_grant_open_until ON bus_grant (status, open_until);
CREATE INDEX bus_grant_resource ON bus_grant (resource_id, status);
CREATE INDEX bus_grant_provider ON bus_grant (provider_code, status);

-- The exchange log (R23.2). Body is a Transfer in hexadecimal.
CREATE TABLE bus_transfer (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that began it.
    sequence BIGINT NOT NULL,
    -- The command of the last attempt.
    command_id TEXT NOT NULL,
    -- The number of the TransferStatus.
    status BIGINT NOT NULL,
    grant_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX bus_transfer_sequence ON bus_transfer (sequence);
CREATE INDEX bus_transfer_grant ON bus_transfer (grant_id);
CREATE INDEX bus_transfer_status ON bus_transfer (status);
