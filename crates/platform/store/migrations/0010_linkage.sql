CREATE TABLE linkage (
  organization TEXT NOT NULL REFERENCES organization (id),
  did TEXT NOT NULL,
  secured TEXT NOT NULL,
  valid_until BIGINT NOT NULL,
  PRIMARY KEY (organization, did)
);
