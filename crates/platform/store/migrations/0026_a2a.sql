CREATE TABLE a2a_named (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest TEXT NOT NULL,
  agent TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, digest)
);
CREATE INDEX a2a_named_by_age ON a2a_named (organization, at);
CREATE INDEX a2a_named_by_agent ON a2a_named (organization, agent, at);
