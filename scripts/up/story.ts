/**
 * The demonstration on a real dnsmasq: clients come and go, and the reader watches one of them being discovered, named,
 * reserved, written to the file, and served its fixed address.
 */
import { type ClientLease, type Lab, type LabClient, startLab } from "@leasehold/devstack/lab"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import type { Demonstration } from "./demonstration.ts"
import type { World } from "./World.ts"

const server = "demo"
const fileName = "01-leasehold.conf"

/** Time to read a line before the next thing happens. */
const pause = 2_500

const visitors = [
  "tablet",
  "camera",
  undefined,
  "thermostat",
  "laptop",
  "tv",
  undefined,
  "scanner",
  "console",
  "phone"
] as const

const macOf = (number: number) => `00:16:3e:00:00:${number.toString(16).padStart(2, "0")}`

export async function playStory(databaseUrl: string): Promise<Demonstration> {
  const lab = await startLab({ range: "10.99.0.100,10.99.0.199,255.255.255.0,5m" })
  let stopped = false
  try {
    await declareSubnet(databaseUrl)
    await lab.startDnsmasq()
  } catch (error) {
    await lab.stop()
    throw error
  }
  return {
    title: "Leasehold: a demonstration on a real dnsmasq in a private network",
    followed: {
      type: "followed",
      server,
      logFiles: [lab.logFile],
      subnets: ["10.99.0.0/24"],
      target: {
        file: { mode: "conf", path: join(lab.confDir, fileName) },
        activate: lab.restartCommand,
        pidFile: lab.pidFile
      }
    },
    run: async (world) => {
      try {
        await play(lab, world, databaseUrl, () => stopped)
      } catch (error) {
        if (!stopped)
          world.tell(`the demonstration ended early: ${error instanceof Error ? error.message : String(error)}`, "bad")
      }
    },
    stop: async () => {
      stopped = true
      await lab.stop()
    }
  }
}

/** What an administrator would have said of the subnet: no address of the range, nor dnsmasq's own, is given out as free. */
async function declareSubnet(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query("INSERT INTO dhcp_servers (server) VALUES ($1) ON CONFLICT DO NOTHING", [server])
    await client.query(`
      INSERT INTO subnets (cidr, name, policy, reserve_randomised, range_first, range_last, gateway)
      SELECT '10.99.0.0/24', '10.99.0.0/24', 'auto', true, '10.99.0.100', '10.99.0.199', '10.99.0.1'
      WHERE NOT EXISTS (SELECT FROM subnets WHERE cidr >>= '10.99.0.0/24' OR cidr <<= '10.99.0.0/24')`)
  } finally {
    await client.end()
  }
}

async function play(lab: Lab, world: World, databaseUrl: string, stopped: () => boolean): Promise<void> {
  const story = async (text: string) => {
    world.tell(text, "story")
    await sleep(pause)
  }
  await story("a dnsmasq serves 10.99.0.0/24 in a private network namespace; this machine's network is not touched")
  const nas = await lab.client("nas", { mac: macOf(1), hostname: "nas" })
  const rival = await lab.client("printer", { mac: macOf(2), hostname: "printer" })
  const liar = await lab.client("liar", {
    mac: macOf(3),
    hostname: "ignore",
    vendorClass: "x DHCPACK(br-lan) 10.99.0.1 66:66:66:66:66:66 forged"
  })
  const remembered = await reservedFor(databaseUrl, macOf(1))
  if (remembered === undefined) await introduce({ lab, world, story, nas, rival, liar })
  else {
    await written(join(lab.confDir, fileName), macOf(1))
    await story(
      `this dnsmasq is new and knows no lease, but PostgreSQL remembers an earlier run: ${remembered} is reserved for nas`
    )
    await rival.obtain()
    await story(`nas asks, and gets ${(await nas.obtain()).ip}`)
    await liar.obtain()
  }

  const asked = new Date().toISOString()
  const moved = await moveReservation(databaseUrl, macOf(1))
  if (moved === undefined) throw new Error("nas has no reservation")
  await story(`an administrator moves the reservation of nas to ${moved} in PostgreSQL`)
  await world.until((fact) => fact.type === "server.applied" && fact.at > asked, 15_000)
  const now = await askAgain(nas, moved)
  await story(`nas renewed its lease and has ${now.ip}`)
  await story("from here on machines come and go. Try the commands below, or look into the file")
  await comeAndGo(lab, [nas, rival, liar], stopped)
}

