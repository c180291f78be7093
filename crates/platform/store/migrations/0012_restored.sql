ALTER TABLE organization ADD COLUMN closed BIGINT;
ALTER TABLE organization ADD COLUMN closed_why TEXT;
ALTER TABLE organization ADD COLUMN era BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN unknown BIGINT;
ALTER TABLE holder ADD COLUMN unconfirmed BIGINT;
ALTER TABLE api_key ADD COLUMN unconfirmed BIGINT;

CREATE INDEX holder_unconfirmed ON holder (organization, kind, name) WHERE unconfirmed IS NOT NULL;
CREATE INDEX api_key_unconfirmed ON api_key (organization, id) WHERE unconfirmed IS NOT NULL;
