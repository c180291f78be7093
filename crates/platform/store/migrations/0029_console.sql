CREATE TABLE console_code (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest TEXT NOT NULL,
  role TEXT NOT NULL,
  made_by TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (organization, digest)
);
