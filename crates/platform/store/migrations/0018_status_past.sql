CREATE TABLE status_list_past (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest BYTEA NOT NULL,
  url TEXT NOT NULL,
  secured TEXT NOT NULL,
  valid_until BIGINT NOT NULL,
  kept BIGINT NOT NULL,
  PRIMARY KEY (organization, digest)
);

CREATE INDEX status_list_past_ends ON status_list_past (organization, valid_until) WHERE kept = 0;
