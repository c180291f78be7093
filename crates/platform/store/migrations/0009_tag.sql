CREATE TABLE holder_tag (
  organization TEXT NOT NULL REFERENCES organization (id),
  kind TEXT NOT NULL,
  tag TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (organization, kind, tag, name)
);

CREATE INDEX holder_tag_name ON holder_tag (organization, kind, name);
