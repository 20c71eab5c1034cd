-- +goose Up

-- The owner's sign-in name at creation, which verification tells gateways; ''
-- where it was not known.
ALTER TABLE token ADD COLUMN owner_name text NOT NULL DEFAULT '';

-- The last use of each token that was used. agent is the kind of client.
CREATE TABLE token_usage (
	bucket  integer NOT NULL,
	token   blob    NOT NULL,
	at      integer NOT NULL,
	address text    NOT NULL,
	agent   text    NOT NULL,
	scope   text    NOT NULL,
	PRIMARY KEY (bucket, token)
) STRICT, WITHOUT ROWID;
