/** The DHCP servers through the API: what they have, and what their files would show. */
import { Code } from "@connectrpc/connect"
import { NodeServices } from "@effect/platform-node"
import { ApplyResult } from "@leasehold/registry-api"
import { Postgres } from "@leasehold/runtime"
import { ConfigProvider, Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { RendererConfig } from "../../../renderer/src/RendererConfig.ts"
import { Reservations as Rendering } from "../../../renderer/src/Reservations.ts"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
const sql = (text: string) => served.database.query(text)
const seen = (number: number, state: string) =>
  sql(`INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, state)
    VALUES ('${
    macOf(number)
  }', 'n${number}x', 'client', '2026-01-01T00:00:00Z', '2026-01-0${number}T00:00:00Z', 'lab', '', '${state}')`)

beforeAll(async () => {
  served = await servedIpam()
  await served.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", servers: ["lab"], leaseTime: { seconds: 3600n } } })
  await served.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/16", servers: ["lab", "annex"] } })
  const reserve = (macs: ReadonlyArray<number>, given: object) =>
    served.ipam.createReservation({ reservation: { macs: macs.map(macOf), ...given } })
  await reserve([1], { address: "10.0.0.7", name: "nas" })
  await reserve([2, 3], { address: "10.0.0.5", name: "laptop", leaseInfinite: true })
  await reserve([4], { address: "10.0.0.6", name: "thief" })
  await reserve([5], { address: "10.1.0.5", name: "pc" })
  await reserve([6], { subnet: "10.1.0.0/24", name: "phone" })
  await reserve([7], { subnet: "10.0.0.0/16", ignore: true })
  await reserve([7], { address: "10.1.0.9", name: "never" })
  await served.ipam.createReservation({
    reservation: { macs: [macOf(8)], address: "10.0.0.9", name: "off" },
    disabled: true
  })
  await seen(4, "blocked")
  await seen(3, "blocked")
  await seen(1, "known")
})
afterAll(() => served?.close())

/** The bytes of the file, by the renderer itself. */
const rendered = (server: string) =>
  Effect.runPromise(
    Effect.flatMap(Rendering, ({ render }) => render).pipe(
      Effect.provide(
        Rendering.layer.pipe(
          Layer.provide(Layer.mergeAll(Postgres.layer("renderer", 1), RendererConfig.layer)),
          Layer.provide(Layer.mergeAll(
            NodeServices.layer,
            ConfigProvider.layer(ConfigProvider.fromEnv({
              env: {
                DATABASE_URL: served.database.url,
                RENDERER_SERVER: server,
                RENDERER_FILE: "/x/01.conf",
                RENDERER_ACTIVATE: "true"
              }
            }))
          ))
        )
      )
    )
  )

const exported = async (server: string) => {
  const pages: Array<ReadonlyArray<string>> = []
  for await (const { lines } of served.servers.exportHosts({ server })) pages.push(lines)
  return pages
}

describe("a server", () => {
  it("has its generations, the last attempt, its subnets, and when it was heard last", async () => {
    await sql(
      `UPDATE dhcp_servers SET result = 'failed', attempted_generation = 7, attempted_at = '2026-01-05T00:00:00Z', error = 'why',
      applied_generation = 6, applied_hash = 'ff', applied_at = '2026-01-04T00:00:00Z', applied_reservations = 3 WHERE server = 'lab'`
    )
    const { server } = await served.servers.getServer({ server: "lab" })
    assert.deepInclude(server, {
      server: "lab",
      appliedGeneration: 6n,
      attemptedGeneration: 7n,
      appliedHash: "ff",
      appliedReservations: 3n,
      result: ApplyResult.FAILED,
      error: "why",
      subnets: ["10.0.0.0/16", "10.1.0.0/24"]
    })
    assert.strictEqual(Number(server?.lastEventAt?.seconds), Date.parse("2026-01-04T00:00:00Z") / 1000)
    assert.strictEqual(Number(server?.appliedAt?.seconds), Date.parse("2026-01-04T00:00:00Z") / 1000)
    const { servers } = await served.servers.listServers({})
    assert.deepStrictEqual(servers.map(({ result, server: name }) => [name, result]), [
      ["annex", ApplyResult.UNSPECIFIED],
      ["lab", ApplyResult.FAILED]
    ])
    assert.isUndefined(servers[0]?.lastEventAt)
    const none = await refusal(served.servers.getServer({ server: "none" }))
    assert.strictEqual(none.code, Code.NotFound)
    assert.include(none.message, "there are annex, lab")
  })

  it("exports the lines of its file: blocked systems, what has no address, and its subnets by address", async () => {
    const mac = (number: number) => macOf(number).toUpperCase()
    assert.deepStrictEqual((await exported("lab")).flat(), [
      `${mac(3)},ignore`,
      `${mac(4)},ignore`,
      `${mac(7)},ignore`,
      `${mac(6)},phone,1h`,
      `${mac(1)},10.0.0.7,nas`,
      `${mac(2)},10.0.0.5,laptop,infinite`,
      `${mac(5)},10.1.0.5,pc,1h`,
      `${mac(7)},10.1.0.9,never,1h`
    ])
    assert.notInclude((await exported("annex")).join(), "phone")
    assert.strictEqual((await refusal(exported("none"))).code, Code.NotFound)
  })

  it("exports thousands of lines in pages of at most a thousand, each line once, as the renderer does", async () => {
    await served.ipam.importReservations((async function*() {
      for (let page = 0; page < 3; page++) {
        yield {
          reservations: Array.from({ length: 1_000 }, (_, index) => ({
            macs: [macOf(1_000 + page * 1_000 + index)],
            address: `10.0.${page * 4 + 1 + (index >> 8)}.${index & 255}`,
            enabled: true
          }))
        }
      }
    })())
    const pages = await exported("annex")
    assert.isAtMost(Math.max(...pages.map((lines) => lines.length)), 1_000)
    const lines = pages.flat().filter((line) => line.includes(",host-"))
    assert.lengthOf(new Set(lines), 3_000)
    assert.lengthOf(lines, 3_000)
    for (const server of ["lab", "annex"]) {
      const file = (await rendered(server)).content.toString().split("\n").slice(1, -1)
      assert.deepStrictEqual((await exported(server)).flat().map((line) => `dhcp-host=${line}`), file)
    }
  })
})
