CREATE TABLE claim (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest BYTEA NOT NULL,
  until BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  PRIMARY KEY (organization)
);
