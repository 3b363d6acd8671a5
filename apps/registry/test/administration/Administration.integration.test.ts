/** Changes that somebody decides: one transaction, under who decided it, or none at all. */
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Effect, Fiber, Layer, Schedule } from "effect"
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
import { ApiError } from "../../src/api/ApiError.ts"
import { databaseLayer, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
})
afterAll(() => database?.close())
beforeEach(() => database.query("TRUNCATE reservations, subnets, change_log CASCADE"))

const caller = { actor: "test:admin", scope: "administer" } as const
const run = <A, E>(use: Effect.Effect<A, E, Administration | Postgres>) =>
  Effect.runPromise(Effect.provide(use, Administration.layer.pipe(Layer.provideMerge(databaseLayer(database.url)))))
const change = (
  use: (client: Client) => Effect.Effect<unknown, ApiError | PostgresError>,
  dryRun = false
) => Effect.flatMap(Administration, (administration) => administration.change({ caller, action: "try", dryRun }, use))
const insert = (client: Client, cidr = "10.0.0.0/24", name = "lab") =>
  client.query("INSERT INTO subnets (cidr, name) VALUES ($1, $2)", [cidr, name])
const logged = () => database.query("SELECT DISTINCT change::text, actor, action FROM change_log")

describe("a change", () => {
  it("has one number for all that it changed, and is somebody's", async () => {
    const { change: number } = await run(
      change((client) => Effect.andThen(insert(client), insert(client, "10.1.0.0/24", "two")))
    )
    assert.deepStrictEqual(await logged(), [{ change: String(number), actor: "test:admin", action: "try" }])
  })

  it("has the number 0 where nothing changed", async () => {
    assert.strictEqual((await run(change(() => Effect.void))).change, 0n)
  })

  it("that is only tried, or refused, leaves nothing", async () => {
    assert.strictEqual((await run(change((client) => insert(client), true))).change, 0n)
    const refused = await run(
      Effect.flip(change((client) => Effect.andThen(insert(client), ApiError.refuse("not-found", "no"))))
    )
    assert.strictEqual(refused.code, "not-found")
    assert.lengthOf(await database.query("SELECT FROM subnets"), 0)
    assert.lengthOf(await logged(), 0)
  })

  for (
    const [statement, code, field] of [
      ["INSERT INTO subnets (cidr, name) VALUES ('10.0.0.128/25', 'other')", "already-exists", "subnet.cidr"],
      ["INSERT INTO subnets (cidr, name) VALUES ('10.1.0.0/24', 'lab')", "already-exists", "subnet.name"],
      [
        "INSERT INTO reservations (mac, address, name) VALUES ('52:54:00:00:00:01', '10.0.0.0', 'a')",
        "invalid-argument",
        "reservation.address"
      ],
      [
        "INSERT INTO reservations (mac, address, name) VALUES ('52:54:00:00:00:01', '10.9.0.1', 'a')",
        "invalid-argument",
        "address"
      ],
      [
        "INSERT INTO reservations (mac, address, name) VALUES ('52:54:00:00:00:01', '10.0.0.9', 'ignore')",
        "invalid-argument",
        "reservation.name"
      ],
      [
        "INSERT INTO reservations (mac, address, name) VALUES ('52:54:00:00:00:01', '10.0.0.9', 'a'), ('52:54:00:00:00:02', '10.0.0.8', 'a')",
        "already-exists",
        "reservation.name"
      ]
    ] as const
  ) {
    it(`that the database refuses says which field is wrong: ${field}, ${statement.slice(12, 40)}`, async () => {
      const refused = await run(
        Effect.flip(change((client) => Effect.andThen(insert(client), client.query(statement))))
      )
      assert.strictEqual(refused.code, code)
      assert.deepStrictEqual(refused.violations.map((violation) => violation.field), [field])
    })
  }

  it("waits for its turn, and fifty that wait leave a connection for who reads", async () => {
    const order: Array<string> = []
    const note = (what: string) => Effect.sync(() => order.push(what))
    const other = new pg.Client({ connectionString: database.url })
    await other.connect()
    await other.query("BEGIN")
    await other.query("SELECT take_writer_lock()")
    await run(Effect.gen(function*() {
      const postgres = yield* Postgres
      const changes = Array.from(
        { length: 50 },
        (_, index) =>
          change((client) => Effect.tap(insert(client, `10.${index}.0.0/24`, `n${index}`), () => note("written")))
      )
      const waiting = yield* Effect.forkChild(Effect.all(changes, { concurrency: "unbounded" }))
      yield* Effect.repeat(Effect.promise(() => other.query(waitingSql)), {
        until: ({ rowCount }) => rowCount === 2,
        schedule: Schedule.spaced("10 millis")
      })
      yield* postgres.query("SELECT")
      yield* note("read")
      yield* Effect.promise(() => other.query("COMMIT"))
      yield* Fiber.join(waiting)
    }))
    await other.end()
    assert.deepStrictEqual([order.length, order[0]], [51, "read"])
    assert.lengthOf(await logged(), 50)
  })
})

const waitingSql = `
  SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
  WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()`
