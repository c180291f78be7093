CREATE INDEX api_key_ends ON api_key (organization, expires) WHERE expires IS NOT NULL;
