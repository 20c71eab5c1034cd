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

-- The list of an owner's sessions.
CREATE INDEX console_session_by_owner ON console_session (owner, seen_at, id);

-- What the sweep looks for. Only a statement that says the condition can use
-- these, so that no list does.
CREATE INDEX console_session_by_use ON console_session (seen_at) WHERE seen_at < 9223372036854775807;
CREATE INDEX console_session_by_end ON console_session (ends_at) WHERE ends_at < 9223372036854775807;
