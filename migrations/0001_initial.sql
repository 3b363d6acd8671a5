-- Leasehold's schema: what is decided (subnets, reservations), what is observed (systems, sightings, address_history),
-- what each DHCP server has (dhcp_servers), and what is to be announced (outbox).
--
-- PostgreSQL 15 or newer. Invariants are constraints; facts and NOTIFY are written by triggers, so that a plain INSERT by
-- an administrator has the same consequences as the registry's.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Names -------------------------------------------------------------------------------------------------------------

-- An RFC 1123 label that neither dnsmasq nor a resolver takes for something else. The registry's `names/forbidden.ts`
-- says the same; a test compares the two.
CREATE FUNCTION is_host_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
  AND name !~ '^[0-9]+[wdhms]?$'                           -- a number, or a lease time
  AND name !~ '^0x[0-9a-f]*$'                              -- an address to inet_aton()
  AND name !~ '^[0-9]{1,3}(-[0-9]{1,3}){3}$'               -- an IPv4 address
  AND name !~ '^[0-9a-f]{1,4}(-{1,2}[0-9a-f]{1,4}){7}$'    -- an IPv6 address
  AND name !~ '^[0-9a-f]{2}(-[0-9a-f]{2}){5}$'             -- a MAC
  AND name !~ '^[0-9a-f]{12}$'                             -- a MAC
  AND name !~ '^..--'                                      -- reserved for encodings such as xn-- (RFC 5891)
  AND name <> ALL (ARRAY[
    'ignore', 'infinite',                                  -- keywords of dhcp-host
    'localhost', 'localdomain', 'broadcasthost',
    'ip6-localhost', 'ip6-loopback', 'ip6-localnet', 'ip6-mcastprefix', 'ip6-allnodes', 'ip6-allrouters',
    'isatap', 'wpad'                                       -- found by machines without being asked for
  ]);

-- Names that an administrator may give and a client may not take: others look for a service under them.
CREATE FUNCTION is_service_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN name = ANY (ARRAY[
    'autoconfig', 'autodiscover', 'dhcp', 'dns', 'domain', 'gateway', 'kerberos', 'ldap', 'local', 'mail', 'mx', 'ntp',
    'proxy', 'resolver', 'router', 'smtp', 'syslog', 'time', 'www'
  ]) OR name ~ '^ns[0-9]{0,2}$';

-- Facts -------------------------------------------------------------------------------------------------------------

-- One writer at a time: whoever writes facts, or what facts are about, holds this lock to the end of its transaction.
-- That makes the order of the outbox the order of the commits.
CREATE FUNCTION take_writer_lock() RETURNS void
LANGUAGE sql VOLATILE
RETURN pg_advisory_xact_lock(7220001);

CREATE FUNCTION take_writer_lock_trigger() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7220001);
  RETURN NULL;
END
$$;

-- Whoever acts for an administrator says for whom; what the registry does without that, it does by itself.
CREATE FUNCTION is_by_hand() RETURNS boolean
LANGUAGE sql STABLE
RETURN current_setting('role') <> 'registry' OR coalesce(current_setting('leasehold.actor', true), '') <> '';

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text NOT NULL,
  type text NOT NULL,
  body jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE outbox IS 'Facts on their way to the stream DISCOVERY, in the order of their commits';

CREATE TRIGGER outbox_writer_lock BEFORE INSERT ON outbox
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();

-- The registry wakes its own relay; what others write has to be told. NOTIFY serialises commits, so not for everything.
CREATE FUNCTION outbox_notify() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF is_by_hand() THEN NOTIFY outbox; END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();

