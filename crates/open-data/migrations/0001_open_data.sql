-- What opening needs of catalogue entries, from CATALOG. Descriptions are protobuf, in hexadecimal.
CREATE TABLE opendata_resource (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    region_code TEXT NOT NULL,
    -- As the provider wrote it last.
    written TEXT NOT NULL,
    -- As it was published; empty if it never was. The columns below say the same in parts.
    published TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 1 if it may be opened to the public, else 0.
    is_open BIGINT NOT NULL,
    -- Everything that the public's search looks at, in lower case.
    words TEXT NOT NULL
);

CREATE INDEX opendata_resource_code ON opendata_resource (code);

-- Publications, from OPENDATA. What is searched by stands in columns; body is a Publication, in hexadecimal.
CREATE TABLE opendata_publication (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of the commit that proposed it.
    sequence BIGINT NOT NULL,
    -- The number of the PublicationStatus.
    status BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    -- Of the commit that published it, and when in microseconds; 0 if it never was, and kept when it is withdrawn.
    published_sequence BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX opendata_publication_sequence ON opendata_publication (sequence);
CREATE INDEX opendata_publication_resource ON opendata_publication (resource_id, published_sequence);
