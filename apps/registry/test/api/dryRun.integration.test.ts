/**
 * Every method that changes something can be tried: the trial changes no row, sends no notification and no message, and is answered as
 * the call itself then is. Which methods there are is read from the definition, so that none is forgotten.
 */
import { eventually } from "@leasehold/devstack/test"
import { jetstreamManager } from "@nats-io/jetstream"
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { neededScope } from "../../src/api/access/methodScopes.ts"
import type { Message } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

let served: ServedRegistry
let listener: pg.Client
const notifications: Array<string> = []
beforeAll(async () => {
  served = await serveRegistry()
  listener = new pg.Client(served.database.url)
  listener.on("notification", ({ channel, payload = "" }) => notifications.push(`${channel} ${payload}`))
  await listener.connect()
  for (const channel of ["outbox", "render", "policies", "monitoring", "done"])
    await listener.query(`LISTEN ${channel}`)
})
afterAll(async () => {
  await listener?.end()
  await served?.stop()
})

const methods = [WatcherService, IpamService, PolicyService, ServerService, AccessService].flatMap(({ methods }) =>
  methods
)
/** Whoever may only read may call every other, but one. */
const changing = methods.filter((method) => neededScope(method) !== "read" && method.name !== "ListTokens")

/** Every row of every table. */
const rows = async (): Promise<ReadonlyArray<string>> => {
  const tables = await served.database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
  )
  assert.isAbove(tables.length, 20)
  const all = await Promise.all(
    tables.map(({ name }) =>
      served.database.query<{ row: string }>(`SELECT '${name} ' || to_jsonb(t)::text AS row FROM ${name} t ORDER BY 1`)
    )
  )
  return all.flat().map(({ row }) => row)
}

/** What is in the streams; not in the buckets, which follow the rows when they come to it. */
const messages = async (): Promise<ReadonlyArray<string>> => {
  const manager = await jetstreamManager(served.bus.connection)
  const streams = await manager.streams.list().next()
  const told = streams.flatMap(({ config: { name }, state }) =>
    name.startsWith("KV_") ? [] : `${name} ${state.last_seq}`
  )
  assert.lengthOf(told, 3)
  return told.toSorted()
}

/** Nothing is on its way any more that was begun before. */
const quiet = () =>
  eventually("everything is settled", async () => {
    const [row] = await served.database.query<{ left: string }>(
      "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM pending_names) AS left"
    )
    return row?.left === "0" ? true : undefined
  })

/** What was notified until now. */
const notified = async (): Promise<ReadonlyArray<string>> => {
  const before = notifications.length
  await listener.query("NOTIFY done")
  await eventually(
    "the last notification is there",
    async () => notifications.slice(before).includes("done ") ? true : undefined
  )
  return notifications.splice(0).filter((one) => one !== "done ")
}

const untold = new Set(["id", "change", "reservationId", "secret"])
const isTime = (key: string) => key === "at" || /(?:At|Seen|Until)$/u.test(key)

/** An answer without what only a change that was made has: its number, identifiers, times, and what is told of trials alone. */
const comparable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): ReadonlyArray<readonly [string, unknown]> =>
      isTime(key) || key === "differences" || (untold.has(key) && typeof inner !== "object")
        ? []
        : [[key, comparable(inner)]]
    )
  )
}

interface Case {
  readonly request: () => object | Promise<object>
  /** Must be refused, by the trial in the same words. */
  readonly refused: object
}
const mac = (number: number) => `00:16:3e:00:07:0${number}`
const lastChange = async () =>
  Reflect.get(Object((await call("IpamService/ListChanges", { pageSize: 1 }))["changes"])[0], "id")

