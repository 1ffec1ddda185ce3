-- Base and theme libraries, one row each.
CREATE TABLE catalog_library (
    -- A 项 (3 digits) or 目 (6 digits).
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- The lead department's unified social credit code.
    lead_code TEXT NOT NULL
);

-- Their items, and who collects them.
CREATE TABLE catalog_library_item (
    -- Library code, `/`, item.
    id TEXT PRIMARY KEY,
    library_code TEXT NOT NULL,
    item TEXT NOT NULL,
    organisation_code TEXT NOT NULL,
    -- That organisation's division, six digits.
    region_code TEXT NOT NULL,
    -- As the wire numbers it.
    update_cycle BIGINT NOT NULL,
    -- ISO 8601, Asia/Shanghai; null if it was not updated since it was assigned.
    assigned_from TEXT NOT NULL,
    current_on TEXT
);
CREATE INDEX catalog_library_item_organisation ON catalog_library_item (organisation_code);
