-- Catalogue entries, one row each.
CREATE TABLE catalog_resource (
    -- UUID.
    id TEXT PRIMARY KEY,
    -- Classification, `/`, serial number.
    code TEXT NOT NULL UNIQUE,
    -- What stands before the `/`.
    classification_code TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    -- The provider's division, six digits.
    region_code TEXT NOT NULL,
    -- draft, submitted, returned, published, suspended or withdrawn: as those see it who may see drafts.
    status TEXT NOT NULL,
    -- The version that holds; 0 if none was published.
    version BIGINT NOT NULL,
    -- What was last written: a ResourceDescription, hexadecimal.
    description TEXT NOT NULL,
    -- Why it was returned; empty if it was not.
    return_reason TEXT NOT NULL,
    -- What was published: a ResourceDescription, hexadecimal; null if nothing was.
    published_description TEXT,
    -- ISO 8601, Asia/Shanghai.
    published_on TEXT,
    -- When it was published, in microseconds since the epoch.
    published_at BIGINT,
    -- When what everybody sees last changed, in microseconds since the epoch.
    published_changed_at BIGINT,
    -- Whether what was published is in use: published, suspended or withdrawn, whatever is written over it; empty if
    -- nothing was published.
    standing TEXT NOT NULL,
    -- Why it is suspended or withdrawn.
    standing_reason TEXT NOT NULL,
    -- What was last said of the data: ISO 8601, Asia/Shanghai, and how many rows; null if nothing was.
    current_on TEXT,
    current_rows BIGINT,
    -- When it last changed, in microseconds since the epoch.
    updated_at BIGINT NOT NULL,
    -- What is left of the names without width, case, spaces and punctuation: of what was last written, and of what holds.
    name_key TEXT NOT NULL,
    published_name_key TEXT
);
CREATE INDEX catalog_resource_provider ON catalog_resource (provider_code);
CREATE INDEX catalog_resource_region ON catalog_resource (region_code);
CREATE INDEX catalog_resource_classification ON catalog_resource (standing, classification_code);
CREATE INDEX catalog_resource_name_key ON catalog_resource (name_key);
CREATE INDEX catalog_resource_published_name_key ON catalog_resource (published_name_key);

-- Nodes of the classification tree that the city's authority named.
CREATE TABLE catalog_classification (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);
