/** Names that reservations call for are given whatever stands in the way of one of them, and what does is said, once. */
import { type Nats as NatsServer, startNats } from "@leasehold/devstack"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { Nats, Postgres } from "@leasehold/runtime"
import { ConfigProvider, Effect, Layer, Logger, ManagedRuntime } from "effect"
import { afterAll, afterEach, assert, beforeAll, beforeEach, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { Relay } from "../../src/outbox/Relay.ts"
import { wakesLayer } from "../../src/outbox/Wakes.ts"
import { mac } from "../randomEvents.ts"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let nats: NatsServer
let database: RegistryDatabase
let said: Array<string> = []
let stop: () => Promise<void>
beforeAll(async () => {
  nats = await startNats()
})
afterAll(() => nats?.stop())
beforeEach(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/24', 'lab')")
  for (const number of [1, 2, 3]) {
    await database.query(
      `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp)
       VALUES ($1, $2, 'client', now(), now(), 'lab', '')`,
      [mac(number), `client-${number}`]
    )
  }
  said = []
  const runtime = ManagedRuntime.make(
    wakesLayer.pipe(
      Layer.provide(Applier.layer),
      Layer.provide(Relay.layer),
      Layer.provide(Layer.mergeAll(Postgres.layer("registry", 3), Nats.layer("registry"))),
      Layer.provide(ConfigProvider.layer(
        ConfigProvider.fromEnv({ env: { DATABASE_URL: database.url, NATS_SERVERS: nats.url } })
      )),
      Layer.provide(Logger.layer([
        Logger.make(({ logLevel, message }) => {
          const text = JSON.stringify(message)
          if (logLevel !== "Debug" && !text.includes("connect")) said.push(`${logLevel} ${text}`)
        })
      ]))
    )
  )
  await runtime.runPromise(Effect.void)
  stop = () => runtime.dispose()
})
afterEach(async () => {
  await stop?.()
  await database?.close()
})

const names = async () =>
  (await database.query<{ name: string }>("SELECT name FROM systems ORDER BY mac")).map(({ name }) => name)
const reserve = (...numbers: ReadonlyArray<number>) =>
  database.query(
    `INSERT INTO reservations (mac, address, name) SELECT k.mac, '10.0.0.0'::inet + k.n, 'host-' || k.n || 'x'
     FROM unnest($1::macaddr[], $2::int[]) AS k (mac, n)`,
    [numbers.map(mac), numbers]
  )
const isPending = () => database.query<{ mac: string }>("SELECT mac::text FROM pending_names ORDER BY mac")

it("names all but the one that the database refuses, which is told", async () => {
  await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$`)
  await database.query(`CREATE TRIGGER refuse BEFORE UPDATE OF name ON systems
    FOR EACH ROW WHEN (NEW.mac = '${mac(2)}') EXECUTE FUNCTION refuse()`)
  await reserve(1, 2, 3)
  await eventuallyHolds("nothing is left to be named", isPending, (left) => left.length === 0)
  assert.deepStrictEqual(await names(), ["host-1x", "client-2", "host-3x"])
  assert.lengthOf(said, 1)
  assert.match(said[0] ?? "", new RegExp(`^Error .*${mac(2)}.*not this one`, "u"))
  // It is looked at again when somebody has a reason to.
  await database.query("DROP TRIGGER refuse ON systems")
  await database.query("UPDATE reservations SET comment = 'again' WHERE mac = $1", [mac(2)])
  await eventuallyHolds("it is named", names, ([, second]) => second === "host-2x")
})

it("tells once that names cannot be given, and once that they are", async () => {
  await database.query("CREATE SEQUENCE tries")
  await database.query("GRANT USAGE ON SEQUENCE tries TO registry")
  // What is drawn of a sequence is not given back when the try fails.
  await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM nextval('tries');
      RAISE EXCEPTION 'not now' USING ERRCODE = 'object_not_in_prerequisite_state';
    END $$`)
  await database.query("CREATE TRIGGER refuse BEFORE UPDATE OF name ON systems FOR EACH ROW EXECUTE FUNCTION refuse()")
  await reserve(1)
  await eventuallyHolds(
    "it is tried again",
    () => database.query<{ tries: number }>("SELECT last_value::int AS tries FROM tries"),
    ([row]) => (row?.tries ?? 0) > 2
  )
  assert.deepStrictEqual(said.map((line) => line.slice(0, 30)), ["Warn [\"names that reservations"])
  assert.include(said[0], "not now")
  assert.deepStrictEqual((await isPending()).map(({ mac }) => mac), [mac(1)])
  await reserve(2)
  await database.query("DROP TRIGGER refuse ON systems")
  await eventuallyHolds("they are named", names, ([one, two]) => one === "host-1x" && two === "host-2x")
  await eventuallyHolds("it is over", () => said, ({ length }) => length > 1)
  assert.match(said[1] ?? "", /^Info .*back to normal/u)
})
