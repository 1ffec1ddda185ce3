-- What a correction is looked for by among transfers (R27.1): the fields asked for, each between commas.
ALTER TABLE bus_transfer ADD COLUMN fields TEXT NOT NULL DEFAULT '';

CREATE INDEX bus_transfer_received ON bus_transfer (consumer_code, status, requested_at);
