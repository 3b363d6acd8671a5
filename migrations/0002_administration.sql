-- What administrators decide besides subnets and reservations, who may, and what they changed.

-- Naming policies ---------------------------------------------------------------------------------------------------

CREATE TABLE naming_policies (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subnet_id bigint REFERENCES subnets (id) ON DELETE CASCADE DEFERRABLE,
  pattern text NOT NULL DEFAULT 'host-{mac:6}' CHECK (length(pattern) BETWEEN 1 AND 120 AND is_plain_text(pattern)),
  forbidden text[] NOT NULL DEFAULT '{}' CHECK (cardinality(forbidden) <= 1000),
  conflict text NOT NULL DEFAULT 'first-wins' CHECK (conflict IN ('first-wins', 'last-wins', 'reject')),
  client_names boolean NOT NULL DEFAULT true,
  domain text NOT NULL DEFAULT ''
    CHECK (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$'
      AND length(domain) <= 253),
  revision bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT naming_policies_subnet_key UNIQUE NULLS NOT DISTINCT (subnet_id)
);
COMMENT ON TABLE naming_policies IS 'How systems are named; the row without a subnet is the default';
COMMENT ON COLUMN naming_policies.domain IS 'Default policy: the domain of subnets that are made without one. Others: unused, the subnet has its own';
INSERT INTO naming_policies (subnet_id) VALUES (NULL);

CREATE FUNCTION naming_policies_revise() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  NEW.updated_at := now();
  RETURN NEW;
END
$$;
CREATE TRIGGER naming_policies_revise BEFORE UPDATE ON naming_policies
  FOR EACH ROW EXECUTE FUNCTION naming_policies_revise();

-- Registries keep the policies in memory, and look here under the writer lock whether they are still so. A sequence,
-- because what is read of it is never older than the lock.
CREATE SEQUENCE naming_revision;

CREATE FUNCTION naming_policies_notify() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM nextval('naming_revision');
  NOTIFY policies;
  RETURN NULL;
END
$$;
CREATE TRIGGER naming_policies_notify AFTER INSERT OR UPDATE OR DELETE ON naming_policies
  FOR EACH STATEMENT EXECUTE FUNCTION naming_policies_notify();
CREATE TRIGGER naming_policies_writer_lock BEFORE INSERT OR UPDATE OR DELETE ON naming_policies
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();

-- Subnets belong to it: where a policy applies, and `{subnet}`. A policy is told with its subnet's domain, so that one
-- becomes another with it.
CREATE FUNCTION subnets_naming() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM nextval('naming_revision');
  IF TG_OP = 'UPDATE' THEN
    IF EXISTS (
      SELECT FROM new_rows n JOIN old_rows o USING (id) JOIN naming_policies p ON p.subnet_id = n.id
      WHERE (n.domain, n.cidr) IS DISTINCT FROM (o.domain, o.cidr))
    THEN
      UPDATE naming_policies p SET subnet_id = p.subnet_id
      FROM new_rows n JOIN old_rows o USING (id)
      WHERE p.subnet_id = n.id AND (n.domain, n.cidr) IS DISTINCT FROM (o.domain, o.cidr);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER subnets_insert_writer_lock BEFORE INSERT ON subnets
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();
CREATE TRIGGER subnets_naming_insert AFTER INSERT ON subnets
  FOR EACH STATEMENT EXECUTE FUNCTION subnets_naming();
CREATE TRIGGER subnets_naming_update AFTER UPDATE ON subnets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION subnets_naming();
CREATE TRIGGER subnets_naming_delete AFTER DELETE ON subnets
  FOR EACH STATEMENT EXECUTE FUNCTION subnets_naming();

