-- Agreements with service providers (R44.1).
CREATE TABLE register_agreement (
    -- UUID.
    id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    -- Where it stands in lists: the last day and the id.
    place TEXT NOT NULL,
    -- The number of the AgreementStatus.
    status BIGINT NOT NULL,
    -- The last day, ISO 8601.
    until_on TEXT NOT NULL,
    -- The command that registered it (UUID).
    cause TEXT NOT NULL,
    -- An Agreement, hexadecimal.
    body TEXT NOT NULL
);
CREATE INDEX register_agreement_organisation ON register_agreement (organisation_code);
CREATE INDEX register_agreement_until ON register_agreement (status, until_on);
CREATE INDEX register_agreement_place ON register_agreement (place);

-- The agreement that a principal's last certificates rest on.
CREATE TABLE register_agreement_account (
    spiffe_id TEXT PRIMARY KEY,
    agreement_id TEXT NOT NULL
);
CREATE INDEX register_agreement_account_agreement ON register_agreement_account (agreement_id);
