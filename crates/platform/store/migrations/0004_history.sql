CREATE TABLE holder_version (
  organization TEXT NOT NULL REFERENCES organization (id),
  holder TEXT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  state TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (organization, holder, version)
);

INSERT INTO holder_version (organization, holder, version, at, state, body)
  SELECT organization, id, version, created, state, body FROM holder;

ALTER TABLE link ADD COLUMN issued BIGINT NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN ended BIGINT;
UPDATE link SET issued = valid_from + 60;
UPDATE link SET ended = issued WHERE state = 'revoked';
