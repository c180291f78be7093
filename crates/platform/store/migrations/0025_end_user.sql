ALTER TABLE receipt ADD COLUMN end_user TEXT;

CREATE INDEX receipt_end_user ON receipt (organization, of_seq) WHERE end_user IS NOT NULL;
