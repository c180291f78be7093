CREATE TABLE process (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  round BIGINT NOT NULL,
  number BIGINT NOT NULL,
  written BIGINT NOT NULL,
  PRIMARY KEY (organization, id)
);

CREATE TABLE aside (
  organization TEXT NOT NULL REFERENCES organization (id),
  name BYTEA NOT NULL,
  process TEXT NOT NULL,
  moment BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  open BIGINT NOT NULL,
  own BIGINT NOT NULL,
  PRIMARY KEY (organization, name, process)
);

CREATE INDEX aside_process ON aside (organization, process);
