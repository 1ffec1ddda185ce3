-- Whether what was published of a resource is in use: empty if it is, else suspended or withdrawn. No event that said so
-- came before this column.
ALTER TABLE bus_resource ADD COLUMN standing TEXT NOT NULL DEFAULT '';
