-- Prepares a PostgreSQL for the Voice Agent Backend: a user of its own, and a database of his.
--
-- Run once as a superuser; run again it changes nothing but the password:
--
--   psql -v password="'a long secret'" -f scripts/init-db.sql postgres
--
-- -v user=... and -v database=... choose other names than voice_agent. Then:
--
--   VOICE_AGENT_DATABASE_URL=postgresql://voice_agent:...@host/voice_agent
--
-- The server makes its tables itself at its first start.

\set ON_ERROR_STOP on
\if :{?user} \else \set user voice_agent \endif
\if :{?database} \else \set database voice_agent \endif
\if :{?password}
\else
  \warn 'give the new user a password: -v password="''...''"'
  -- An error ends the script with an exit status that tells.
  SELECT password_is_missing();
\endif

SELECT format('CREATE ROLE %I LOGIN', :'user')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec

ALTER ROLE :"user" PASSWORD :password;

SELECT format(
  'CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'database', :'user')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

-- Nobody else may connect, or make tables in it.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"user";

\connect :"database"
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO :"user";