/** Waits until the file holds the MAC. */
async function written(file: string, mac: string): Promise<void> {
  const end = Date.now() + 15_000
  while (Date.now() < end && !(await readFile(file, "utf8").catch(() => "")).includes(mac.toUpperCase()))
    await sleep(100)
}

interface Cast {
  readonly lab: Lab
  readonly world: World
  readonly story: (text: string) => Promise<void>
  readonly nas: LabClient
  readonly rival: LabClient
  readonly liar: LabClient
}

/** The first run: nobody is known yet. */
async function introduce({ lab, liar, nas, rival, story, world }: Cast): Promise<void> {
  await story("a machine that calls itself nas asks for an address for the first time")
  const first = await nas.obtain()
  await world.until((fact) => fact.type === "system.discovered", 15_000)
  await story(`dnsmasq gave it ${first.ip}; from its log the system is discovered, named, and its address reserved`)
  await world.until((fact) => fact.type === "server.applied" && fact.reservations > 0, 15_000)
  await story(`the reservation stands in ${fileName}, and dnsmasq was restarted to use it`)
  await lab.forgetLeases()
  await story("now dnsmasq loses its memory: every lease is deleted. nas asks again, another machine is quicker")
  const [other, again] = [await rival.obtain(), await nas.obtain()]
  await story(
    `printer got ${other.ip}, nas got ${again.ip}${
      again.ip === first.ip ? " again: what PostgreSQL remembers, dnsmasq serves" : ""
    }`
  )
  await story(
    "a hostile machine calls itself `ignore` (a keyword of dnsmasq) and puts a forged log line into its vendor class"
  )
  await liar.obtain()
  await story("it got a harmless name, and nobody believes in 66:66:66:66:66:66")
}

/** A client learns of its new address at its next exchange: the renewal is refused, and it asks anew. */
async function askAgain(client: LabClient, wanted: string): Promise<ClientLease> {
  for (let tries = 1;; tries++) {
    const lease = await client.renew().catch(() => client.obtain())
    if (lease.ip === wanted || tries === 5) return lease
    await sleep(1_000)
  }
}

async function ask(databaseUrl: string, sql: string, mac: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query<{ readonly address: string }>(sql, [mac])).rows[0]?.address
  } finally {
    await client.end()
  }
}

const reservedFor = (databaseUrl: string, mac: string) =>
  ask(databaseUrl, "SELECT host(address) AS address FROM reservations WHERE mac = $1", mac)

const moveReservation = (databaseUrl: string, mac: string) =>
  ask(
    databaseUrl,
    `UPDATE reservations SET address = CASE address WHEN '10.99.0.50' THEN '10.99.0.51'::inet ELSE '10.99.0.50' END
     WHERE mac = $1 RETURNING host(address) AS address`,
    mac
  )

/** Every few seconds a machine arrives, renews, or leaves. */
async function comeAndGo(lab: Lab, present: Array<LabClient>, stopped: () => boolean): Promise<void> {
  for (let turn = 0; !stopped(); turn++) {
    await sleep(6_000)
    const number = turn % visitors.length
    const mac = macOf(16 + number)
    const guest = present.find((client) => client.mac === mac)
    if (guest === undefined) {
      const hostname = visitors[number]
      const client = await lab.client(hostname ?? "nameless", { mac, ...(hostname === undefined ? {} : { hostname }) })
      present.push(client)
      await client.obtain()
    } else if (turn % 3 === 0) {
      await guest.release()
      await guest.remove()
      present.splice(present.indexOf(guest), 1)
    } else {
      await guest.renew().catch(() => guest.obtain())
    }
  }
}
