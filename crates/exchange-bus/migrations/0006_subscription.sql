-- Subscriptions (R23.1). Body is a Subscription in hexadecimal.
CREATE TABLE bus_subscription (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that opened it first.
    sequence BIGINT NOT NULL,
    -- The command that opened it last.
    command_id TEXT NOT NULL,
    -- The number of the SubscriptionStatus.
    status BIGINT NOT NULL,
    -- The number of the SubscriptionTriggerKind.
    trigger_kind BIGINT NOT NULL,
    grant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    consumer_code TEXT NOT NULL,
    consumer_node TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX bus_subscription_sequence ON bus_subscription (sequence);
CREATE INDEX bus_subscription_grant ON bus_subscription (grant_id, status);
CREATE INDEX bus_subscription_resource ON bus_subscription (resource_id, status);

-- Which subscription a transfer is a delivery of.
CREATE TABLE bus_delivery (
    transfer_id TEXT NOT NULL PRIMARY KEY,
    subscription_id TEXT NOT NULL
);
