CREATE TABLE card (
  organization TEXT NOT NULL REFERENCES organization (id),
  holder TEXT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  secured TEXT NOT NULL,
  PRIMARY KEY (organization, holder, version)
);
