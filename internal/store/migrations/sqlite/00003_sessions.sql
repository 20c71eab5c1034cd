-- +goose Up

-- The sessions of people who are signed in to the console. id is the SHA-256 of
-- the secret that the browser holds; data is sealed with it, and so long that it
-- stands last, and outside of the key.
CREATE TABLE console_session (
	id         blob    NOT NULL PRIMARY KEY,
	owner      text    NOT NULL,
	version    integer NOT NULL,
	created_at integer NOT NULL,
	seen_at    integer NOT NULL,
	ends_at    integer NOT NULL,
	agent      text    NOT NULL,
	address    text    NOT NULL,
	data       blob    NOT NULL
) STRICT;

-- The list of an owner's sessions.
CREATE INDEX console_session_by_owner ON console_session (owner, seen_at, id);

-- What the sweep looks for. Only a statement that says the condition can use
-- these, so that no list does.
CREATE INDEX console_session_by_use ON console_session (seen_at) WHERE seen_at < 9223372036854775807;
CREATE INDEX console_session_by_end ON console_session (ends_at) WHERE ends_at < 9223372036854775807;
