import { formatDhcpHost } from "@leasehold/dnsmasq"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { confIn, hostsIn } from "./configured.ts"
import { dnsmasqTakes, linesOf, reservationsOf } from "./rendered.ts"
import { type TestDatabase, testDatabase } from "./testDatabase.ts"

const macOf = (number: number) =>
  [2, 0, 0, number >> 16, number >> 8, number].map((octet) => (octet & 255).toString(16).padStart(2, "0")).join(":")

/** Names and lease times that have hurt others, as far as the database takes them, and addresses all over the subnet. */
const names = [
  "nas",
  "a",
  "x".repeat(63),
  "0",
  "12h",
  "1w1",
  "ignore",
  "infinite",
  "ignored",
  "a-b",
  "a--b",
  "xn--x",
  "-a",
  "7",
  "0x7f",
  "1-2-3-4",
  "deadbeef",
  "set:x",
  "tag:x",
  "id:x",
  "a,b",
  "a b",
  "a#b",
  "a\nb",
  "\"a\"",
  "A",
  "ä",
  "",
  "wpad",
  "infinit",
  "12hh",
  "5m",
  "9z"
]
const leaseTimes = [
  null,
  "2 minutes",
  "121 seconds",
  "1 hour",
  "90 minutes",
  "1 day",
  "2 weeks",
  "1 month",
  "68 years",
  "69 years",
  "900 years",
  "3600.6 seconds",
  "infinity"
]

/** Inserts what the database takes and returns it, in the order of the addresses. */
const fill = Effect.fnUntraced(function*(database: TestDatabase) {
  yield* database.query(`
    DO $$
    DECLARE
      name text; lease text; n int := 0;
    BEGIN
      FOREACH name IN ARRAY ${literal(names)} LOOP
        FOREACH lease IN ARRAY ${literal(leaseTimes)} LOOP
          n := n + 1;
          BEGIN
            INSERT INTO reservations (mac, address, name, lease_time, enabled) VALUES (
              ('02:00:00:00:' || to_hex(n / 256) || ':' || to_hex(n % 256))::macaddr, '10.99.0.0'::inet + (n * 7919) % 65534 + 1,
              CASE WHEN lease IS NULL THEN name ELSE left(name, 50) || '-' || n END, lease::interval, n % 5 <> 0);
          EXCEPTION WHEN check_violation THEN NULL;
          END;
        END LOOP;
      END LOOP;
    END $$`)
  return yield* database.query<{ mac: string; address: string; name: string; seconds: string | null }>(
    `SELECT mac::text AS mac, host(address) AS address, name,
       CASE WHEN extract(epoch FROM lease_time) > 2147483647 THEN 'infinite'
         ELSE extract(epoch FROM lease_time)::bigint::text END AS seconds
     FROM reservations WHERE enabled ORDER BY reservations.address`
  )
})

const literal = (values: ReadonlyArray<string | null>) =>
  `ARRAY[${values.map((value) => value === null ? "NULL" : `'${value.replaceAll("'", "''")}'`).join(", ")}]::text[]`