CREATE FUNCTION iso_timestamp(at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Text as the bus takes it: no control characters, no reversal of the writing direction, nothing hidden, not too long.
CREATE FUNCTION harmless_text(text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(
  regexp_replace(text, '[\u0001-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]', U&'\FFFD', 'g'), 4096
);

-- What people write: one line of at most 300 characters that no terminal or file takes for anything else.
CREATE FUNCTION is_plain_text(text text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(text) <= 300
  AND text !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]';

-- DHCP servers ------------------------------------------------------------------------------------------------------

CREATE TABLE dhcp_servers (
  server text PRIMARY KEY CHECK (server ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  wanted_generation bigint NOT NULL DEFAULT 1,
  wanted_since timestamptz NOT NULL DEFAULT now(),
  applied_generation bigint,
  applied_hash text,
  applied_at timestamptz,
  applied_reservations int,
  attempted_generation bigint,
  attempted_at timestamptz,
  result text CHECK (result IN ('applied', 'failed')),
  error text,
  CHECK (result IS DISTINCT FROM 'applied'
    OR num_nulls(applied_generation, applied_hash, applied_at, applied_reservations) = 0),
  CHECK (result IS DISTINCT FROM 'failed' OR num_nulls(attempted_generation, attempted_at, error) = 0)
);
COMMENT ON TABLE dhcp_servers IS 'Each dnsmasq: the generation its file should have, and what became of the last attempt';
COMMENT ON COLUMN dhcp_servers.wanted_since IS 'Since when a generation has been wanted that was not applied';

CREATE TRIGGER dhcp_servers_writer_lock BEFORE UPDATE ON dhcp_servers
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();

-- The same result again is no news.
CREATE FUNCTION dhcp_servers_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (subject, type, body)
  SELECT 'discovery.v1.' || fact.type || '.' || n.server, fact.type, fact.body
  FROM new_rows n
  JOIN old_rows o USING (server)
  CROSS JOIN LATERAL (
    SELECT 'server.applied' AS type, jsonb_build_object(
      'type', 'server.applied', 'server', n.server, 'generation', n.applied_generation, 'hash', n.applied_hash,
      'reservations', n.applied_reservations, 'at', iso_timestamp(n.applied_at)) AS body
    WHERE n.result = 'applied'
      AND (n.result, n.applied_generation, n.applied_hash)
        IS DISTINCT FROM (o.result, o.applied_generation, o.applied_hash)
    UNION ALL
    SELECT 'server.failed', jsonb_build_object(
      'type', 'server.failed', 'server', n.server, 'generation', n.attempted_generation,
      'error', harmless_text(n.error), 'at', iso_timestamp(n.attempted_at))
    WHERE n.result = 'failed'
      AND (n.result, n.attempted_generation, n.error) IS DISTINCT FROM (o.result, o.attempted_generation, o.error)
  ) AS fact
  ORDER BY n.server;
  RETURN NULL;
END
$$;
CREATE TRIGGER dhcp_servers_facts AFTER UPDATE ON dhcp_servers
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION dhcp_servers_facts();

-- Subnets -----------------------------------------------------------------------------------------------------------

CREATE TABLE subnets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Neither 0.0.0.0/8, which is nobody's, nor what begins at 224.0.0.0: no host has such an address.
  cidr cidr NOT NULL CHECK (family(cidr) = 4 AND masklen(cidr) <= 30 AND NOT cidr && '0.0.0.0/8' AND NOT cidr && '224.0.0.0/3'),
  name text NOT NULL UNIQUE CHECK (name ~ '^[[:alnum:]][[:alnum:] ._/-]{0,62}$'),
  policy text NOT NULL DEFAULT 'manual' CHECK (policy IN ('auto', 'manual')),
  domain text NOT NULL DEFAULT ''
    CHECK (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$'
      AND length(domain) <= 253),
  range_first inet CHECK (masklen(range_first) = 32),
  range_last inet CHECK (masklen(range_last) = 32),
  gateway inet CHECK (masklen(gateway) = 32),
  dns_servers inet[] NOT NULL DEFAULT '{}',
  lease_time interval CHECK (lease_time >= interval '2 minutes'),
  reserve_randomised boolean NOT NULL DEFAULT false,
  auto_keep interval NOT NULL DEFAULT '30 days' CHECK (auto_keep > interval '0'),
  auto_share real NOT NULL DEFAULT 0.8 CHECK (auto_share BETWEEN 0 AND 1),
  comment text CHECK (is_plain_text(comment)),
  UNIQUE (id, cidr),
  UNIQUE (id, domain),
  -- A name that reads as an address or as a network would be taken for another subnet.
  CONSTRAINT subnets_name_address_check CHECK (name = cidr::text OR name !~ '^[0-9./:]+$'),
  CONSTRAINT subnets_overlap_excl EXCLUDE USING gist (cidr inet_ops WITH &&),
  CONSTRAINT subnets_range_inside_check CHECK (
    (range_first IS NULL) = (range_last IS NULL)
    AND (range_first IS NULL OR (range_first << cidr AND range_last << cidr AND range_first <= range_last))),
  CONSTRAINT subnets_gateway_inside_check CHECK (gateway IS NULL OR gateway << cidr)
);
-- What is called by its network goes on so.
CREATE FUNCTION subnets_name_follows() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.name := NEW.cidr::text;
  RETURN NEW;
END
$$;
CREATE TRIGGER subnets_name_follows BEFORE UPDATE OF cidr ON subnets
  FOR EACH ROW WHEN (NEW.cidr <> OLD.cidr AND NEW.name = OLD.cidr::text) EXECUTE FUNCTION subnets_name_follows();
COMMENT ON COLUMN subnets.policy IS 'auto: a system with an acknowledged address gets a reservation; manual: an administrator decides';
COMMENT ON COLUMN subnets.auto_keep IS 'How long an automatic reservation outlives the last sign of its system';
COMMENT ON COLUMN subnets.auto_share IS 'The share of the range (of the subnet where it has none) that automatic reservations may take';

-- What is undone comes back in the reverse order, this before its subnet: hence deferrable.
CREATE TABLE subnet_servers (
  subnet_id bigint NOT NULL REFERENCES subnets (id) ON DELETE CASCADE DEFERRABLE,
  server text NOT NULL REFERENCES dhcp_servers (server) ON UPDATE CASCADE,
  PRIMARY KEY (subnet_id, server)
);
CREATE INDEX subnet_servers_server_idx ON subnet_servers (server);

CREATE TABLE subnet_exclusions (
  subnet_id bigint NOT NULL,
  subnet cidr NOT NULL,
  first inet NOT NULL CHECK (masklen(first) = 32),
  last inet NOT NULL CHECK (masklen(last) = 32),
  PRIMARY KEY (subnet_id, first),
  FOREIGN KEY (subnet_id, subnet) REFERENCES subnets (id, cidr) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE,
  CONSTRAINT subnet_exclusions_inside_check CHECK (first <= last AND first << subnet AND last << subnet)
);
COMMENT ON TABLE subnet_exclusions IS 'Addresses that are never given out as the next free one';

-- Reservations ------------------------------------------------------------------------------------------------------

CREATE TABLE reservations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subnet_id bigint NOT NULL,
  subnet cidr NOT NULL,
  domain text NOT NULL,
  mac macaddr NOT NULL,
  address inet,
  name text,
  ignore boolean NOT NULL DEFAULT false,
  also_of bigint,
  lease_time interval CHECK (lease_time >= interval '2 minutes'),
  enabled boolean NOT NULL DEFAULT true,
  source text NOT NULL DEFAULT 'administrator' CHECK (source IN ('administrator', 'auto', 'import')),
  observed_at timestamptz,
  comment text CHECK (is_plain_text(comment)),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT reservations_subnet_fkey FOREIGN KEY (subnet_id, subnet) REFERENCES subnets (id, cidr) ON UPDATE CASCADE,
  CONSTRAINT reservations_domain_fkey FOREIGN KEY (subnet_id, domain) REFERENCES subnets (id, domain) ON UPDATE CASCADE,
  CONSTRAINT reservations_id_subnet_key UNIQUE (id, subnet_id),
  CONSTRAINT reservations_also_of_fkey FOREIGN KEY (also_of, subnet_id) REFERENCES reservations (id, subnet_id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT reservations_also_of_check CHECK (also_of IS NULL OR (also_of <> id AND NOT ignore)),
  CONSTRAINT reservations_mac_check CHECK (mac <> '00:00:00:00:00:00' AND mac & '01:00:00:00:00:00' = '00:00:00:00:00:00'),
  CONSTRAINT reservations_subnet_mac_key UNIQUE (subnet_id, mac),
  -- A name belongs to one system of a domain, which may have it in several subnets, or to the interfaces of one machine. The hash says nothing that the name
  -- does not, but a GiST index that begins with it takes a row in a fraction of the time. Expressions all of them, because
  -- the planner would take this index for the cheapest way to a plain column, which the B-trees are.
  CONSTRAINT reservations_domain_name_excl EXCLUDE USING gist (
    hashtextextended(name, 0) WITH =, (name || '') WITH =, (domain || '') WITH =, (mac | '00:00:00:00:00:00') WITH <>,
    coalesce(also_of, id) WITH <>
  ) DEFERRABLE,
  CONSTRAINT reservations_name_check CHECK (is_host_name(name)),
  CONSTRAINT reservations_ignore_check CHECK (ignore = (name IS NULL) AND NOT (ignore AND address IS NOT NULL)),
  CONSTRAINT reservations_observed_at_check CHECK (source <> 'auto' OR observed_at IS NOT NULL),
  CONSTRAINT reservations_address_check CHECK (
    masklen(address) = 32 AND address << subnet
    AND address <> set_masklen(network(subnet)::inet, 32) AND address <> set_masklen(broadcast(subnet), 32))
);
COMMENT ON COLUMN reservations.address IS 'NULL: a name only, the address is dynamic';
COMMENT ON COLUMN reservations.ignore IS 'dnsmasq does not answer this MAC in the subnet';
COMMENT ON COLUMN reservations.also_of IS 'Another MAC of that reservation; all but the MAC is as it is there';
COMMENT ON COLUMN reservations.observed_at IS 'auto: when its system was first seen to hold the address; the earlier claim has it';
-- One reservation for an address; the MACs that it has besides are no others.
CREATE UNIQUE INDEX reservations_address_key ON reservations (
  address, coalesce(also_of, 0), (CASE WHEN also_of IS NULL THEN '00:00:00:00:00:00'::macaddr ELSE mac END));
CREATE INDEX reservations_also_of_idx ON reservations (also_of) WHERE also_of IS NOT NULL;
CREATE INDEX reservations_mac_idx ON reservations (mac);
CREATE INDEX reservations_name_idx ON reservations (name);

CREATE TRIGGER reservations_a_writer_lock BEFORE INSERT OR UPDATE OR DELETE ON reservations
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();
CREATE TRIGGER subnets_writer_lock BEFORE UPDATE OR DELETE ON subnets
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();
CREATE TRIGGER subnet_servers_writer_lock BEFORE INSERT OR UPDATE OR DELETE ON subnet_servers
  FOR EACH STATEMENT EXECUTE FUNCTION take_writer_lock_trigger();

-- What a system's name is a form of, where it ends in digits of the MAC as the names of those who lost one do.
CREATE FUNCTION name_without_digits(name text, mac macaddr) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN right(name, 7) = '-' || right(replace(mac::text, ':', ''), 6) THEN left(name, -7)
  WHEN right(name, 13) = '-' || replace(mac::text, ':', '') THEN left(name, -13)
END;

-- What a system is called that loses its name: the forms of the registry's `names/candidates.ts`, in its order. Clients may
-- have taken any of them but the one with all twelve digits, and administrators that one too.
CREATE FUNCTION name_instead(lost text, mac macaddr) RETURNS text
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  digits text := replace(mac::text, ':', '');
  base text := coalesce(name_without_digits(lost, mac), lost);
  form text := left(base, 56) || '-' || right(digits, 6);
  attempt int := 0;
BEGIN
  WHILE form = lost
    OR EXISTS (SELECT FROM reservations r WHERE r.name = form AND r.mac <> name_instead.mac)
    OR EXISTS (SELECT FROM systems y WHERE y.name = form AND y.mac <> name_instead.mac)
  LOOP
    attempt := attempt + 1;
    form := CASE attempt WHEN 1 THEN left(base, 50) || '-' || digits ELSE 'host-' || digits || '-' || attempt END;
  END LOOP;
  RETURN form;
END
$$;

-- An administrator says MAC, address and name; the subnet follows from the address (without one it is to be said).
-- Automatic reservations give way: one that has the name gets another, one that has the address or the MAC ends. One that
-- is edited is automatic no more. Plans are kept, and those made for an empty table would be ruinous for a full one.
CREATE FUNCTION reservations_complete() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  by_hand boolean := is_by_hand() AND pg_trigger_depth() = 1;
  gateway inet;
BEGIN
  IF NEW.also_of IS NOT NULL THEN
    SELECT r.subnet_id, r.subnet, r.domain, r.address, r.name, r.lease_time, r.enabled, r.source, r.observed_at, r.comment
    INTO NEW.subnet_id, NEW.subnet, NEW.domain, NEW.address, NEW.name, NEW.lease_time, NEW.enabled, NEW.source,
      NEW.observed_at, NEW.comment
    FROM reservations r WHERE r.id = NEW.also_of AND r.also_of IS NULL AND r.source <> 'auto' AND NOT r.ignore;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no reservation of an administrator with the id %', NEW.also_of
        USING ERRCODE = 'foreign_key_violation', COLUMN = 'also_of', TABLE = 'reservations';
    END IF;
  ELSIF NEW.address IS NULL THEN
    SELECT s.cidr, s.domain INTO NEW.subnet, NEW.domain FROM subnets s WHERE s.id = NEW.subnet_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'a reservation without an address needs a subnet'
        USING ERRCODE = 'check_violation', COLUMN = 'subnet_id', TABLE = 'reservations';
    END IF;
  ELSIF TG_OP = 'INSERT' OR NEW.address IS DISTINCT FROM OLD.address OR NEW.subnet_id IS DISTINCT FROM OLD.subnet_id
    OR NEW.subnet IS DISTINCT FROM OLD.subnet OR NEW.domain IS DISTINCT FROM OLD.domain
  THEN
    SELECT s.id, s.cidr, s.domain, s.gateway INTO NEW.subnet_id, NEW.subnet, NEW.domain, gateway
    FROM subnets s WHERE s.cidr >>= NEW.address;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no subnet holds the address %', host(NEW.address)
        USING ERRCODE = 'check_violation', COLUMN = 'address', TABLE = 'reservations',
          HINT = 'Insert the subnet first.';
    END IF;
    IF NEW.address = gateway THEN
      RAISE EXCEPTION '% is the gateway of %', host(gateway), NEW.subnet
        USING ERRCODE = 'check_violation', COLUMN = 'address', TABLE = 'reservations';
    END IF;
  END IF;
  IF NEW.source = 'auto' AND NEW.observed_at IS NULL THEN NEW.observed_at := now(); END IF;
  IF TG_OP = 'UPDATE' THEN
    NEW.updated_at := now();
    IF by_hand AND OLD.source = 'auto' AND NEW.source = 'auto'
      AND coalesce(current_setting('leasehold.undoes', true), '') = ''
      AND (NEW.mac, NEW.address, NEW.name, NEW.lease_time, NEW.enabled)
        IS DISTINCT FROM (OLD.mac, OLD.address, OLD.name, OLD.lease_time, OLD.enabled)
    THEN
      NEW.source := 'administrator';
    END IF;
  END IF;
  -- Asked first: a statement that changes nothing runs the triggers of the table all the same.
  IF NEW.source <> 'auto' THEN
    IF EXISTS (SELECT FROM reservations r WHERE r.address = NEW.address AND r.source = 'auto' AND r.id <> NEW.id)
      OR EXISTS (
        SELECT FROM reservations r
        WHERE r.mac = NEW.mac AND r.subnet_id = NEW.subnet_id AND r.source = 'auto' AND r.id <> NEW.id)
    THEN
      DELETE FROM reservations r
      WHERE r.source = 'auto' AND r.id <> NEW.id
        AND (r.address = NEW.address OR (r.subnet_id = NEW.subnet_id AND r.mac = NEW.mac));
    END IF;
    IF EXISTS (
      SELECT FROM reservations r
      WHERE r.name = NEW.name AND r.domain = NEW.domain AND r.source = 'auto' AND r.mac <> NEW.mac AND r.id <> NEW.id)
    THEN
      UPDATE reservations r SET name = name_instead(r.name, r.mac)
      WHERE r.source = 'auto' AND r.mac <> NEW.mac AND r.domain = NEW.domain AND r.name = NEW.name AND r.id <> NEW.id;
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER reservations_complete BEFORE INSERT OR UPDATE ON reservations
  FOR EACH ROW EXECUTE FUNCTION reservations_complete();

CREATE FUNCTION subnets_gateway() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT FROM reservations r WHERE r.address = NEW.gateway) THEN
    RAISE EXCEPTION 'the gateway % of % is reserved', host(NEW.gateway), NEW.cidr
      USING ERRCODE = 'check_violation', COLUMN = 'gateway', TABLE = 'subnets';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER subnets_gateway BEFORE UPDATE OF gateway ON subnets
  FOR EACH ROW WHEN (NEW.gateway IS DISTINCT FROM OLD.gateway) EXECUTE FUNCTION subnets_gateway();

-- The other MACs of a reservation follow it: `reservations_complete` copies what it says.
CREATE FUNCTION reservations_follow() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_rows n JOIN reservations r ON r.also_of = n.id) THEN
    UPDATE reservations r SET also_of = r.also_of FROM new_rows n WHERE r.also_of = n.id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_a_follow AFTER UPDATE ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_follow();