-- Outlives its policy, which may come back: what is undone has its identifier again, and no other ever has.
CREATE TABLE naming_sequences (
  policy_id bigint PRIMARY KEY,
  next bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE naming_sequences IS 'The next number of a policy whose pattern has {seq}';

CREATE TABLE name_conflicts (
  name text PRIMARY KEY,
  mac macaddr NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE name_conflicts IS 'Names that more than one system wanted, and who was the first that could not have it: announced once';

-- Who is next to have a disputed name, where that is the last to have told it.
CREATE INDEX systems_disputed_idx ON systems (name_without_digits(name, mac), first_name_stamp)
  WHERE name_source = 'client' AND name_without_digits(name, mac) IS NOT NULL;

-- What was changed --------------------------------------------------------------------------------------------------

CREATE TABLE change_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  change bigint NOT NULL,
  step bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  action text NOT NULL,
  entity text NOT NULL
    CHECK (entity IN ('reservation', 'subnet', 'naming-policy', 'system', 'monitoring', 'token', 'server')),
  relation text NOT NULL,
  key text NOT NULL,
  label text NOT NULL,
  before jsonb,
  after jsonb,
  undoes bigint
);
COMMENT ON TABLE change_log IS 'Who decided what: one row for each row that changed, as it was and as it is';
COMMENT ON COLUMN change_log.change IS 'The same for everything that one call, or one transaction, changed';
COMMENT ON COLUMN change_log.step IS 'The same for everything that one statement changed: that is taken back together';
COMMENT ON COLUMN change_log.relation IS 'The table of the row that changed';
COMMENT ON COLUMN change_log.key IS 'Primary key of the row that changed';
COMMENT ON COLUMN change_log.label IS 'What a person calls it';
CREATE INDEX change_log_change_idx ON change_log (change, id);
CREATE INDEX change_log_entity_key_idx ON change_log (entity, key, id);
-- Who may not ask about tokens is not told of their changes.
CREATE INDEX change_log_token_idx ON change_log (change) WHERE entity = 'token';

-- What a row is found by: its key, the words of what a person calls it, and what it had or has that can be looked up. One
-- text that is taken apart at the end is inlined; an array put together of a query would cost more than writing the row.
CREATE FUNCTION change_words(key text, label text, before jsonb, after jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN string_to_array(
  lower(key || E'\n' || replace(label, ' ', E'\n')
    || E'\n' || coalesce(before ->> 'address', key) || E'\n' || coalesce(before ->> 'name', key)
    || E'\n' || coalesce(before ->> 'mac', key) || E'\n' || coalesce(before ->> 'cidr', key)
    || E'\n' || coalesce(before ->> 'server', key) || E'\n' || coalesce(after ->> 'name', key)
    || E'\n' || coalesce((before ->> 'name') || '.' || (before ->> 'domain'), key)
    || E'\n' || coalesce((after ->> 'name') || '.' || (after ->> 'domain'), key)),
  E'\n');
CREATE INDEX change_log_words_idx ON change_log USING gin (change_words(key, label, before, after));

CREATE TABLE changes (
  id bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  undoes bigint,
  rows bigint NOT NULL
);
COMMENT ON TABLE changes IS 'The changes whose rows are in change_log, kept by its triggers: a change of many rows is listed like one of a single row';
CREATE INDEX changes_actor_idx ON changes (actor, id);
CREATE INDEX changes_at_idx ON changes (at);
CREATE INDEX changes_undoes_idx ON changes (undoes, id) WHERE undoes IS NOT NULL;

CREATE FUNCTION change_log_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO changes AS c (id, at, actor, action, undoes, rows)
    SELECT change, max(at), min(actor), min(action), max(undoes), count(*) FROM new_rows GROUP BY change
    ON CONFLICT (id) DO UPDATE SET at = greatest(c.at, excluded.at), rows = c.rows + excluded.rows;
  ELSE
    DELETE FROM changes c WHERE NOT EXISTS (SELECT FROM change_log l WHERE l.change = c.id);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER change_log_count_insert AFTER INSERT ON change_log REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION change_log_count();
-- Who shortens the log does so with SQL.
CREATE TRIGGER change_log_count_delete AFTER DELETE ON change_log FOR EACH STATEMENT EXECUTE FUNCTION change_log_count();
CREATE TRIGGER change_log_count_truncate AFTER TRUNCATE ON change_log FOR EACH STATEMENT EXECUTE FUNCTION change_log_count();

CREATE SEQUENCE change_numbers;
CREATE SEQUENCE change_steps;

-- The number of the transaction's change; the first to ask draws it.
CREATE FUNCTION current_change() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  number text := current_setting('leasehold.change', true);
BEGIN
  IF coalesce(number, '') = '' THEN
    number := nextval('change_numbers')::text;
    PERFORM set_config('leasehold.change', number, true);
  END IF;
  RETURN number::bigint;
END
$$;

CREATE FUNCTION current_actor() RETURNS text
LANGUAGE sql STABLE
RETURN coalesce(nullif(current_setting('leasehold.actor', true), ''), 'sql:' || session_user);

CREATE FUNCTION change_context(operation text, relation text)
RETURNS TABLE (change bigint, step bigint, actor text, action text, undoes bigint)
LANGUAGE sql VOLATILE AS $$
  SELECT current_change(), nextval('change_steps'), current_actor(),
    coalesce(nullif(current_setting('leasehold.action', true), ''), lower(operation) || ' ' || relation),
    nullif(current_setting('leasehold.undoes', true), '')::bigint
$$;

-- What the columns say, where they say something.
CREATE FUNCTION label_of(r jsonb, columns text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((
  SELECT string_agg(r ->> name, ' ' ORDER BY n) FROM unnest(string_to_array(columns, ',')) WITH ORDINALITY AS c (name, n)
  WHERE r ->> name IS NOT NULL), '');

-- A row as it is logged. Times of a change, and secrets, are nothing that one looks up, or takes back.
CREATE FUNCTION logged_row(r jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN r - ARRAY['updated_at', 'revision', 'last_used_at', 'hash'];

-- The session of an administrator may write times and intervals otherwise; what is logged is compared. Nested loops: as in
-- `reservations_changed`.
-- Arguments: the entity, the column that is the row's key, columns that label it for a person, separated by commas; and
-- those of the primary key, where that is more than the key.
CREATE FUNCTION log_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET TimeZone = 'UTC' SET IntervalStyle = 'postgres' SET enable_nestloop = off
SET enable_hashjoin = on AS $$
DECLARE
  primary_key text := coalesce(TG_ARGV[3], TG_ARGV[1]);
BEGIN
  IF NOT is_by_hand() THEN RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO change_log (change, step, actor, action, entity, relation, key, label, before, after, undoes)
    SELECT c.change, c.step, c.actor, c.action, TG_ARGV[0], TG_TABLE_NAME, n.row ->> TG_ARGV[1],
      label_of(n.row, TG_ARGV[2]), NULL, n.row, c.undoes
    FROM (SELECT logged_row(to_jsonb(n)) AS row FROM new_rows n) AS n, change_context(TG_OP, TG_TABLE_NAME) AS c;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO change_log (change, step, actor, action, entity, relation, key, label, before, after, undoes)
    SELECT c.change, c.step, c.actor, c.action, TG_ARGV[0], TG_TABLE_NAME, o.row ->> TG_ARGV[1],
      label_of(o.row, TG_ARGV[2]), o.row, NULL, c.undoes
    FROM (SELECT logged_row(to_jsonb(o)) AS row FROM old_rows o) AS o, change_context(TG_OP, TG_TABLE_NAME) AS c;
  ELSE
    INSERT INTO change_log (change, step, actor, action, entity, relation, key, label, before, after, undoes)
    SELECT c.change, c.step, c.actor, c.action, TG_ARGV[0], TG_TABLE_NAME, n.row ->> TG_ARGV[1],
      label_of(n.row, TG_ARGV[2]), o.row, n.row, c.undoes
    FROM (SELECT label_of(row, primary_key) AS key, row FROM (SELECT logged_row(to_jsonb(o)) AS row FROM old_rows o) AS o) AS o
    JOIN (SELECT label_of(row, primary_key) AS key, row FROM (SELECT logged_row(to_jsonb(n)) AS row FROM new_rows n) AS n) AS n
      USING (key), change_context(TG_OP, TG_TABLE_NAME) AS c
    WHERE o.row <> n.row;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER subnets_log_insert AFTER INSERT ON subnets REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'id', 'cidr,name');
CREATE TRIGGER subnets_log_update AFTER UPDATE ON subnets REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'id', 'cidr,name');
CREATE TRIGGER subnets_log_delete AFTER DELETE ON subnets REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'id', 'cidr,name');
CREATE TRIGGER subnet_servers_log_insert AFTER INSERT ON subnet_servers REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'server', 'subnet_id,server');
CREATE TRIGGER subnet_servers_log_update AFTER UPDATE ON subnet_servers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'server', 'subnet_id,server');
CREATE TRIGGER subnet_servers_log_delete AFTER DELETE ON subnet_servers REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'server', 'subnet_id,server');
CREATE TRIGGER subnet_exclusions_log_insert AFTER INSERT ON subnet_exclusions REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'first,last', 'subnet_id,first');
CREATE TRIGGER subnet_exclusions_log_update AFTER UPDATE ON subnet_exclusions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'first,last', 'subnet_id,first');
CREATE TRIGGER subnet_exclusions_log_delete AFTER DELETE ON subnet_exclusions REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('subnet', 'subnet_id', 'first,last', 'subnet_id,first');
CREATE TRIGGER reservations_log_insert AFTER INSERT ON reservations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('reservation', 'id', 'address,name,mac');
CREATE TRIGGER reservations_log_update AFTER UPDATE ON reservations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('reservation', 'id', 'address,name,mac');
CREATE TRIGGER reservations_log_delete AFTER DELETE ON reservations REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('reservation', 'id', 'address,name,mac');
CREATE TRIGGER naming_policies_log_insert AFTER INSERT ON naming_policies REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('naming-policy', 'id', 'pattern');
CREATE TRIGGER naming_policies_log_update AFTER UPDATE ON naming_policies REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('naming-policy', 'id', 'pattern');
CREATE TRIGGER naming_policies_log_delete AFTER DELETE ON naming_policies REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('naming-policy', 'id', 'pattern');
CREATE TRIGGER dhcp_servers_log_insert AFTER INSERT ON dhcp_servers REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('server', 'server', 'server');
CREATE TRIGGER dhcp_servers_log_delete AFTER DELETE ON dhcp_servers REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('server', 'server', 'server');

