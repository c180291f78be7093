CREATE TABLE issued_token (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  agent TEXT NOT NULL,
  key TEXT NOT NULL,
  chain TEXT NOT NULL,
  until BIGINT NOT NULL,
  revoked BIGINT,
  PRIMARY KEY (organization, id)
);
CREATE INDEX issued_token_by_end ON issued_token (organization, until);

CREATE TABLE shown_proof (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (organization, id)
);
CREATE INDEX shown_proof_by_end ON shown_proof (organization, until);