-- How many automatic reservations a subnet has: counting them for every newcomer would cost more the more there are.
CREATE TABLE subnet_usage (
  subnet_id bigint PRIMARY KEY REFERENCES subnets (id) ON DELETE CASCADE,
  automatic bigint NOT NULL CHECK (automatic >= 0)
);

CREATE FUNCTION reservations_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO subnet_usage AS u (subnet_id, automatic)
    SELECT subnet_id, count(*) FROM new_rows WHERE source = 'auto' GROUP BY subnet_id
    ON CONFLICT (subnet_id) DO UPDATE SET automatic = u.automatic + excluded.automatic;
  ELSIF TG_OP = 'DELETE' THEN
    UPDATE subnet_usage u SET automatic = u.automatic - gone.n
    FROM (SELECT subnet_id, count(*) AS n FROM old_rows WHERE source = 'auto' GROUP BY subnet_id) AS gone
    WHERE u.subnet_id = gone.subnet_id;
  ELSE
    INSERT INTO subnet_usage AS u (subnet_id, automatic)
    SELECT subnet_id, 0 FROM new_rows WHERE source = 'auto' GROUP BY subnet_id
    ON CONFLICT (subnet_id) DO NOTHING;
    UPDATE subnet_usage u SET automatic = u.automatic + change.n
    FROM (
      SELECT subnet_id, sum(n) AS n FROM (
        SELECT subnet_id, 1 AS n FROM new_rows WHERE source = 'auto'
        UNION ALL SELECT subnet_id, -1 FROM old_rows WHERE source = 'auto'
      ) AS one GROUP BY subnet_id HAVING sum(n) <> 0
    ) AS change
    WHERE u.subnet_id = change.subnet_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_count_insert AFTER INSERT ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_count();
