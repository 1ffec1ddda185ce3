-- The infrastructure register. What is searched by stands in columns, the rest in body: the protobuf message of the answer,
-- hexadecimal, without the organisation's name and division, which are looked up.

-- Organisations as they are now.
CREATE TABLE register_organisation (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    region_code TEXT NOT NULL
);

-- Information systems (R8.2).
CREATE TABLE register_system (
    -- UUID.
    id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    -- Where it stands in lists: the position of its first event, 20 digits.
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The name without what makes no difference.
    name_key TEXT NOT NULL,
    -- The number of the SystemIntegration.
    integration BIGINT NOT NULL,
    -- ISO 8601; empty unless integration is planned.
    due_on TEXT NOT NULL,
    -- 1 if it is out of service.
    retired BIGINT NOT NULL,
    -- A System.
    body TEXT NOT NULL
);
CREATE INDEX register_system_organisation ON register_system (organisation_code);
CREATE INDEX register_system_place ON register_system (place);
CREATE INDEX register_system_name ON register_system (name_key);

-- Dedicated networks (R9.1).
CREATE TABLE register_network (
    id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    -- The division whose authority answers; empty if no opinion was asked for.
    answering_region_code TEXT NOT NULL,
    place TEXT NOT NULL,
    -- The numbers of the NetworkStatus and of the NetworkBasis.
    status BIGINT NOT NULL,
    basis BIGINT NOT NULL,
    -- A Network.
    body TEXT NOT NULL
);
CREATE INDEX register_network_organisation ON register_network (organisation_code);
CREATE INDEX register_network_place ON register_network (place);

-- Enrolments in disaster recovery (R11.1).
CREATE TABLE register_recovery (
    -- Of the resource or system.
    id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    -- RecoveryTerms, hexadecimal.
    terms TEXT NOT NULL
);

-- Security records (R42.1).
CREATE TABLE register_security_record (
    id TEXT PRIMARY KEY,
    organisation_code TEXT NOT NULL,
    -- The last day and the id.
    place TEXT NOT NULL,
    -- The number of the SecurityRecordKind.
    kind BIGINT NOT NULL,
    -- ISO 8601.
    due_on TEXT NOT NULL,
    -- 1 while it is open.
    open BIGINT NOT NULL,
    -- A SecurityRecord.
    body TEXT NOT NULL
);
CREATE INDEX register_security_record_organisation ON register_security_record (organisation_code);
CREATE INDEX register_security_record_place ON register_security_record (place);
