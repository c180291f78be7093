CREATE TABLE blocked_link (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, digest)
);