CREATE TRIGGER reservations_count_update AFTER UPDATE ON reservations
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_count();
CREATE TRIGGER reservations_count_delete AFTER DELETE ON reservations
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_count();

CREATE FUNCTION reservation_body(r reservations, fact text) RETURNS jsonb
LANGUAGE sql VOLATILE
RETURN jsonb_build_object(
  'type', fact, 'id', r.id::text, 'mac', r.mac::text, 'address', host(r.address), 'name', r.name,
  'subnet', r.subnet::text, 'source', r.source, 'enabled', r.enabled, 'ignore', r.ignore,
  'at', iso_timestamp(clock_timestamp()),
  'servers', coalesce(
    (SELECT jsonb_agg(s.server ORDER BY s.server) FROM subnet_servers s WHERE s.subnet_id = r.subnet_id), '[]'));

CREATE FUNCTION reservations_created() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (subject, type, body)
  SELECT 'discovery.v1.reservation.created.' || n.id, 'reservation.created', reservation_body(n, 'reservation.created')
  FROM new_rows n ORDER BY n.id;
  RETURN NULL;
END
$$;
-- The plan is kept, and one made for the change of a row would compare each of ten thousand with all others; who writes for events
-- turns hash joins off.
CREATE FUNCTION reservations_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_nestloop = off SET enable_hashjoin = on AS $$
BEGIN
  INSERT INTO outbox (subject, type, body)
  SELECT 'discovery.v1.reservation.changed.' || n.id, 'reservation.changed',
    reservation_body(n, 'reservation.changed') || jsonb_build_object('previous', jsonb_build_object(
      'mac', o.mac::text, 'address', host(o.address), 'name', o.name, 'enabled', o.enabled, 'ignore', o.ignore))
  FROM new_rows n JOIN old_rows o USING (id)
  WHERE (n.mac, n.address, n.name, n.enabled, n.ignore, n.lease_time, n.source, n.subnet)
    IS DISTINCT FROM (o.mac, o.address, o.name, o.enabled, o.ignore, o.lease_time, o.source, o.subnet)
  ORDER BY n.id;
  RETURN NULL;
