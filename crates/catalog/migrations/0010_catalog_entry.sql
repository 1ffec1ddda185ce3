-- Entries without what search looked through, which has an index of its own now: filled anew by a view of another name.
DROP TABLE catalog_resource;
CREATE TABLE catalog_resource (
    -- UUID.
    id TEXT PRIMARY KEY,
    -- Classification, `/`, serial number.
    code TEXT NOT NULL UNIQUE,
    provider_code TEXT NOT NULL,
    -- The provider's division, six digits.
    region_code TEXT NOT NULL,
    -- draft, submitted, returned or published: as those see it who may see drafts.
    status TEXT NOT NULL,
    -- The version that holds; 0 if none was published.
    version BIGINT NOT NULL,
    -- What was last written: a ResourceDescription, hexadecimal.
    description TEXT NOT NULL,
    -- Why it was returned; empty if it was not.
    return_reason TEXT NOT NULL,
    -- What holds: a ResourceDescription, hexadecimal; null if nothing was published.
    published_description TEXT,
    -- ISO 8601, Asia/Shanghai.
    published_on TEXT,
    -- When what holds was published, in microseconds since the epoch.
    published_at BIGINT,
    -- When it last changed, in microseconds since the epoch.
    updated_at BIGINT NOT NULL
);
CREATE INDEX catalog_resource_provider ON catalog_resource (provider_code);
CREATE INDEX catalog_resource_region ON catalog_resource (region_code);
