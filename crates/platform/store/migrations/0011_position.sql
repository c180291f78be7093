ALTER TABLE link ADD COLUMN position BIGINT;

CREATE UNIQUE INDEX link_position ON link (organization, position);

CREATE TABLE status_taken (
  organization TEXT NOT NULL REFERENCES organization (id),
  issuer TEXT NOT NULL,
  number BIGINT NOT NULL,
  taken BIGINT NOT NULL,
  PRIMARY KEY (organization, issuer, number)
);
