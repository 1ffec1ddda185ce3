-- What was done under a grant, so that its rate and volume can be counted (R26.2).
-- When the transfer was asked for, in microseconds since the epoch.
ALTER TABLE bus_transfer ADD COLUMN requested_at BIGINT NOT NULL DEFAULT 0;
-- Rows delivered, by the receipt; 0 before there is one.
ALTER TABLE bus_transfer ADD COLUMN delivered_rows BIGINT NOT NULL DEFAULT 0;
