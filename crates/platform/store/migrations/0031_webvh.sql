CREATE TABLE webvh (
  organization TEXT NOT NULL REFERENCES organization (id),
  did TEXT NOT NULL,
  begun BIGINT NOT NULL,
  ended BIGINT,
  key_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (organization, did)
);

CREATE UNIQUE INDEX webvh_goes_on ON webvh (organization) WHERE ended IS NULL;

CREATE TABLE webvh_entry (
  organization TEXT NOT NULL REFERENCES organization (id),
  did TEXT NOT NULL,
  number BIGINT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (organization, did, number)
);
