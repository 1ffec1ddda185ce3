-- Other platforms whose catalogues are harvested.
CREATE TABLE catalog_harvest_source (
    -- UUID.
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- dcat or ckan.
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    platform TEXT NOT NULL,
    -- The division of the authority that registered it, six digits.
    region_code TEXT NOT NULL,
    -- Where the next harvest goes on.
    cursor_text TEXT NOT NULL,
    -- When it was last harvested to its end, in microseconds since the epoch; null if never.
    completed_at BIGINT
);

-- Their datasets, as they were last seen; those that are gone are left out.
CREATE TABLE catalog_foreign_resource (
    -- UUID, following from the source and the URI.
    id TEXT PRIMARY KEY,
    source_id TEXT NOT NULL,
    uri TEXT NOT NULL,
    -- A ForeignDescription, hexadecimal.
    description TEXT NOT NULL,
    -- What a search looks through, in lower case.
    words TEXT NOT NULL,
    -- When it was last seen to say something new, in microseconds since the epoch.
    seen_at BIGINT NOT NULL
);
CREATE INDEX catalog_foreign_resource_source ON catalog_foreign_resource (source_id, uri);
CREATE INDEX catalog_foreign_resource_uri ON catalog_foreign_resource (uri);
