CREATE TABLE person (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE TABLE person_secret (
  organization TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest TEXT NOT NULL,
  person TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (organization, kind, digest),
  FOREIGN KEY (organization, person) REFERENCES person (organization, name)
);

CREATE TABLE oauth_client (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  redirects TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (organization, id)
);

CREATE TABLE consent (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  person TEXT NOT NULL,
  client TEXT NOT NULL,
  client_name TEXT NOT NULL,
  audience TEXT NOT NULL,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  PRIMARY KEY (organization, id)
);
CREATE INDEX consent_by_person ON consent (organization, person, client, audience, id);

CREATE TABLE authorization_code (
  organization TEXT NOT NULL,
  digest TEXT NOT NULL,
  consent TEXT NOT NULL,
  redirect TEXT NOT NULL,
  challenge TEXT NOT NULL,
  bound_key TEXT,
  until BIGINT NOT NULL,
  token TEXT,
  twice BIGINT,
  PRIMARY KEY (organization, digest),
  FOREIGN KEY (organization, consent) REFERENCES consent (organization, id)
);
CREATE INDEX authorization_code_by_end ON authorization_code (organization, until);
