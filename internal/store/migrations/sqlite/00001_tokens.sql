-- +goose Up

-- Times are microseconds since 1970; ids, owners and organizations are the 16
-- bytes of a UUID. Every key starts with the bucket, so that the big tables can
-- be partitioned by it.

-- target is the organization where a token is managed and good, or 16 zero
-- bytes for all. state is 0 active, 1 expired, 2 revoked: what was recorded,
-- which for expiry lags behind the dates. revoked_at is 0 unless revoked.
CREATE TABLE token (
	bucket       integer NOT NULL,
	id           blob    NOT NULL,
	owner        blob    NOT NULL,
	tenant       blob    NOT NULL,
	organization blob    NOT NULL,
	target       blob    NOT NULL,
	display_name text    NOT NULL,
	scope        text    NOT NULL,
	valid_from   integer NOT NULL,
	valid_to     integer NOT NULL,
	revoked_at   integer NOT NULL,
	state        integer NOT NULL,
	key_id       integer NOT NULL,
	digest       blob    NOT NULL,
	seal         blob    NOT NULL,
	c3id         blob    NOT NULL,
	version      integer NOT NULL,
	PRIMARY KEY (bucket, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX token_by_digest ON token (bucket, digest);

-- Lists read ranges of these, one for each target and state.
CREATE INDEX token_by_created ON token (bucket, owner, target, state, valid_from, id);
CREATE INDEX token_by_name ON token (bucket, owner, target, state, display_name, id);
CREATE INDEX token_by_id ON token (bucket, owner, target, state, id);

-- Lists find here what ended but is not recorded so yet, and what was recorded
-- since the moment they judge by. A revocation leaves both.
CREATE INDEX token_unrecorded ON token (bucket, owner, target, valid_to) WHERE state = 0;
CREATE INDEX token_recorded ON token (bucket, owner, target, valid_to) WHERE state = 1;

-- What the sweeper has yet to record, soonest first.
CREATE INDEX token_due ON token (valid_to, bucket, id) WHERE state = 0;

-- One row for each change of a token, written with it. data is a JSON object.
CREATE TABLE event (
	bucket       integer NOT NULL,
	id           blob    NOT NULL,
	at           integer NOT NULL,
	action       text    NOT NULL,
	token        blob    NOT NULL,
	owner        blob    NOT NULL,
	tenant       blob    NOT NULL,
	organization blob    NOT NULL,
	actor        blob    NOT NULL,
	actor_name   text    NOT NULL,
	activity     blob    NOT NULL,
	address      text    NOT NULL,
	user_agent   text    NOT NULL,
	data         text    NOT NULL,
	PRIMARY KEY (bucket, id)
) STRICT, WITHOUT ROWID;

-- The buckets where an owner's tokens lie.
CREATE TABLE owner_bucket (
	owner  blob    NOT NULL,
	bucket integer NOT NULL,
	PRIMARY KEY (owner, bucket)
) STRICT, WITHOUT ROWID;

-- The server keys under which the database was filled.
CREATE TABLE server_key (
	id          integer NOT NULL PRIMARY KEY,
	fingerprint blob    NOT NULL,
	first_seen  integer NOT NULL
) STRICT;
