CREATE TABLE receipt_common (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest BYTEA NOT NULL,
  pieces BYTEA NOT NULL,
  PRIMARY KEY (organization, digest)
);

ALTER TABLE receipt ADD COLUMN common BYTEA;
