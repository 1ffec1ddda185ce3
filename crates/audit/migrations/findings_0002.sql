-- Findings, from the stream AUDIT.

CREATE TABLE finding (
    id TEXT PRIMARY KEY,
    -- Its first event's place in the stream.
    sequence BIGINT NOT NULL,
    status BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    clause BIGINT NOT NULL,
    organisation_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    rule_name TEXT NOT NULL,
    -- The last day of the order that waits to be followed (ISO 8601); empty if none does.
    due_on TEXT NOT NULL,
    -- The command that set it.
    due_cause TEXT NOT NULL,
    -- publicdata.audit.v1.Finding, hexadecimal.
    body TEXT NOT NULL
);

CREATE INDEX finding_sequence ON finding (sequence);
CREATE INDEX finding_due ON finding (due_on);
