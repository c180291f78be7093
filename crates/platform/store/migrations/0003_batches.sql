CREATE TABLE receipt_batch (
  organization TEXT NOT NULL REFERENCES organization (id),
  first BIGINT NOT NULL,
  last BIGINT NOT NULL,
  secured TEXT NOT NULL,
  PRIMARY KEY (organization, first)
);

DROP INDEX IF EXISTS receipt_unsigned;
DROP INDEX receipt_kind;
CREATE INDEX receipt_settled ON receipt (organization, at) WHERE kind = 'settle';
ALTER TABLE receipt DROP COLUMN secured;
