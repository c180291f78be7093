CREATE TABLE signal_heard (
  organization TEXT NOT NULL REFERENCES organization (id),
  issuer TEXT NOT NULL,
  jti BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, issuer, jti)
);
CREATE INDEX signal_heard_by_age ON signal_heard (organization, issuer, at);

CREATE TABLE shut_out (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  root TEXT NOT NULL,
  subject TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, id),
  UNIQUE (organization, root, subject)
);
CREATE INDEX shut_out_by_rule ON shut_out (organization, root, rule, at);

CREATE TABLE lent_link (
  organization TEXT NOT NULL REFERENCES organization (id),
  agent TEXT NOT NULL,
  digest TEXT NOT NULL,
  issuer TEXT NOT NULL,
  root TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (organization, agent, digest)
);
CREATE INDEX lent_link_by_digest ON lent_link (organization, root, digest);
CREATE INDEX lent_link_by_issuer ON lent_link (organization, root, issuer);
