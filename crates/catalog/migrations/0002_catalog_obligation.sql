-- Changes of law and of functions, one row each.
CREATE TABLE catalog_change (
    -- UUID.
    id TEXT PRIMARY KEY,
    -- As ChangeKind numbers it.
    kind BIGINT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    -- ISO 8601, Asia/Shanghai.
    effective_on TEXT NOT NULL,
    -- The division of the authority that recorded it.
    region_code TEXT NOT NULL,
    -- When it was recorded, in microseconds since the epoch.
    recorded_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL UNIQUE
);

-- Whom a change affects.
CREATE TABLE catalog_change_organisation (
    change_id TEXT NOT NULL,
    organisation_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    PRIMARY KEY (change_id, organisation_code)
);

-- Obligations, one row each.
CREATE TABLE catalog_obligation (
    -- UUID.
    id TEXT PRIMARY KEY,
    -- As ObligationKind numbers it.
    kind BIGINT NOT NULL,
    organisation_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    cause_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- All dates: ISO 8601, Asia/Shanghai; empty if there is none.
    counted_from TEXT NOT NULL,
    opened_on TEXT NOT NULL,
    -- 0 if the limit is a civil date.
    working_days BIGINT NOT NULL,
    -- As UpdateCycle numbers it; 0 if it comes once.
    update_cycle BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    rule TEXT NOT NULL,
    calendar_version TEXT NOT NULL,
    -- 0 or 1, as all that follow.
    provisional BIGINT NOT NULL,
    warned BIGINT NOT NULL,
    -- open, met, missed or cancelled.
    state TEXT NOT NULL,
    met_on TEXT NOT NULL,
    late BIGINT NOT NULL,
    -- UUIDs, separated by spaces.
    resource_ids TEXT NOT NULL,
    note TEXT NOT NULL,
    cancel_reason TEXT NOT NULL,
    -- The last commit about it.
    sequence BIGINT NOT NULL
);
CREATE INDEX catalog_obligation_due ON catalog_obligation (due_on, id);
CREATE INDEX catalog_obligation_state ON catalog_obligation (state, due_on, id);
CREATE INDEX catalog_obligation_sequence ON catalog_obligation (state, sequence);
CREATE INDEX catalog_obligation_organisation ON catalog_obligation (organisation_code, due_on);
CREATE INDEX catalog_obligation_cause ON catalog_obligation (cause_id, subject, state);

-- How far the service has followed the events from which obligations follow. No view: a rebuild leaves it alone.
CREATE TABLE catalog_follower (
    name TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL
);
