-- Roles, schemas, and who may do what. Run by a superuser; everything later runs as cafe_owner (libs/storage/migrate.h).
--
-- Each service has a role and a schema of its own, and reaches nothing else but the functions of schema ledger. Tables
-- belong to cafe_owner, so no service can alter, drop or truncate even its own. Passwords are set outside migrations.
-- Roles are the cluster's: a second database in the same cluster finds them there already.

DO $$
DECLARE
  wanted name;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cafe_owner') THEN
    CREATE ROLE cafe_owner NOLOGIN;
  END IF;
  FOREACH wanted IN ARRAY ARRAY['cafe_withdrawal', 'cafe_deposit', 'cafe_doublespend', 'cafe_recovery',
                                'cafe_settlement', 'cafe_operator'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', wanted);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CREATE ON DATABASE %I TO cafe_owner', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO cafe_withdrawal, cafe_deposit, cafe_doublespend, cafe_recovery, '
                 'cafe_settlement, cafe_operator', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO cafe_owner;
-- The operator sees which migrations were applied.
GRANT USAGE ON SCHEMA public TO cafe_operator;
GRANT SELECT ON TABLE public.cafe_migration TO cafe_operator;

-- A function runs with its definer's rights only where it says so, and nobody may call one unasked.
ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- The services' schemas. What cafe_owner creates there later is the service's to use and the operator's to read.
DO $$
DECLARE
  owned record;
BEGIN
  FOR owned IN
    SELECT * FROM (VALUES ('withdrawal', 'cafe_withdrawal'), ('deposit', 'cafe_deposit'),
                          ('coinstore', 'cafe_doublespend'), ('recovery', 'cafe_recovery'),
                          ('settlement', 'cafe_settlement')) AS t (schema_name, role_name)
  LOOP
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION cafe_owner', owned.schema_name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, cafe_operator', owned.schema_name, owned.role_name);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner IN SCHEMA %I '
                   'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', owned.schema_name, owned.role_name);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner IN SCHEMA %I '
                   'GRANT USAGE ON SEQUENCES TO %I', owned.schema_name, owned.role_name);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner IN SCHEMA %I '
                   'GRANT EXECUTE ON FUNCTIONS TO %I', owned.schema_name, owned.role_name);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner IN SCHEMA %I '
                   'GRANT SELECT ON TABLES TO cafe_operator', owned.schema_name);
  END LOOP;
END
$$;

-- The ledger has no role: everyone comes in through its functions.
CREATE SCHEMA ledger AUTHORIZATION cafe_owner;
GRANT USAGE ON SCHEMA ledger
  TO cafe_withdrawal, cafe_deposit, cafe_recovery, cafe_settlement, cafe_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE cafe_owner IN SCHEMA ledger GRANT SELECT ON TABLES TO cafe_operator;

-- The lineage of the database, on which withdrawal nonces depend.
GRANT EXECUTE ON FUNCTION pg_control_system() TO cafe_withdrawal, cafe_operator;

-- Small helpers that every schema may use.
CREATE SCHEMA cafe AUTHORIZATION cafe_owner;
GRANT USAGE ON SCHEMA cafe TO PUBLIC;
SET LOCAL ROLE cafe_owner;

-- Big-endian integers out of packed records (the bulk insert idiom of libs/storage/values.h); offsets count from 0.
-- A u64 above 2^63-1 comes out negative: the column's CHECK must refuse it.
CREATE FUNCTION cafe.u32_at(data bytea, at integer) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (get_byte(data, at)::bigint << 24) | (get_byte(data, at + 1)::bigint << 16)
       | (get_byte(data, at + 2)::bigint << 8) | get_byte(data, at + 3)::bigint;

CREATE FUNCTION cafe.u64_at(data bytea, at integer) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (get_byte(data, at)::bigint << 56) | (get_byte(data, at + 1)::bigint << 48)
       | (get_byte(data, at + 2)::bigint << 40) | (get_byte(data, at + 3)::bigint << 32)
       | (get_byte(data, at + 4)::bigint << 24) | (get_byte(data, at + 5)::bigint << 16)
       | (get_byte(data, at + 6)::bigint << 8) | get_byte(data, at + 7)::bigint;

GRANT EXECUTE ON FUNCTION cafe.u32_at(bytea, integer), cafe.u64_at(bytea, integer) TO PUBLIC;
RESET ROLE;