END
$$;
CREATE FUNCTION reservations_removed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (subject, type, body)
  SELECT 'discovery.v1.reservation.removed.' || o.id, 'reservation.removed', reservation_body(o, 'reservation.removed')
  FROM old_rows o ORDER BY o.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_created AFTER INSERT ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_created();
CREATE TRIGGER reservations_changed AFTER UPDATE ON reservations
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_changed();
CREATE TRIGGER reservations_removed AFTER DELETE ON reservations
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_removed();

-- What the files show -----------------------------------------------------------------------------------------------

-- Once for each server in a transaction, however many of its statements call for it: readers see all of them, or none.
CREATE FUNCTION want_new_generation(servers text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  raised text[] := string_to_array(coalesce(current_setting('leasehold.raised', true), ''), ' ');
  fresh text[] := ARRAY(SELECT DISTINCT server FROM unnest(servers) AS server WHERE server <> ALL (raised) ORDER BY server);
BEGIN
  IF cardinality(fresh) = 0 THEN RETURN; END IF;
  UPDATE dhcp_servers SET wanted_generation = wanted_generation + 1,
    wanted_since = CASE WHEN applied_generation = wanted_generation THEN now() ELSE wanted_since END
  WHERE server = ANY (fresh);
  PERFORM pg_notify('render', server) FROM unnest(fresh) AS server;
  PERFORM set_config('leasehold.raised', array_to_string(raised || fresh, ' '), true);
END
$$;

-- A file shows the enabled reservations of the subnets assigned to its server, and the MACs that are blocked.
CREATE FUNCTION reservations_render() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  concerned bigint[];
  servers text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    concerned := ARRAY(SELECT DISTINCT subnet_id FROM new_rows WHERE enabled);
  ELSIF TG_OP = 'DELETE' THEN
    concerned := ARRAY(SELECT DISTINCT subnet_id FROM old_rows WHERE enabled);
  ELSE
    concerned := ARRAY(
      SELECT DISTINCT changed.subnet_id FROM (
        SELECT o.id, o.subnet_id, o.mac, o.address, o.name, o.ignore, o.also_of, o.lease_time FROM old_rows o WHERE o.enabled
        EXCEPT SELECT n.id, n.subnet_id, n.mac, n.address, n.name, n.ignore, n.also_of, n.lease_time FROM new_rows n WHERE n.enabled
        UNION
        (SELECT n.id, n.subnet_id, n.mac, n.address, n.name, n.ignore, n.also_of, n.lease_time FROM new_rows n WHERE n.enabled
         EXCEPT SELECT o.id, o.subnet_id, o.mac, o.address, o.name, o.ignore, o.also_of, o.lease_time FROM old_rows o WHERE o.enabled)
      ) AS changed);
  END IF;
  servers := ARRAY(SELECT DISTINCT server FROM subnet_servers WHERE subnet_id = ANY (concerned));
  IF cardinality(servers) > 0 THEN PERFORM want_new_generation(servers); END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_render_insert AFTER INSERT ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_render();
CREATE TRIGGER reservations_render_update AFTER UPDATE ON reservations
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_render();
CREATE TRIGGER reservations_render_delete AFTER DELETE ON reservations
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_render();

-- A subnet's lease time is that of its reservations that have none of their own.
CREATE FUNCTION subnets_render() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  servers text[] := ARRAY(
    SELECT DISTINCT s.server
    FROM new_rows n JOIN old_rows o USING (id) JOIN subnet_servers s ON s.subnet_id = n.id
    WHERE n.lease_time IS DISTINCT FROM o.lease_time
      AND EXISTS (SELECT FROM reservations r WHERE r.subnet_id = n.id AND r.enabled AND r.lease_time IS NULL));
BEGIN
  IF cardinality(servers) > 0 THEN PERFORM want_new_generation(servers); END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER subnets_render AFTER UPDATE ON subnets
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subnets_render();

CREATE FUNCTION subnet_servers_render() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  servers text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    servers := ARRAY(SELECT DISTINCT n.server FROM new_rows n
      WHERE EXISTS (SELECT FROM reservations r WHERE r.subnet_id = n.subnet_id AND r.enabled));
  ELSIF TG_OP = 'DELETE' THEN
    servers := ARRAY(SELECT DISTINCT o.server FROM old_rows o
      WHERE EXISTS (SELECT FROM reservations r WHERE r.subnet_id = o.subnet_id AND r.enabled));
  ELSE
    servers := ARRAY(
      SELECT DISTINCT changed.server
      FROM ((TABLE old_rows EXCEPT TABLE new_rows) UNION (TABLE new_rows EXCEPT TABLE old_rows)) AS changed
      WHERE EXISTS (SELECT FROM reservations r WHERE r.subnet_id = changed.subnet_id AND r.enabled));
  END IF;
  IF cardinality(servers) > 0 THEN PERFORM want_new_generation(servers); END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER subnet_servers_render_insert AFTER INSERT ON subnet_servers
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subnet_servers_render();
CREATE TRIGGER subnet_servers_render_update AFTER UPDATE ON subnet_servers
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subnet_servers_render();
CREATE TRIGGER subnet_servers_render_delete AFTER DELETE ON subnet_servers
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION subnet_servers_render();

-- What was observed -------------------------------------------------------------------------------------------------

-- A `…_stamp` is the event that said so last, as "time id": its byte order is the order of events.
CREATE TABLE systems (
  mac macaddr PRIMARY KEY,
  name text NOT NULL,
  name_source text NOT NULL CHECK (name_source IN ('administrator', 'reservation', 'client', 'generated')),
  state text NOT NULL DEFAULT 'known' CHECK (state IN ('known', 'ignored', 'blocked')),
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  -- What it holds now, and the event that said so last.
  address inet,
  address_server text,
  address_stamp text COLLATE "C",
  -- Where it was heard last.
  server text NOT NULL,
  server_stamp text COLLATE "C" NOT NULL,
  interface text,
  interface_stamp text COLLATE "C",
  -- What it calls itself: client_name is what follows from the three below it.
  client_name text,
  first_name text,
  first_name_stamp text COLLATE "C",
  said_name text,
  said_name_stamp text COLLATE "C",
  suffixed_name text,
  suffixed_name_stamp text COLLATE "C",
  vendor_class text,
  vendor_class_stamp text COLLATE "C",
  user_class text,
  user_class_stamp text COLLATE "C",
  -- The first address that it was seen to hold: the naming policy of its subnet is the system's.
  first_address inet,
  first_address_stamp text COLLATE "C",
  vendor text,
  reserved inet[] NOT NULL DEFAULT '{}',
  CONSTRAINT systems_name_key UNIQUE (name) DEFERRABLE,
  CONSTRAINT systems_name_check CHECK (
    is_host_name(name) AND (name_source IN ('administrator', 'reservation') OR NOT is_service_name(name)))
) WITH (fillfactor = 70);
COMMENT ON COLUMN systems.reserved IS 'The addresses of its reservations, kept by triggers: a renewal then needs no look at them';
COMMENT ON COLUMN systems.first_name IS 'The first name of the client that can be a host name: its system is called so';
COMMENT ON COLUMN systems.said_name IS 'The last name of the client; a stamp with "~" is the client''s own word, the others are read from dnsmasq''s answers';
COMMENT ON COLUMN systems.suffixed_name IS 'The last name with the MAC''s digits: the client''s, or one of ours that dnsmasq repeats';
COMMENT ON COLUMN systems.vendor IS 'Who the first octets of the MAC are assigned to';
COMMENT ON TABLE systems IS 'Every machine that was seen, by its MAC';

CREATE INDEX systems_address_idx ON systems (address) WHERE address IS NOT NULL;
CREATE INDEX systems_blocked_idx ON systems (mac) WHERE state = 'blocked';

-- No server answers a system that is blocked: every file shows it. Events do not touch the state, and cost nothing here.
CREATE FUNCTION systems_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (subject, type, body)
  VALUES ('discovery.v1.system.state-changed.' || NEW.mac, 'system.state-changed', jsonb_build_object(
    'type', 'system.state-changed', 'mac', NEW.mac::text, 'name', NEW.name, 'nameSource', NEW.name_source,
    'address', host(NEW.address), 'server', NEW.server, 'state', NEW.state, 'previous', OLD.state,
    'at', iso_timestamp(clock_timestamp())));
  IF 'blocked' IN (NEW.state, OLD.state) THEN
    PERFORM want_new_generation(ARRAY(SELECT server FROM dhcp_servers));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER systems_state AFTER UPDATE OF state ON systems
  FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION systems_state();

CREATE FUNCTION systems_blocked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM want_new_generation(ARRAY(SELECT server FROM dhcp_servers));
  RETURN NULL;
END
$$;
CREATE TRIGGER systems_blocked_insert AFTER INSERT ON systems
  FOR EACH ROW WHEN (NEW.state = 'blocked') EXECUTE FUNCTION systems_blocked();
CREATE TRIGGER systems_blocked_delete AFTER DELETE ON systems
  FOR EACH ROW WHEN (OLD.state = 'blocked') EXECUTE FUNCTION systems_blocked();

CREATE TABLE sightings (
  server text NOT NULL,
  address inet NOT NULL,
  at timestamptz NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  mac macaddr NOT NULL,
  held boolean NOT NULL,
  kind text NOT NULL,
  provenance jsonb,
  PRIMARY KEY (server, address, at, event_id)
);
COMMENT ON TABLE sightings IS 'The evidence: who held an address (held), or no longer does, according to one event';
CREATE INDEX sightings_at_idx ON sightings USING brin (at);

CREATE TABLE address_history (
  server text NOT NULL,
  address inet NOT NULL,
  mac macaddr NOT NULL,
  during tstzrange NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during)),
  -- A hash first and nothing but expressions, for the reasons that `reservations` gives.
  CONSTRAINT address_history_holder_excl EXCLUDE USING gist (
    hashtextextended(host(address), 0) WITH =, (address + 0) WITH =, (server || '') WITH =, during WITH &&
  )
);
COMMENT ON TABLE address_history IS 'Who held an address when: one holder at a time, as the sightings in their order say';
CREATE UNIQUE INDEX address_history_until_key
  ON address_history (server, address, coalesce(upper(during), 'infinity'::timestamptz));