-- Events change systems all the time, and decide nothing: only what administrators decide is logged.
CREATE FUNCTION log_system_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT is_by_hand() THEN RETURN NULL; END IF;
  INSERT INTO change_log (change, step, actor, action, entity, relation, key, label, before, after, undoes)
  SELECT c.change, c.step, c.actor, c.action, 'system', TG_TABLE_NAME, NEW.mac::text, NEW.mac || ' ' || NEW.name,
    jsonb_build_object('state', OLD.state, 'name', OLD.name, 'name_source', OLD.name_source),
    jsonb_build_object('state', NEW.state, 'name', NEW.name, 'name_source', NEW.name_source), c.undoes
  FROM change_context(TG_OP, TG_TABLE_NAME) AS c;
  RETURN NULL;
END
$$;
CREATE TRIGGER systems_log AFTER UPDATE OF state ON systems
  FOR EACH ROW WHEN ((OLD.state, OLD.name, OLD.name_source) IS DISTINCT FROM (NEW.state, NEW.name, NEW.name_source))
  EXECUTE FUNCTION log_system_change();

-- Renames systems for whoever is named as the actor, and logs it. All at once: a trigger with a table of what changed would
-- have to be asked for every event, and one for each row takes its time where a policy renames tens of thousands.
CREATE FUNCTION rename_systems(macs macaddr[], names text[], sources text[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH wanted AS (
    SELECT k.*, s.state, s.name AS old_name, s.name_source AS old_source
    FROM unnest(macs, names, sources) AS k (mac, name, source) JOIN systems s ON s.mac = k.mac
    WHERE (s.name, s.name_source) IS DISTINCT FROM (k.name, k.source)
  ),
  renamed AS (
    UPDATE systems s SET name = w.name, name_source = w.source FROM wanted w WHERE s.mac = w.mac
  )
  INSERT INTO change_log (change, step, actor, action, entity, relation, key, label, before, after, undoes)
  SELECT c.change, c.step, c.actor, c.action, 'system', 'systems', w.mac::text, w.mac || ' ' || w.name,
    jsonb_build_object('state', w.state, 'name', w.old_name, 'name_source', w.old_source),
    jsonb_build_object('state', w.state, 'name', w.name, 'name_source', w.source), c.undoes
  FROM change_context('UPDATE', 'systems') AS c CROSS JOIN wanted w WHERE is_by_hand()
$$;

-- Addresses that were told as the next free one ------------------------------------------------------------------------

CREATE UNLOGGED TABLE address_holds (
  address inet PRIMARY KEY CHECK (masklen(address) = 32),
  subnet_id bigint NOT NULL REFERENCES subnets (id) ON DELETE CASCADE,
  until timestamptz NOT NULL
);
COMMENT ON TABLE address_holds IS 'Free addresses that somebody was told, and that are nobody''s next one until then';
CREATE INDEX address_holds_subnet_until_idx ON address_holds (subnet_id, until);

-- The lowest address of a subnet that is neither reserved, leased, excluded, the gateway or a DNS server, nor was told:
-- outside of the dynamic range, and inside where there is no other. With `beginning` from there on in this order, where
-- none before it is free. It goes through the indexes piece by piece: what is taken behind the one that is found costs
-- nothing, and pieces that are full are only counted. The settings are for plans that are made for empty tables.
CREATE FUNCTION next_free_address(of_subnet bigint, beginning inet DEFAULT NULL) RETURNS inet
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
DECLARE
  heard text[] := ARRAY(
    WITH RECURSIVE heard (server) AS (
      (SELECT server FROM address_history ORDER BY server LIMIT 1)
      UNION ALL
      SELECT (SELECT h.server FROM address_history h WHERE h.server > heard.server ORDER BY h.server LIMIT 1)
      FROM heard WHERE heard.server IS NOT NULL
    )
    SELECT server FROM heard WHERE server IS NOT NULL);
  stretch record;
  wanted inet;
  upto inet;
  taken inet;
  size int := 64;
BEGIN
  FOR stretch IN
    WITH hosts AS (
      SELECT int8multirange(int8range(network(s.cidr)::inet - '0.0.0.0' + 1, broadcast(s.cidr) - '0.0.0.0'))
          - coalesce((SELECT range_agg(int8range(e.first - '0.0.0.0', e.last - '0.0.0.0', '[]'))
            FROM subnet_exclusions e WHERE e.subnet_id = s.id), '{}')
          - coalesce((SELECT range_agg(int8range(f - '0.0.0.0', f - '0.0.0.0', '[]'))
            FROM unnest(s.gateway || s.dns_servers) AS f WHERE f IS NOT NULL), '{}') AS numbers,
        CASE WHEN s.range_first IS NULL THEN '{}'
          ELSE int8multirange(int8range(s.range_first - '0.0.0.0', s.range_last - '0.0.0.0', '[]')) END AS dynamic,
        coalesce(beginning BETWEEN s.range_first AND s.range_last, false) AS inside
      FROM subnets s WHERE s.id = of_subnet
    )
    SELECT '0.0.0.0'::inet + lower(p.numbers) AS first, '0.0.0.0'::inet + (upper(p.numbers) - 1) AS last,
      p.dynamic = h.inside AS begun
    FROM hosts h
    CROSS JOIN LATERAL (
      SELECT false AS dynamic, unnest(h.numbers - h.dynamic) AS numbers WHERE NOT h.inside
      UNION ALL SELECT true, unnest(h.numbers * h.dynamic)
    ) AS p
    ORDER BY p.dynamic, lower(p.numbers)
  LOOP
    wanted := CASE WHEN stretch.begun THEN greatest(stretch.first, beginning) ELSE stretch.first END;
    WHILE wanted <= stretch.last LOOP
      upto := least(wanted + (size - 1), stretch.last);
      IF (SELECT count(DISTINCT y.address) FROM systems y WHERE y.address >= wanted AND y.address <= upto) > upto - wanted
        OR (SELECT count(DISTINCT r.address) FROM reservations r WHERE r.address >= wanted AND r.address <= upto) > upto - wanted
      THEN
        wanted := upto + 1;
      ELSE
        FOREACH taken IN ARRAY ARRAY(
          SELECT y.address FROM systems y WHERE y.address >= wanted AND y.address <= upto
          UNION SELECT r.address FROM reservations r WHERE r.address >= wanted AND r.address <= upto
          UNION SELECT h.address FROM address_holds h
            WHERE h.address >= wanted AND h.address <= upto AND h.until > clock_timestamp()
          UNION SELECT upto + 1
          ORDER BY 1)
        LOOP
          WHILE wanted < taken LOOP
            -- A lease that nobody is known to hold any more, and that has not ended.
            IF NOT EXISTS (
              SELECT FROM unnest(heard) AS k (server) JOIN address_history h ON h.server = k.server AND h.address = wanted
                AND coalesce(upper(h.during), 'infinity'::timestamptz) = 'infinity')
            THEN
              RETURN wanted;
            END IF;
            wanted := wanted + 1;
          END LOOP;
          IF taken <= upto THEN wanted := taken + 1; END IF;
        END LOOP;
      END IF;
      size := least(size * 4, 4096);
    END LOOP;
  END LOOP;
  RETURN NULL;
END
$$;

-- What is watched ---------------------------------------------------------------------------------------------------

CREATE TABLE monitoring_configs (
  server text PRIMARY KEY CHECK (server ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  config jsonb NOT NULL CHECK (jsonb_typeof(config) = 'object'),
  revision bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE monitoring_configs IS 'What the ingest of each server is to watch; the bucket ingest-config mirrors it';

CREATE FUNCTION monitoring_configs_revise() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  NEW.updated_at := now();
  RETURN NEW;
END
$$;
CREATE TRIGGER monitoring_configs_revise BEFORE UPDATE ON monitoring_configs
  FOR EACH ROW EXECUTE FUNCTION monitoring_configs_revise();
CREATE FUNCTION monitoring_configs_notify() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NOTIFY monitoring;
  RETURN NULL;
END
$$;
CREATE TRIGGER monitoring_configs_notify AFTER INSERT OR UPDATE OR DELETE ON monitoring_configs
  FOR EACH STATEMENT EXECUTE FUNCTION monitoring_configs_notify();
CREATE TRIGGER monitoring_configs_log_insert AFTER INSERT ON monitoring_configs REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('monitoring', 'server', 'server');
CREATE TRIGGER monitoring_configs_log_update AFTER UPDATE ON monitoring_configs REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('monitoring', 'server', 'server');
CREATE TRIGGER monitoring_configs_log_delete AFTER DELETE ON monitoring_configs REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('monitoring', 'server', 'server');

-- Who may call ------------------------------------------------------------------------------------------------------

CREATE TABLE api_tokens (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (name ~ '^[[:alnum:]][[:alnum:]._@-]{0,62}$'),
  hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  scope text NOT NULL CHECK (scope IN ('read', 'operate', 'administer')),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
COMMENT ON COLUMN api_tokens.hash IS 'SHA-256 of the token; it has 256 random bits, so nothing slower is needed';
CREATE UNIQUE INDEX api_tokens_name_key ON api_tokens (name) WHERE revoked_at IS NULL;
CREATE TRIGGER api_tokens_log_insert AFTER INSERT ON api_tokens REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('token', 'id', 'name');
CREATE TRIGGER api_tokens_log_update AFTER UPDATE ON api_tokens REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('token', 'id', 'name');
CREATE TRIGGER api_tokens_log_delete AFTER DELETE ON api_tokens REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION log_changes('token', 'id', 'name');

-- What a webhook did not take -----------------------------------------------------------------------------------------

CREATE TABLE webhook_dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  fact_id text NOT NULL UNIQUE,
  type text NOT NULL,
  body jsonb NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL
);
COMMENT ON TABLE webhook_dead_letters IS 'Facts that the webhook refused, or did not take within all attempts';
