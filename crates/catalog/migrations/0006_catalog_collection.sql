-- What was drafted last of each entry, until it is published.
CREATE TABLE catalog_item_draft (
    -- UUID.
    resource_id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    -- A ResourceDescription with nothing but what likeness needs, hexadecimal.
    description TEXT NOT NULL,
    region_code TEXT NOT NULL
);

-- The items of each published resource, one row a resource.
CREATE TABLE catalog_item (
    -- UUID.
    resource_id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- What its rows are about, as names are compared; empty if it is not said.
    entity_key TEXT NOT NULL,
    -- As above, hexadecimal.
    description TEXT NOT NULL,
    -- The titles of its items as they are compared, each between two spaces; empty if the entity is said.
    titles TEXT NOT NULL,
    -- `yes`, `no` while it is suspended, `never` once it is withdrawn.
    in_use TEXT NOT NULL
);
CREATE INDEX catalog_item_entity ON catalog_item (entity_key);

-- Who is the source of which item.
CREATE TABLE catalog_source (
    -- Resource id, `/`, item.
    id TEXT PRIMARY KEY,
    -- The register that the claim stands in: UUID.
    entity_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    item TEXT NOT NULL,
    title TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_key TEXT NOT NULL,
    code TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- The commit that claimed it.
    claimed_in BIGINT NOT NULL
);
CREATE INDEX catalog_source_entity ON catalog_source (entity_key);
CREATE INDEX catalog_source_provider ON catalog_source (provider_code);

-- Disputes about sources.
CREATE TABLE catalog_contest (
    -- UUID.
    id TEXT PRIMARY KEY,
    entity_id TEXT NOT NULL,
    -- DataSource, hexadecimal: who would be the source, and who is.
    challenger TEXT NOT NULL,
    holder TEXT NOT NULL,
    challenger_code TEXT NOT NULL,
    challenger_region TEXT NOT NULL,
    holder_id TEXT NOT NULL,
    holder_code TEXT NOT NULL,
    holder_region TEXT NOT NULL,
    grounds TEXT NOT NULL,
    -- open, settled, or lapsed if the contested claim ended by itself.
    status TEXT NOT NULL,
    -- As the wire numbers it; 0 if nobody won.
    winner BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- Microseconds since the epoch.
    contested_at BIGINT NOT NULL
);

-- What organisations mean to collect.
CREATE TABLE catalog_plan (
    -- UUID.
    id TEXT PRIMARY KEY,
    entity_id TEXT NOT NULL,
    entity_key TEXT NOT NULL,
    organisation_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- CollectionPlan, hexadecimal.
    plan TEXT NOT NULL,
    difference TEXT NOT NULL,
    -- ISO 8601, Asia/Shanghai.
    until_on TEXT NOT NULL,
    -- Why it ended before its last day; null if it did not.
    end_reason TEXT
);
CREATE INDEX catalog_plan_entity ON catalog_plan (entity_key);
CREATE INDEX catalog_plan_organisation ON catalog_plan (organisation_code);
