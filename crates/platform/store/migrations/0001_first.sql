CREATE TABLE organization (
  id TEXT NOT NULL PRIMARY KEY,
  domain TEXT NOT NULL UNIQUE,
  created BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  events BIGINT NOT NULL,
  event_digest BYTEA NOT NULL,
  receipts BIGINT NOT NULL,
  lists BIGINT NOT NULL,
  nonces BIGINT NOT NULL,
  totals BIGINT NOT NULL,
  forgotten BIGINT,
  ended BIGINT,
  begun BIGINT
);

CREATE TABLE event (
  organization TEXT NOT NULL REFERENCES organization (id),
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  data TEXT NOT NULL,
  previous BYTEA NOT NULL,
  PRIMARY KEY (organization, seq)
);

CREATE TABLE holder (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  parent TEXT,
  name TEXT NOT NULL,
  did TEXT NOT NULL,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (organization, id),
  UNIQUE (organization, kind, name),
  UNIQUE (organization, did)
);

CREATE INDEX holder_parent ON holder (organization, parent);

CREATE TABLE holder_key (
  organization TEXT NOT NULL REFERENCES organization (id),
  key_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  sealed BYTEA,
  state TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (organization, key_id)
);

CREATE INDEX holder_key_holder ON holder_key (organization, holder);

CREATE TABLE link (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  holder TEXT NOT NULL,
  parent TEXT,
  secured TEXT NOT NULL,
  place BIGINT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_until BIGINT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (organization, id),
  UNIQUE (organization, place)
);

CREATE INDEX link_holder ON link (organization, holder, state);
CREATE INDEX link_ends ON link (organization, state, valid_until);

CREATE TABLE status_list (
  organization TEXT NOT NULL REFERENCES organization (id),
  number BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  used BIGINT NOT NULL,
  purpose TEXT NOT NULL,
  url TEXT NOT NULL,
  bits BYTEA NOT NULL,
  secured TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_until BIGINT NOT NULL,
  PRIMARY KEY (organization, number)
);

CREATE INDEX status_list_issuer ON status_list (organization, issuer, number);

CREATE TABLE api_key (
  organization TEXT NOT NULL REFERENCES organization (id),
  id TEXT NOT NULL,
  holder TEXT NOT NULL,
  name TEXT NOT NULL,
  digest BYTEA NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT,
  state TEXT NOT NULL,
  PRIMARY KEY (organization, id)
);

CREATE INDEX api_key_holder ON api_key (organization, holder);

CREATE TABLE secret (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  origin TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE TABLE configuration (
  organization TEXT NOT NULL REFERENCES organization (id),
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (organization, kind, name)
);

CREATE TABLE receipt (
  organization TEXT NOT NULL REFERENCES organization (id),
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  agent TEXT NOT NULL,
  resource TEXT NOT NULL,
  amount BIGINT,
  currency TEXT,
  of_seq BIGINT,
  times BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  body BYTEA NOT NULL,
  secured TEXT,
  PRIMARY KEY (organization, seq)
);

CREATE INDEX receipt_agent ON receipt (organization, agent, seq);
CREATE INDEX receipt_unsigned ON receipt (organization, seq) WHERE secured IS NULL;
CREATE INDEX receipt_kind ON receipt (organization, kind, at);

CREATE TABLE total (
  organization TEXT NOT NULL REFERENCES organization (id),
  name BYTEA NOT NULL,
  link BYTEA NOT NULL,
  span TEXT NOT NULL,
  moments BYTEA NOT NULL,
  forgotten BIGINT,
  ends BIGINT NOT NULL,
  PRIMARY KEY (organization, name)
);

CREATE INDEX total_ends ON total (organization, ends);

CREATE TABLE nonce (
  organization TEXT NOT NULL REFERENCES organization (id),
  signer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  link BYTEA NOT NULL,
  until BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (organization, signer, nonce)
);

CREATE INDEX nonce_until ON nonce (organization, until);

CREATE TABLE nonce_count (
  organization TEXT NOT NULL REFERENCES organization (id),
  signer TEXT NOT NULL,
  nonces BIGINT NOT NULL,
  PRIMARY KEY (organization, signer)
);

CREATE TABLE room (
  organization TEXT NOT NULL REFERENCES organization (id),
  link BYTEA NOT NULL,
  parent BYTEA,
  nonces BIGINT NOT NULL,
  totals BIGINT NOT NULL,
  PRIMARY KEY (organization, link)
);
