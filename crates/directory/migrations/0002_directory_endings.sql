-- How organisations end, and the accounts of service providers with the agreements that they work under.
ALTER TABLE directory_organisation ADD COLUMN region_revision TEXT NOT NULL DEFAULT '';
-- ISO 8601; empty while it takes part.
ALTER TABLE directory_organisation ADD COLUMN closed_on TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_organisation ADD COLUMN successor_code TEXT NOT NULL DEFAULT '';
-- SPIFFE ids, separated by spaces, whose agreements are over.
ALTER TABLE directory_organisation ADD COLUMN barred TEXT NOT NULL DEFAULT '';

-- The agreement that a principal's last certificates rest on.
CREATE TABLE directory_contractor (
    spiffe_id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    agreement_id TEXT NOT NULL
);
CREATE INDEX directory_contractor_agreement ON directory_contractor (agreement_id);

-- Agreements that are over.
CREATE TABLE directory_agreement_over (
    id TEXT PRIMARY KEY
);
