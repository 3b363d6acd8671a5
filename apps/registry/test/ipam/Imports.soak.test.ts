/** An import of ten thousand hosts, and one rename after it: what that comes to for renderers, the bus and the log. */
import { ImportMode } from "@leasehold/registry-api"
import pg from "pg"
import { assert, it } from "vitest"
import { macOf, servedIpam } from "./ServedIpam.ts"

const count = 10_000

it(
  "imports ten thousand hosts as one change, one generation and one notification, and renames one as such",
  async () => {
    const served = await servedIpam()
    const listener = new pg.Client({ connectionString: served.database.url })
    await listener.connect()
    const heard: Array<string> = []
    listener.on("notification", ({ channel, payload }) => heard.push(`${channel} ${payload ?? ""}`.trim()))
    await listener.query("LISTEN render")
    await listener.query("LISTEN outbox")
    await served.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/16", servers: ["lab", "annex"] } })
    await served.database.query("TRUNCATE change_log, outbox")

    /** What a call comes to: who was notified, the generations, how much was logged and announced, and how long it took. */
    const outcome = async (call: () => Promise<unknown>) => {
      await listener.query("SELECT 1")
      heard.length = 0
      const start = performance.now()
      await call()
      const seconds = (performance.now() - start) / 1000
      await listener.query("SELECT 1")
      const [row] = await served.database.query<
        { generations: string; changes: number; logged: number; facts: number }
      >(`
      SELECT (SELECT string_agg(server || ' ' || wanted_generation, ', ' ORDER BY server) FROM dhcp_servers) AS generations,
        (SELECT count(DISTINCT change)::int FROM change_log) AS changes, (SELECT count(*)::int FROM change_log) AS logged,
        (SELECT count(*)::int FROM outbox) AS facts`)
      process.stdout.write(`${seconds.toFixed(3)} s, ${JSON.stringify(row)}, ${heard.join(", ")}\n`)
      return { ...row, heard: heard.toSorted() }
    }
    const once = ["outbox", "render annex", "render lab"]

    const imported = await outcome(() =>
      served.ipam.importReservations((async function*() {
        for (let from = 0; from < count; from += 1_000) {
          yield {
            mode: ImportMode.ADD,
            reservations: Array.from({ length: 1_000 }, (_, index) => ({
              macs: [macOf(from + index)],
              address: `10.0.${1 + ((from + index) >> 8)}.${(from + index) & 255}`,
              name: `client-${from + index}`,
              enabled: true
            }))
          }
        }
      })())
    )
    assert.deepStrictEqual(imported, {
      generations: "annex 2, lab 2",
      changes: 1,
      logged: count,
      facts: count,
      heard: once
    })

    const renamed = await outcome(() =>
      served.ipam.updateReservation({
        key: "client-7",
        reservation: { name: "renamed" },
        updateMask: { paths: ["name"] }
      })
    )
    assert.deepStrictEqual(renamed, {
      generations: "annex 3, lab 3",
      changes: 2,
      logged: count + 1,
      facts: count + 1,
      heard: once
    })
    await listener.end()
    await served.close()
  },
  120_000
)
