CREATE TABLE policy_version (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  held_to BYTEA NOT NULL,
  text TEXT NOT NULL,
  created BIGINT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (organization, name, version)
);

CREATE TABLE policy_binding (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  bound BIGINT NOT NULL,
  ended BIGINT,
  PRIMARY KEY (organization, id)
);

CREATE UNIQUE INDEX policy_binding_now ON policy_binding (organization, kind, target, name) WHERE ended IS NULL;
CREATE INDEX policy_binding_name ON policy_binding (organization, name, bound);