/** In an order in which each finds what it changes. */
const cases: Readonly<Record<string, Case>> = {
  RegisterSystem: {
    request: () => ({ mac: mac(1), server: "lab", address: "10.0.0.7", clientName: "NAS" }),
    refused: { mac: mac(1), server: "Lab" }
  },
  UpdateSystem: {
    request: () => ({ mac: mac(1), name: "files", state: "SYSTEM_STATE_IGNORED" }),
    refused: { mac: mac(9), name: "files" }
  },
  ApproveSystem: {
    request: () => ({ mac: mac(1), name: "store" }),
    refused: { mac: mac(9) }
  },
  ConfigureWatcher: {
    request: () => ({ configuration: { server: "lab", logFiles: ["/var/log/dnsmasq.log"] } }),
    refused: { configuration: { server: "lab", logFiles: ["dnsmasq.log"] } }
  },
  CreateSubnet: {
    request: () => ({ subnet: { cidr: "10.9.0.0/24", name: "attic", servers: ["lab"], gateway: "10.9.0.1" } }),
    refused: { subnet: { cidr: "10.0.0.0/16" } }
  },
  UpdateSubnet: {
    request: () => ({ key: "attic", subnet: { domain: "attic.lan" }, updateMask: { paths: ["domain"] } }),
    refused: { key: "cellar", subnet: { domain: "x" }, updateMask: { paths: ["domain"] } }
  },
  NextFreeAddress: { request: () => ({ subnet: "attic" }), refused: { subnet: "cellar" } },
  CreateReservation: {
    request: () => ({ reservation: { macs: [mac(2)], address: "next", subnet: "attic" } }),
    refused: { reservation: { macs: [mac(3)], address: "10.0.0.7" } }
  },
  UpdateReservation: {
    request: () => ({ key: mac(2), reservation: { name: "scanner" }, updateMask: { paths: ["name"] } }),
    refused: { key: mac(3), reservation: { name: "scanner" }, updateMask: { paths: ["name"] } }
  },
  ImportReservations: {
    request: () => ({ reservations: [{ macs: [mac(4)], address: "10.9.0.40", name: "tv", enabled: true }] }),
    refused: { reservations: [] }
  },
  DeleteReservation: { request: () => ({ key: "scanner" }), refused: { key: "copier" } },
  UndoChange: { request: async () => ({ id: await lastChange() }), refused: { id: "999999" } },
  DeleteSubnet: { request: () => ({ key: "attic", withReservations: true }), refused: { key: "attic" } },
  UpdatePolicy: {
    request: async () => {
      await call("WatcherService/RegisterSystem", {
        mac: mac(5),
        server: "lab",
        address: "10.0.0.8",
        clientName: "radio"
      })
      await quiet()
      return {
        policy: { subnet: "10.0.0.0/24", pattern: "dev-{seq}", clientNames: false },
        updateMask: { paths: ["pattern", "client_names"] },
        apply: true
      }
    },
    refused: { policy: { pattern: "{nonsense}" }, updateMask: { paths: ["pattern"] } }
  },
  DeletePolicy: { request: () => ({ subnet: "10.0.0.0/24" }), refused: { subnet: "10.1.0.0/24" } },
  CreateToken: {
    request: () => ({ name: "script", scope: "SCOPE_READ" }),
    refused: { name: "-", scope: "SCOPE_READ" }
  },
  RevokeToken: { request: () => ({ key: "script" }), refused: { key: "nobody" } }
}

const pathOf = (name: string) => {
  const method = methods.find((method) => method.name === name)
  return `${method?.parent.name}/${name}`
}
const requestOf = (name: string, request: object) => name === "ImportReservations" ? [request] : request
const call = (method: string, request: object): Promise<Message> => served.client.call(method, request)

describe("a dry run", () => {
  it("is there for every method that changes something, and for no other", () => {
    const tried = methods.filter(({ input }) => input.fields.some(({ name }) => name === "dry_run"))
    assert.deepStrictEqual(tried.map(({ name }) => name).toSorted(), changing.map(({ name }) => name).toSorted())
    assert.deepStrictEqual(Object.keys(cases).toSorted(), changing.map(({ name }) => name).toSorted())
  })

  for (const [name, { refused, request }] of Object.entries(cases)) {
    it(`of ${name} changes nothing, and says what the call then says`, async () => {
      const path = pathOf(name)
      const given = await request()
      await quiet()
      const before = { rows: await rows(), messages: await messages() }
      await notified()
      const tried = await call(path, requestOf(name, { ...given, dryRun: true }))
      assert.deepStrictEqual(await notified(), [])
      assert.deepStrictEqual({ rows: await rows(), messages: await messages() }, before)
      if ("change" in tried && typeof tried["change"] === "string") assert.strictEqual(tried["change"], "0")

      const refusals = [
        await served.client.fail(path, requestOf(name, { ...refused, dryRun: true })),
        await served.client.fail(path, requestOf(name, refused))
      ]
      assert.strictEqual(refusals[0]?.message, refusals[1]?.message)
      assert.deepStrictEqual(await rows(), before.rows)

      const answer = await call(path, requestOf(name, given))
      assert.deepStrictEqual(comparable(tried), comparable(answer))
      assert.notDeepEqual(await rows(), before.rows)
    })
  }

  it("of a token tells no secret", async () => {
    const { secret, token } = await call("AccessService/CreateToken", { name: "t", scope: "SCOPE_READ", dryRun: true })
    assert.strictEqual(secret, "")
    assert.deepInclude(Object(token), { id: "0", name: "t" })
  })
})
