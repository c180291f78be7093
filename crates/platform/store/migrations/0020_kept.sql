CREATE TABLE kept_object (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  agent TEXT NOT NULL,
  model TEXT NOT NULL,
  base_url TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (organization, id)
);

CREATE INDEX kept_object_agent ON kept_object (organization, agent, kind, created, id);