CREATE INDEX address_history_mac_idx ON address_history (mac);

CREATE TABLE gaps (
  event_id text PRIMARY KEY,
  server text NOT NULL,
  at timestamptz NOT NULL,
  reason text NOT NULL,
  lost bigint,
  since timestamptz,
  provenance jsonb
);
COMMENT ON TABLE gaps IS 'Stretches of events that are known to be lost';

-- Names that an administrator gave a MAC, now or earlier: dnsmasq repeats them in its log, and they are not the client''s.
CREATE TABLE given_names (
  mac macaddr NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (mac, name)
);
-- MACs whose system''s name has to be looked at again, because a reservation changed by another hand.
CREATE TABLE pending_names (
  mac macaddr PRIMARY KEY
);

CREATE FUNCTION reservations_names() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO given_names (mac, name)
    SELECT mac, name FROM new_rows WHERE source <> 'auto' AND name IS NOT NULL ON CONFLICT DO NOTHING;
  END IF;
  IF is_by_hand() THEN
    IF TG_OP <> 'DELETE' THEN
      INSERT INTO pending_names (mac) SELECT mac FROM new_rows ON CONFLICT DO NOTHING;
    END IF;
    IF TG_OP <> 'INSERT' THEN
      INSERT INTO pending_names (mac) SELECT mac FROM old_rows ON CONFLICT DO NOTHING;
    END IF;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_names_insert AFTER INSERT ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_names();
