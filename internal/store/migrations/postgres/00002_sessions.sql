-- +goose Up

-- The sessions of people who are signed in to the console. id is the SHA-256 of
-- the secret that the browser holds; data is sealed with it.
CREATE TABLE console_session (
	id         bytea  NOT NULL PRIMARY KEY,
	owner      text   NOT NULL COLLATE "C",
	version    bigint NOT NULL,
	created_at bigint NOT NULL,
	seen_at    bigint NOT NULL,
	ends_at    bigint NOT NULL,
	agent      text   NOT NULL,
	address    text   NOT NULL,
	data       bytea  NOT NULL
);

-- Ciphertext does not get shorter.
ALTER TABLE console_session ALTER COLUMN data SET STORAGE EXTERNAL;

-- The list of an owner's sessions, and what the sweep looks for.
CREATE INDEX console_session_by_owner ON console_session (owner, seen_at, id);
CREATE INDEX console_session_by_use ON console_session (seen_at);
CREATE INDEX console_session_by_end ON console_session (ends_at);
