CREATE TABLE domain (
  organization TEXT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  token TEXT NOT NULL,
  state TEXT NOT NULL,
  method TEXT NOT NULL,
  added BIGINT NOT NULL,
  seen BIGINT,
  looked BIGINT,
  failures BIGINT NOT NULL,
  secured TEXT,
  valid_until BIGINT,
  PRIMARY KEY (organization, name)
);
