#!/bin/bash
# Makes the service's role and database, when compose.yaml's PostgreSQL starts
# for the first time. The role owns its database and is nothing else.
set -euo pipefail

psql --quiet --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/database-password)" --username postgres <<'SQL'
CREATE ROLE patrol LOGIN PASSWORD :'password';
CREATE DATABASE patrol OWNER patrol;
REVOKE ALL ON DATABASE patrol FROM PUBLIC;
SQL
