-- Marks that events earned or lost, one row each (R12.4).
CREATE TABLE assessment_mark (
    -- Stream, sequence and place in the commit.
    id TEXT PRIMARY KEY,
    -- completeness, timeliness or response.
    criterion TEXT NOT NULL,
    organisation_code TEXT NOT NULL,
    -- The day in China, ISO 8601.
    marked_on TEXT NOT NULL,
    -- Thousandths of a mark.
    earned BIGINT NOT NULL,
    stream TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    -- What it is about: the id of an entry, an obligation or a grant.
    about_id TEXT NOT NULL,
    -- What was wrong, or right, in words.
    what TEXT NOT NULL
);
CREATE INDEX assessment_mark_organisation ON assessment_mark (organisation_code, marked_on);
CREATE INDEX assessment_mark_day ON assessment_mark (marked_on);
-- What stood in the catalogue, from when until when; one row for each time that it began to hold.
CREATE TABLE assessment_entry (
    -- The sequence of the event that it began with.
    sequence BIGINT PRIMARY KEY,
    resource_id TEXT NOT NULL,
    organisation_code TEXT NOT NULL,
    name TEXT NOT NULL,
    -- How much of what may be said is said, in thousandths.
    filled BIGINT NOT NULL,
    -- What is not said, in words.
    missing TEXT NOT NULL,
    -- 1 if it is shared with anybody.
    shared BIGINT NOT NULL,
    begun_on TEXT NOT NULL,
    -- The day on which another version, a suspension or a withdrawal ended it; null while it holds.
    ended_on TEXT
);
CREATE INDEX assessment_entry_resource ON assessment_entry (resource_id);
CREATE INDEX assessment_entry_organisation ON assessment_entry (organisation_code, begun_on);
-- What was last written of an entry and does not hold yet: a ResourceDescription, hexadecimal.
CREATE TABLE assessment_draft (
    resource_id TEXT PRIMARY KEY,
    description TEXT NOT NULL
);
-- Days on which a resource was delivered to somebody.
CREATE TABLE assessment_use (
    resource_id TEXT NOT NULL,
    used_on TEXT NOT NULL,
    PRIMARY KEY (resource_id, used_on)
);
-- What began and did not end yet: an obligation, an application or a transfer.
CREATE TABLE assessment_open (
    id TEXT PRIMARY KEY,
    -- The organisation that it is up to; empty for a transfer.
    organisation_code TEXT NOT NULL,
    criterion TEXT NOT NULL,
    -- In words; the id of the resource for a transfer.
    subject TEXT NOT NULL
);
-- Published assessments.
CREATE TABLE assessment_bulletin (
    id TEXT PRIMARY KEY,
    first_on TEXT NOT NULL,
    last_on TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- In microseconds since the epoch.
    published_at BIGINT NOT NULL,
    -- An AssessmentPublished, hexadecimal.
    bulletin TEXT NOT NULL
);
