ALTER TABLE link ADD COLUMN ended_by BIGINT;
CREATE INDEX link_ended_by ON link (organization, ended_by);

CREATE TABLE signal_receiver (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  audience TEXT NOT NULL,
  scopes TEXT NOT NULL,
  digest BYTEA NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  PRIMARY KEY (organization, id),
  UNIQUE (organization, name)
);

CREATE TABLE signal_key (
  organization TEXT NOT NULL REFERENCES organization (id),
  key_id TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (organization, key_id)
);

CREATE TABLE subscription (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  url TEXT,
  body TEXT NOT NULL,
  created BIGINT NOT NULL,
  asked BIGINT,
  waiting BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  due BIGINT NOT NULL,
  process TEXT NOT NULL,
  leased BIGINT NOT NULL,
  PRIMARY KEY (organization, id),
  UNIQUE (organization, kind, owner)
);

CREATE INDEX subscription_waiting ON subscription (organization, due) WHERE waiting > 0;

CREATE TABLE subscription_subject (
  organization TEXT NOT NULL REFERENCES organization (id),
  subscription TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (organization, subscription, subject)
);

CREATE TABLE pending (
  organization TEXT NOT NULL REFERENCES organization (id),
  subscription TEXT NOT NULL,
  seq BIGINT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (organization, subscription, seq),
  UNIQUE (organization, subscription, id)
);

CREATE TABLE followed (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE TABLE alerted (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (organization, name)
);
