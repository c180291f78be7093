CREATE TABLE log (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  origin TEXT NOT NULL,
  key_id TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  about TEXT NOT NULL,
  era BIGINT NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT,
  size BIGINT NOT NULL,
  published BIGINT NOT NULL,
  root BYTEA NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE TABLE log_segment (
  organization TEXT NOT NULL REFERENCES organization (id),
  number BIGINT NOT NULL,
  log TEXT NOT NULL,
  first BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  events BIGINT NOT NULL,
  events_to BIGINT NOT NULL,
  receipts BIGINT NOT NULL,
  receipts_to BIGINT NOT NULL,
  counts BIGINT NOT NULL,
  counts_to BIGINT NOT NULL,
  salt BYTEA,
  PRIMARY KEY (organization, number)
);

CREATE INDEX log_segment_first ON log_segment (organization, log, first);
CREATE INDEX log_segment_receipts ON log_segment (organization, receipts_to);
CREATE INDEX log_segment_events ON log_segment (organization, events_to);

CREATE TABLE log_count (
  organization TEXT NOT NULL REFERENCES organization (id),
  number BIGINT NOT NULL,
  of_seq BIGINT NOT NULL,
  times BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (organization, number)
);

CREATE TABLE log_erased (
  organization TEXT NOT NULL REFERENCES organization (id),
  receipt BIGINT NOT NULL,
  leaf BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (organization, receipt)
);

CREATE TABLE log_salt (
  organization TEXT NOT NULL REFERENCES organization (id),
  receipt BIGINT NOT NULL,
  salt BYTEA NOT NULL,
  PRIMARY KEY (organization, receipt)
);

CREATE INDEX receipt_repeated ON receipt (organization, seq) WHERE times > 1;
