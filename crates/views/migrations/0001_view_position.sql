-- How far each view has come in each of its streams.
CREATE TABLE view_position (
    view_name TEXT NOT NULL,
    stream_name TEXT NOT NULL,
    -- The sequence of the last event that is in the view; 0 for none.
    sequence BIGINT NOT NULL,
    PRIMARY KEY (view_name, stream_name)
);
