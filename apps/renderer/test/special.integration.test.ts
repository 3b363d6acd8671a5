import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { besideDnsmasq, startRenderer } from "./besideDnsmasq.ts"

const mac = (number: number) => `02:00:00:00:00:0${number}`
/** It asks twice. */
const impatient = ["-t2"]
const dynamic = /^10\.99\.0\.1\d\d$/u
const nothing = /ended without an address/u

for (const mode of ["conf", "hosts"] as const) {
  describeLab(`mode ${mode}`, () => {
    it.live("gives machines what their reservations say: an address with either MAC, a name alone, or no answer", () =>
      Effect.gen(function*() {
        const { client, database, env, lab } = yield* besideDnsmasq(mode)
        const { cycle } = yield* startRenderer(env)
        const obtain = (machine: { obtain(): Promise<{ readonly ip: string; readonly hostname: string }> }) =>
          Effect.promise(() => machine.obtain())
        const failure = (machine: { obtain(): Promise<{ readonly ip: string }> }) =>
          Effect.promise(() => machine.obtain().then(({ ip }) => `it got ${ip}`, String))
        const cable = yield* client("cable", mac(1))
        const radio = yield* client("radio", mac(2))
        const named = yield* client("named", mac(3))
        const ignored = yield* client("ignored", mac(4), impatient)
        const blocked = yield* client("blocked", mac(5), impatient)
        yield* database.reserve(mac(1), "10.99.0.7", "laptop")
        yield* database.reserve(mac(5), "10.99.0.9", "thief")
        yield* database.query(`
          INSERT INTO reservations (mac, also_of) SELECT '${mac(2)}', id FROM reservations WHERE name = 'laptop';
          INSERT INTO reservations (mac, subnet_id, name) SELECT '${mac(3)}', id, 'phone' FROM subnets;
          INSERT INTO reservations (mac, subnet_id, ignore) SELECT '${mac(4)}', id, true FROM subnets;
          INSERT INTO systems (mac, name, name_source, state, first_seen, last_seen, server, server_stamp)
          VALUES ('${mac(5)}', 'thief', 'reservation', 'blocked', now(), now(), 'lab', '');`)
        // The same MAC elsewhere: what holds there must not win here.
        yield* database.query(`
          WITH made AS (INSERT INTO subnets (cidr, name) VALUES ('10.50.0.0/24', 'fifty') RETURNING id),
            served AS (INSERT INTO subnet_servers SELECT id, 'lab' FROM made)
          INSERT INTO reservations (mac, subnet_id, ignore) SELECT '${mac(1)}', id, true FROM made;
          INSERT INTO reservations (mac, address, name) VALUES ('${mac(4)}', '10.50.0.4', 'elsewhere');`)
        yield* cycle
        const row = yield* database.row
        assert.deepStrictEqual([row.result, row.error, row.applied_reservations], ["applied", null, 6])
        assert.notMatch(yield* Effect.promise(() => lab.log()), / at line /u)

        const answer = yield* Effect.all({
          cable: obtain(cable),
          named: obtain(named),
          ignored: failure(ignored),
          blocked: failure(blocked)
        }, { concurrency: "unbounded" })
        assert.deepStrictEqual([answer.cable.ip, answer.cable.hostname], ["10.99.0.7", "laptop"])
        assert.match(answer.named.ip, dynamic)
        assert.strictEqual(answer.named.hostname, "phone")
        assert.match(answer.ignored, nothing)
        assert.match(answer.blocked, nothing)
        const log = yield* Effect.promise(() => lab.log())
        for (const number of [4, 5]) assert.match(log, new RegExp(`DHCPDISCOVER\\(.*\\) ${mac(number)} ignored`, "u"))
        yield* Effect.promise(() => cable.release())
        const second = yield* obtain(radio)
        assert.deepStrictEqual([second.ip, second.hostname], ["10.99.0.7", "laptop"])

        yield* database.query("UPDATE systems SET state = 'known'")
        yield* cycle
        assert.strictEqual((yield* obtain(blocked)).ip, "10.99.0.9")
      }))
  })
}
