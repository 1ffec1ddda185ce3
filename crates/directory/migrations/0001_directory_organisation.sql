-- Organisations as the catalogue's events tell of them.
CREATE TABLE directory_organisation (
    -- Unified social credit code.
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- Six digits.
    region_code TEXT NOT NULL,
    -- In words, separated by spaces.
    roles TEXT NOT NULL,
    -- Null until one is named.
    security_officer_account TEXT
);
