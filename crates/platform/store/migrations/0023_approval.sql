CREATE TABLE approval (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  digest TEXT NOT NULL,
  agent TEXT NOT NULL,
  holder TEXT NOT NULL,
  state TEXT NOT NULL,
  asked BIGINT NOT NULL,
  until BIGINT NOT NULL,
  request TEXT NOT NULL,
  why TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (organization, id)
);
CREATE UNIQUE INDEX approval_of ON approval (organization, digest);
CREATE INDEX approval_in ON approval (organization, state, id);
CREATE INDEX approval_by ON approval (organization, holder, state);

CREATE TABLE approval_given (
  organization TEXT NOT NULL,
  id TEXT NOT NULL,
  approver TEXT NOT NULL,
  secured TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization, id, approver)
);
