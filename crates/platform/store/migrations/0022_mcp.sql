CREATE TABLE mcp_session (
  organization TEXT NOT NULL REFERENCES organization (id),
  digest TEXT NOT NULL,
  agent TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, digest)
);
CREATE INDEX mcp_session_by_age ON mcp_session (organization, at);

CREATE TABLE mcp_tool (
  organization TEXT NOT NULL REFERENCES organization (id),
  route TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  found TEXT NOT NULL,
  definition TEXT NOT NULL,
  approved BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, route, name)
);
