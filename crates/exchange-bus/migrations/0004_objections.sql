-- Verification tickets (R27.1). Body is a Ticket in hexadecimal.
CREATE TABLE bus_ticket (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that began it, and the command of that commit.
    sequence BIGINT NOT NULL,
    command_id TEXT NOT NULL,
    -- The number of the TicketStatus.
    status BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    -- The last day of the limit as yyyymmdd, 0 if it was found to have passed.
    open_until BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX bus_ticket_sequence ON bus_ticket (sequence);
CREATE INDEX bus_ticket_open_until ON bus_ticket (status, open_until);
CREATE INDEX bus_ticket_resource ON bus_ticket (resource_id, status);

-- Who is owed a correction (R27.1). Body is a Correction in hexadecimal.
CREATE TABLE bus_correction (
    ticket_id TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    -- Unique, and in the order of commits and within them: what pages go by.
    sequence BIGINT NOT NULL,
    -- Of the command that upheld the ticket.
    command_id TEXT NOT NULL,
    -- The number of the CorrectionStatus.
    status BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    -- In microseconds since the epoch.
    corrected_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (ticket_id, consumer_code)
);

CREATE INDEX bus_correction_sequence ON bus_correction (sequence);
CREATE INDEX bus_correction_status ON bus_correction (status);

-- Disputes (R28.1). Body is a Dispute in hexadecimal.
CREATE TABLE bus_dispute (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that began it.
    sequence BIGINT NOT NULL,
    -- The number of the DisputeStatus.
    status BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    -- The division whose authority decides; empty until the expert committee was asked, who sees it from then on.
    advised_region TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX bus_dispute_sequence ON bus_dispute (sequence);
