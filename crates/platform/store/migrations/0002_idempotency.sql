CREATE TABLE idempotency (
  organization TEXT NOT NULL REFERENCES organization (id),
  admin TEXT NOT NULL,
  verb TEXT NOT NULL,
  name TEXT NOT NULL,
  request BYTEA NOT NULL,
  answer TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, admin, verb, name)
);

CREATE INDEX idempotency_at ON idempotency (organization, at);
