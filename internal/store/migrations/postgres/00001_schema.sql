-- +goose Up

-- Times are microseconds since 1970; ids, owners and organizations are the 16
-- bytes of a UUID. Every key of a big table starts with the bucket, by ranges of
-- which it is partitioned.

-- target is the organization where a token is managed and good, or 16 zero
-- bytes for all. state is 0 active, 1 expired, 2 revoked: what was recorded,
-- which for expiry lags behind the dates; it has the type of the literals that
-- lists compare it with and show instead of it. revoked_at is 0 unless revoked.
-- owner_name is the owner's sign-in name at creation, '' where it was not known.
CREATE TABLE token (
	bucket       integer NOT NULL,
	id           bytea   NOT NULL,
	owner        bytea   NOT NULL,
	tenant       bytea   NOT NULL,
	owner_name   text    NOT NULL,
	organization bytea   NOT NULL,
	target       bytea   NOT NULL,
	display_name text    NOT NULL COLLATE "C",
	scope        text    NOT NULL,
	valid_from   bigint  NOT NULL,
	valid_to     bigint  NOT NULL,
	revoked_at   bigint  NOT NULL,
	state        integer NOT NULL,
	key_id       integer NOT NULL,
	digest       bytea   NOT NULL,
	seal         bytea   NOT NULL,
	c3id         bytea   NOT NULL,
	version      bigint  NOT NULL,
	PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (bucket);

-- While a table is young every index that starts with the bucket seems equally
-- good to the planner, and a plan that was made then is kept. So no index but
-- the primary key can be used by a statement that was not written for it: each
-- leaves out rows that there are none of, and only a statement that asks for a
-- digest, or for a target, will not miss them.
CREATE UNIQUE INDEX token_by_digest ON token (bucket, digest) WHERE digest IS NOT NULL;

-- Lists read ranges of these, one for each target and state.
CREATE INDEX token_by_created ON token (bucket, owner, target, state, valid_from, id) WHERE target IS NOT NULL;
CREATE INDEX token_by_name ON token (bucket, owner, target, state, display_name, id) WHERE target IS NOT NULL;
CREATE INDEX token_by_id ON token (bucket, owner, target, state, id) WHERE target IS NOT NULL;

-- Lists find here what ended but is not recorded so yet, and what was recorded
-- since the moment they judge by. A revocation leaves both.
CREATE INDEX token_unrecorded ON token (bucket, owner, target, valid_to) WHERE state = 0;
CREATE INDEX token_recorded ON token (bucket, owner, target, valid_to) WHERE state = 1;

-- What the sweeper has yet to record, soonest first. Only a statement that says
-- the second condition can use it, so that no list does.
CREATE INDEX token_due ON token (valid_to, bucket, id) WHERE state = 0 AND valid_to < 9223372036854775807;

-- One row for each change of a token, written with it. data is a JSON object.
CREATE TABLE event (
	bucket       integer NOT NULL,
	id           bytea   NOT NULL,
	at           bigint  NOT NULL,
	action       text    NOT NULL,
	token        bytea   NOT NULL,
	owner        bytea   NOT NULL,
	tenant       bytea   NOT NULL,
	organization bytea   NOT NULL,
	actor        bytea   NOT NULL,
	actor_name   text    NOT NULL,
	activity     bytea   NOT NULL,
	address      text    NOT NULL,
	user_agent   text    NOT NULL,
	data         text    NOT NULL,
	PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (bucket);

-- The last use of each token that was used. agent is the kind of client.
CREATE TABLE token_usage (
	bucket  integer NOT NULL,
	token   bytea   NOT NULL,
	at      bigint  NOT NULL,
	address text    NOT NULL,
	agent   text    NOT NULL,
	scope   text    NOT NULL,
	PRIMARY KEY (bucket, token)
) PARTITION BY RANGE (bucket);

-- Whoever migrates says how many partitions the big tables get: equal shares of
-- the 65,536 buckets. Rows of token_usage are written over and over, in place
-- while their pages have room.
-- +goose StatementBegin
DO $$
DECLARE
	partitions integer := current_setting('patrol.partitions');
	share      text;
BEGIN
	FOR i IN 0 .. partitions - 1 LOOP
		share := format('FOR VALUES FROM (%s) TO (%s)', i * 65536 / partitions, (i + 1) * 65536 / partitions);
		EXECUTE format('CREATE TABLE token_%s PARTITION OF token %s', i, share);
		EXECUTE format('CREATE TABLE event_%s PARTITION OF event %s', i, share);
		EXECUTE format('CREATE TABLE token_usage_%s PARTITION OF token_usage %s WITH (fillfactor = 70)', i, share);
	END LOOP;
END
$$;
-- +goose StatementEnd

-- The buckets where an owner's tokens lie.
CREATE TABLE owner_bucket (
	owner  bytea   NOT NULL,
	bucket integer NOT NULL,
	PRIMARY KEY (owner, bucket)
);

-- The server keys under which the database was filled.
CREATE TABLE server_key (
	id          integer NOT NULL PRIMARY KEY,
	fingerprint bytea   NOT NULL,
	first_seen  bigint  NOT NULL
);

-- The nodes that hold a lease, or held it. A node renews its row every second
-- and says up to which change it has emptied its cache.
CREATE TABLE node (
	epoch     bytea  NOT NULL PRIMARY KEY,
	renewal   bigint NOT NULL,
	applied   bigint NOT NULL,
	joined_at bigint NOT NULL
) WITH (fillfactor = 10);

-- The number of the last change. A change takes the row last before it commits,
-- so that the order of commits is the order of numbers.
CREATE TABLE change_counter (
	id  smallint NOT NULL PRIMARY KEY CHECK (id = 1),
	seq bigint   NOT NULL
) WITH (fillfactor = 10);

INSERT INTO change_counter (id, seq) VALUES (1, 0);

-- The tokens that a change was about, by digest.
CREATE TABLE invalidation (
	seq    bigint NOT NULL,
	digest bytea  NOT NULL,
	PRIMARY KEY (seq, digest)
);