CREATE TRIGGER reservations_names_update AFTER UPDATE ON reservations
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_names();
CREATE TRIGGER reservations_names_delete AFTER DELETE ON reservations
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_names();

-- A system knows the addresses that are reserved for it.
CREATE FUNCTION reservations_systems() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  macs macaddr[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    macs := ARRAY(SELECT DISTINCT mac FROM new_rows);
  ELSIF TG_OP = 'DELETE' THEN
    macs := ARRAY(SELECT DISTINCT mac FROM old_rows);
  ELSE
    macs := ARRAY(
      SELECT changed.mac FROM (
        (SELECT id, mac, address FROM old_rows EXCEPT SELECT id, mac, address FROM new_rows)
        UNION (SELECT id, mac, address FROM new_rows EXCEPT SELECT id, mac, address FROM old_rows)
      ) AS changed);
  END IF;
  UPDATE systems s SET reserved = k.addresses
  FROM (
    SELECT m.mac, ARRAY(
      SELECT r.address FROM reservations r WHERE r.mac = m.mac AND r.address IS NOT NULL ORDER BY r.address) AS addresses
    FROM (SELECT DISTINCT unnest(macs) AS mac) AS m
  ) AS k
  WHERE s.mac = k.mac AND s.reserved <> k.addresses;
  RETURN NULL;
END
$$;
CREATE TRIGGER reservations_systems_insert AFTER INSERT ON reservations
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_systems();
CREATE TRIGGER reservations_systems_update AFTER UPDATE ON reservations
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_systems();
CREATE TRIGGER reservations_systems_delete AFTER DELETE ON reservations
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reservations_systems();