describe("the reservations of a server", () => {
  for (
    const [form, env] of [["conf", confIn("/x/01.conf")], ["hosts", hostsIn("/x/hosts")]] as const
  ) {
    it.live(`have one line each in mode ${form}, whatever the database accepts`, () =>
      Effect.gen(function*() {
        const database = yield* testDatabase
        const rows = yield* fill(database)
        const { content, generation, leftOut, reservations } = yield* (yield* reservationsOf(database, env)).render
        const expected = rows.map(({ address, mac, name, seconds }) =>
          Result.getOrThrow(
            formatDhcpHost({
              mac,
              ip: address,
              hostname: name,
              ...(seconds === null
                ? {}
                : { leaseTime: seconds === "infinite" ? seconds : { seconds: Number(seconds) } })
            }, form)
          )
        )
        assert.isAbove(rows.length, 100)
        assert.deepStrictEqual(linesOf(content), [...expected, ""])
        assert.deepStrictEqual({ leftOut, reservations }, { leftOut: [], reservations: rows.length })
        assert.strictEqual(generation.toString(), (yield* database.row).wanted_generation)
        dnsmasqTakes(content)
      }))
  }

  it.live("change no other line when one changes", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* fill(database)
      const { render } = yield* reservationsOf(database)
      const before = linesOf((yield* render).content)
      yield* database.query("UPDATE reservations SET name = 'renamed' WHERE name = 'nas'")
      const after = linesOf((yield* render).content)
      const changed = after.filter((line, at) => line !== before[at])
      assert.strictEqual(after.length, before.length)
      assert.strictEqual(changed.length, 1)
      assert.match(changed[0] ?? "", /,renamed$/u)
    }))

  it.live("get their subnet's lease time when they have none", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.reserve("02:00:00:00:00:01", "10.99.0.1", "nas")
      yield* database.query("UPDATE subnets SET lease_time = '12 hours'")
      const { content } = yield* (yield* reservationsOf(database)).render
      assert.deepStrictEqual(linesOf(content), ["dhcp-host=02:00:00:00:00:01,10.99.0.1,nas,12h", ""])
    }))

  it.live("are those of its own subnets, in the order of their addresses", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.query(`
        INSERT INTO dhcp_servers (server) VALUES ('other');
        INSERT INTO subnets (cidr, name) VALUES ('10.9.0.0/24', 'nine'), ('10.100.0.0/24', 'hundred'), ('10.50.0.0/24', 'fifty');
        INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets WHERE name IN ('nine', 'hundred');
        INSERT INTO subnet_servers SELECT id, 'other' FROM subnets WHERE name IN ('fifty', 'nine');
        INSERT INTO reservations (mac, address, name) VALUES
          ('02:00:00:00:00:01', '10.100.0.5', 'h'), ('02:00:00:00:00:01', '10.50.0.5', 'f'), ('02:00:00:00:00:01', '10.9.0.5', 'n'),
          ('02:00:00:00:00:01', '10.99.0.5', 'l'), ('02:00:00:00:00:02', '10.9.0.10', 'm');`)
      const { content } = yield* (yield* reservationsOf(database)).render
      assert.deepStrictEqual(linesOf(content).map((line) => line.split(",")[1]), [
        "10.9.0.5",
        "10.9.0.10",
        "10.99.0.5",
        "10.100.0.5",
        undefined
      ])
    }))

  it.live("come in pieces and are whole", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      const count = 1_234
      yield* database.query(`INSERT INTO reservations (mac, address, name)
        SELECT ('02:00:00:00:' || to_hex(i / 256) || ':' || to_hex(i % 256))::macaddr, '10.99.0.0'::inet + i, 'host-' || i
        FROM generate_series(1, ${count}) AS i`)
      const { content, reservations } = yield* (yield* reservationsOf(database)).render
      assert.strictEqual(reservations, count)
      assert.deepStrictEqual(
        linesOf(content),
        [
          ...Array.from({ length: count }, (_, at) => {
            const number = at + 1
            return `dhcp-host=${macOf(number).toUpperCase()},10.99.${number >> 8}.${number & 255},host-${number}`
          }),
          ""
        ]
      )
    }))
})

describe("a reservation that the database should not have taken", () => {
  it.live("is left out and reported, and the others are written", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.query(`
        ALTER TABLE reservations DROP CONSTRAINT reservations_name_check, DROP CONSTRAINT reservations_address_check,
          DROP CONSTRAINT reservations_subnet_mac_key;
        DROP INDEX reservations_address_key;
        INSERT INTO reservations (mac, address, name) VALUES
          ('02:00:00:00:00:01', '10.99.0.1', 'good'),
          ('02:00:00:00:00:02', '10.99.0.2', E'x\\n02:00:00:00:00:66,10.99.0.66,evil'),
          ('02:00:00:00:00:03', '10.99.0.3', 'ignore'),
          ('02:00:00:00:00:04', '10.99.0.4', U&'n\\0161s'),
          ('02:00:00:00:00:05', '10.99.0.1', 'same-address'),
          ('02:00:00:00:00:01', '10.99.0.6', 'same-mac'),
          ('02:00:00:00:00:07', '10.99.255.255', 'broadcast'),
          ('02:00:00:00:00:08', '10.99.0.8', 'good-too');`)
      const { content, leftOut, reservations } = yield* (yield* reservationsOf(database)).render
      assert.deepStrictEqual(linesOf(content), [
        "dhcp-host=02:00:00:00:00:01,10.99.0.1,good",
        "dhcp-host=02:00:00:00:00:08,10.99.0.8,good-too",
        ""
      ])
      assert.strictEqual(reservations, 2)
      assert.strictEqual(leftOut.length, 6)
      assert.deepStrictEqual(leftOut.map(({ rule }) => rule.split(/[:,] | has /u)[0]), [
        "its address",
        "hostname",
        "hostname",
        "hostname",
        "its MAC",
        "its address is no host address of its subnet"
      ])
    }))
})
