package store

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementTimeout is how long the server works on a statement.
const statementTimeout = 10 * time.Second

// settings are those of every connection, over what server, role and database
// say.
//
// A commit returns when it is on disk, on the standby's too where there is one
// that counts: neither a default of "off" nor one of "local" or "remote_write"
// may weaken that.
//
// Our statements are written for the indexes that there are, and partitions
// are chosen when a statement runs. So plans are made once for all parameters,
// of index ranges alone, whatever the statistics say; compiling them pays for
// none.
//
// A transaction of ours is never idle for long: who stops in one must not hold
// up the others.
var settings = map[string]string{
	"synchronous_commit":                  "on",
	"client_encoding":                     "UTF8",
	"plan_cache_mode":                     "force_generic_plan",
	"enable_seqscan":                      "off",
	"enable_bitmapscan":                   "off",
	"jit":                                 "off",
	"statement_timeout":                   strconv.FormatInt(statementTimeout.Milliseconds(), 10),
	"lock_timeout":                        "5000",
	"idle_in_transaction_session_timeout": "3000",
	"tcp_keepalives_idle":                 "15",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "30000",
}

// CheckPostgresURL tells what is wrong with a URL for [OpenPostgres], without
// connecting, and whether a password stands in it.
func CheckPostgresURL(text string) (hasPassword bool, err error) {
	_, password, err := takePassword(text)
	if err == nil {
		_, err = postgresConfig(text, &links{})
	}
	return password != "", err
}

// postgresConfig is how to connect to the database at a URL.
func postgresConfig(text string, links *links) (*pgx.ConnConfig, error) {
	u, password, err := takePassword(text)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	for name, value := range map[string]string{"target_session_attrs": "read-write", "connect_timeout": "5", "application_name": "patrold"} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	if !query.Has("sslmode") && os.Getenv("PGSSLMODE") == "" && (!isLocal(u, query) || os.Getenv("PGSERVICE") != "") {
		query.Set("sslmode", "verify-full")
	}
	u.RawQuery = query.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("the database's URL cannot be used: %w", err)
	}
	if password != "" {
		config.Password = password
	}
	stronger := config.RuntimeParams["synchronous_commit"] == "remote_apply"
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	if stronger {
		config.RuntimeParams["synchronous_commit"] = "remote_apply"
	}
	config.DialFunc = links.dial
	config.OnNotice, config.AfterConnect = keepWarning, forgetWarnings
	return config, nil
}

// takePassword parses a URL and takes its password out, so that no error can
// tell it.
func takePassword(text string) (u *url.URL, password string, err error) {
	u, err = url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, "", errors.New("the database's URL cannot be read: write it like postgres://user@host:5432/name, with special characters of the password as %XX")
	}
	query := u.Query()
	for _, name := range []string{"password", "sslpassword", "service", "servicefile"} {
		if values := query[name]; len(values) > 1 || len(values) == 1 && name != "password" {
			return nil, "", fmt.Errorf("the database's URL cannot be used: %q must not stand there, or not twice", name)
		}
	}
	password = query.Get("password")
	query.Del("password")
	u.RawQuery = query.Encode()
	if inside, ok := u.User.Password(); ok {
		password = inside
		u.User = url.User(u.User.Username())
	}
	return u, password, nil
}

// isLocal reports whether a URL names this machine alone, to which a connection
// needs no TLS.
func isLocal(u *url.URL, query url.Values) bool {
	hosts := strings.Split(u.Host, ",")
	if query.Has("host") {
		hosts = strings.Split(query.Get("host"), ",")
	} else if u.Host == "" {
		hosts = strings.Split(os.Getenv("PGHOST"), ",")
	}
	for _, host := range hosts {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if host != "" && host != "localhost" && !strings.HasPrefix(host, "/") && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
