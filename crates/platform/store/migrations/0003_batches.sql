CREATE TABLE receipt_batch (
  organization TEXT NOT NULL REFERENCES organization (id),
  first BIGINT NOT NULL,
  last BIGINT NOT NULL,
  secured TEXT NOT NULL,
  PRIMARY KEY (organization, first)
);

DROP INDEX IF EXISTS receipt_unsigned;
ALTER TABLE receipt DROP COLUMN secured;
