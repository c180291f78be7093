CREATE TABLE their_receipt (
  organization TEXT NOT NULL REFERENCES organization (id),
  seq BIGINT NOT NULL,
  digest TEXT NOT NULL,
  agent TEXT NOT NULL,
  holder TEXT NOT NULL,
  origin TEXT NOT NULL,
  at BIGINT NOT NULL,
  signer TEXT NOT NULL,
  decision TEXT NOT NULL,
  code TEXT NOT NULL,
  said_at BIGINT,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  secured TEXT NOT NULL,
  PRIMARY KEY (organization, seq)
);
CREATE UNIQUE INDEX their_receipt_once ON their_receipt (organization, agent, digest);
CREATE INDEX their_receipt_by_holder ON their_receipt (organization, holder, at);
CREATE INDEX their_receipt_by_agent ON their_receipt (organization, agent, seq);
CREATE INDEX their_receipt_by_age ON their_receipt (organization, at);
