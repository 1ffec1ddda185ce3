-- What rules remember between events. All of it follows from the log: it is dropped and gathered anew whenever the rules change.

-- How far the log was read, and by which rules.
CREATE TABLE finding_reading (
    rules_sha256 TEXT NOT NULL,
    next_index BIGINT NOT NULL
);

-- What of a thing's events a rule may ask for (JSON), and where these events stand (JSON).
CREATE TABLE finding_thing (
    subject TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    events TEXT NOT NULL
);

-- What was found and holds, by what the rule tells things apart by. Times are microseconds since the epoch.
CREATE TABLE finding_standing (
    rule_name TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    PRIMARY KEY (rule_name, rule_key)
);

-- What will be found once a day has passed (ISO 8601), unless it is cleared before: the finding to be (JSON).
CREATE TABLE finding_awaited (
    rule_name TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    due_on TEXT NOT NULL,
    finding TEXT NOT NULL,
    PRIMARY KEY (rule_name, rule_key)
);

CREATE INDEX finding_awaited_due ON finding_awaited (due_on);

-- What was counted, in parts of the time that its rule looks at, as far back as that is, and where the last of it stands (JSON).
CREATE TABLE finding_counted (
    rule_name TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    counted_at BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    places TEXT NOT NULL,
    PRIMARY KEY (rule_name, rule_key, counted_at)
);

-- Of which nothing more is found.
CREATE TABLE finding_ended (
    rule_name TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    PRIMARY KEY (rule_name, rule_key)
);

-- Which values were seen, and in how many events; the empty value stands for any. Of rules that count, when the first was.
CREATE TABLE finding_seen (
    rule_name TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    seen_value TEXT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (rule_name, rule_key, seen_value)
);
