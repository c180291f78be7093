CREATE TABLE token_key (
  organization TEXT NOT NULL REFERENCES organization (id),
  key_id TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (organization, key_id)
);

CREATE UNIQUE INDEX token_key_signs ON token_key (organization, algorithm) WHERE until IS NULL;
