-- From which step on a program may go on beside this one; NULL: from this very step.
ALTER TABLE migration ADD COLUMN compatible_from BIGINT;
