-- What the exchange log is searched by (R23.2).
ALTER TABLE bus_transfer ADD COLUMN resource_code TEXT NOT NULL DEFAULT '';
ALTER TABLE bus_transfer ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE bus_transfer ADD COLUMN case_number TEXT NOT NULL DEFAULT '';
ALTER TABLE bus_transfer ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- The number of the DeliveryMode.
ALTER TABLE bus_transfer ADD COLUMN mode BIGINT NOT NULL DEFAULT 2;
-- The keyed pseudonym of whom an answer was about; empty if it was about nobody in particular.
ALTER TABLE bus_transfer ADD COLUMN subject_reference TEXT NOT NULL DEFAULT '';

CREATE INDEX bus_transfer_provider ON bus_transfer (provider_code, sequence);
CREATE INDEX bus_transfer_consumer ON bus_transfer (consumer_code, sequence);
CREATE INDEX bus_transfer_resource ON bus_transfer (resource_code, sequence);
CREATE INDEX bus_transfer_requested_at ON bus_transfer (requested_at);
CREATE INDEX bus_transfer_case ON bus_transfer (case_number);
CREATE INDEX bus_transfer_subject ON bus_transfer (subject_reference);
