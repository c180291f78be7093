CREATE TABLE denial (
  organization TEXT NOT NULL REFERENCES organization (id),
  agent TEXT NOT NULL,
  digest BYTEA NOT NULL,
  code TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, agent, digest)
);
CREATE INDEX denial_by_agent ON denial (organization, agent, at);
CREATE INDEX denial_by_age ON denial (organization, at);

CREATE TABLE quarantine (
  organization TEXT NOT NULL REFERENCES organization (id),
  holder TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  counted_from BIGINT NOT NULL,
  PRIMARY KEY (organization, holder)
);
CREATE INDEX quarantine_by_rule ON quarantine (organization, rule, at);

ALTER TABLE receipt ADD COLUMN holder TEXT;

CREATE TABLE spent (
  organization TEXT NOT NULL REFERENCES organization (id),
  agent TEXT NOT NULL,
  currency TEXT NOT NULL,
  minute BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (organization, agent, currency, minute)
);
CREATE INDEX spent_by_age ON spent (organization, minute);

CREATE TABLE tool_used (
  organization TEXT NOT NULL REFERENCES organization (id),
  agent TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  PRIMARY KEY (organization, agent, action, resource)
);
CREATE INDEX tool_used_by_age ON tool_used (organization, first_at);
