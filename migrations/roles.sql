-- Who may do what. Unlike the numbered files this one is run at every migration, after them: a database that was restored
-- in a new cluster may lack the roles and their rights. It says what holds for the newest schema, and may be edited.

-- Roles belong to the cluster, not to this database: another database may be migrated at the same moment.
DO $$
DECLARE
  role_name text;
  may_become text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  attempts int := 0;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['registry', 'renderer'] LOOP
    LOOP
      BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
          EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
        IF NOT pg_has_role(current_user, role_name, may_become) THEN
          EXECUTE format('GRANT %I TO CURRENT_USER', role_name)
            || CASE may_become WHEN 'SET' THEN ' WITH SET TRUE' ELSE '' END;
        END IF;
        EXIT;
      EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
        -- internal_error: "tuple concurrently updated", by the other database's migration.
        attempts := attempts + 1;
        IF attempts > 100 THEN RAISE; END IF;
        PERFORM pg_sleep(0.02 * random());
      END;
    END LOOP;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO registry, renderer;

GRANT SELECT, INSERT, UPDATE, DELETE
  ON systems, sightings, address_history, gaps, reservations, outbox, given_names, pending_names TO registry;
GRANT SELECT, INSERT, UPDATE, DELETE ON subnets, subnet_servers, subnet_exclusions TO registry;
GRANT SELECT ON subnet_usage TO registry;
GRANT SELECT, INSERT (server) ON dhcp_servers TO registry;

GRANT SELECT ON reservations, subnets, subnet_servers, dhcp_servers TO renderer;
GRANT SELECT (mac, state) ON systems TO renderer;
GRANT INSERT (server) ON dhcp_servers TO renderer;
GRANT UPDATE (applied_generation, applied_hash, applied_at, applied_reservations,
  attempted_generation, attempted_at, result, error) ON dhcp_servers TO renderer;

REVOKE EXECUTE ON FUNCTION want_new_generation(text[]) FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE
  ON naming_policies, naming_sequences, name_conflicts, address_holds, monitoring_configs, webhook_dead_letters TO registry;
GRANT SELECT, INSERT, UPDATE ON api_tokens TO registry;
GRANT SELECT ON change_log, changes TO registry;
GRANT USAGE, SELECT ON SEQUENCE change_numbers TO registry;
GRANT SELECT ON SEQUENCE naming_revision TO registry;

REVOKE EXECUTE ON FUNCTION rename_systems(macaddr[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rename_systems(macaddr[], text[], text[]) TO registry;
