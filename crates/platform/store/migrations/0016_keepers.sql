CREATE TABLE rotation (
  organization TEXT NOT NULL REFERENCES organization (id),
  holder TEXT NOT NULL,
  every BIGINT NOT NULL,
  due BIGINT NOT NULL,
  PRIMARY KEY (organization, holder)
);

CREATE INDEX rotation_due ON rotation (organization, due);

ALTER TABLE holder_key ADD COLUMN ended BIGINT;
UPDATE holder_key SET ended = COALESCE(until, created) WHERE state = 'ended';

ALTER TABLE organization ADD COLUMN keep_receipts BIGINT;
ALTER TABLE organization ADD COLUMN keep_events BIGINT;
