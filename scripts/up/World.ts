/**
 * What `npm start` knows of the system it brought up: what passes on NATS, and what stands in PostgreSQL.
 *
 * An onlooker: it reads, and nothing depends on it.
 */
import { allDiscoveries, allEvents, allRejected, DiscoveryFact, parseEventSubject } from "@leasehold/events"
import type { NatsConnection } from "@nats-io/transport-node"
import { Option, Schema } from "effect"
import pg from "pg"
import { type FileState, harmless, type SystemRow, type Told } from "./Screen.ts"

export interface World {
  readonly counts: ReadonlyMap<string, number>
  told(): ReadonlyArray<Told>
  systems(): ReadonlyArray<SystemRow>
  systemCount(): number
  file(): FileState | undefined
  /** Looks at the database now; what it cannot tell stays as it was. */
  refresh(): Promise<void>
  /** Says something beside the facts. */
  tell(text: string, tone?: Told["tone"]): void
  /** Resolves when a fact has satisfied the condition, earlier or from now on, or after the time. */
  until(condition: (fact: DiscoveryFact) => boolean, limitMs: number): Promise<void>
  close(): Promise<void>
}

export interface WorldOptions {
  readonly connection: NatsConnection
  readonly databaseUrl: string
  readonly server: string
  readonly filePath: string | undefined
  readonly onTold: (told: Told) => void
}

const decodeFact = Schema.decodeUnknownOption(Schema.fromJsonString(DiscoveryFact))

const systemsQuery = `
  SELECT s.name, s.mac::text AS mac, host(s.address) AS address, host(r.address) AS reserved, r.source,
         extract(epoch FROM s.last_seen)::float8 AS last_seen, count(*) OVER () AS total
  FROM systems s LEFT JOIN LATERAL (
    SELECT address, source FROM reservations WHERE mac = s.mac AND enabled ORDER BY id LIMIT 1
  ) r ON true
  ORDER BY s.last_seen DESC LIMIT 50`

const fileQuery = `
  SELECT wanted_generation, applied_generation, applied_reservations, applied_at, result, error
  FROM dhcp_servers WHERE server = $1`

interface SystemRecord {
  readonly name: string
  readonly mac: string
  readonly address: string | null
  readonly reserved: string | null
  readonly source: string | null
  readonly last_seen: number
  readonly total: string
}

interface FileRecord {
  readonly wanted_generation: string
  readonly applied_generation: string | null
  readonly applied_reservations: number | null
  readonly applied_at: Date | null
  readonly result: string | null
  readonly error: string | null
}

const clock = (date = new Date()) => date.toTimeString().slice(0, 8)

export function watchWorld(options: WorldOptions): World {
  const counts = new Map<string, number>()
  const told: Array<Told> = []
  const facts: Array<DiscoveryFact> = []
  const waiting = new Set<(fact: DiscoveryFact) => void>()
  const pool = new pg.Pool({ connectionString: options.databaseUrl, max: 1, connectionTimeoutMillis: 3_000 })
  pool.on("error", () => undefined)
  let systems: ReadonlyArray<SystemRow> = []
  let systemCount = 0
  let file: FileState | undefined
  let dirty = true
  let closed = false

  const tell = (text: string, tone: Told["tone"] = "plain") => {
    const one: Told = { time: clock(), text: harmless(text), tone }
    told.push(one)
    if (told.length > 200) told.shift()
    options.onTold(one)
  }
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)

  const subscriptions = [
    options.connection.subscribe(allEvents, {
      callback: (error, message) => {
        if (error !== null) return
        count(Option.match(parseEventSubject(message.subject), { onNone: () => "unknown", onSome: ({ kind }) => kind }))
        dirty = true
      }
    }),
    options.connection.subscribe(allRejected, {
      callback: (error, message) => {
        if (error !== null) return
        count("rejected")
        const field = message.headers?.get("Leasehold-Field") ?? ""
        tell(
          `rejected a message${
            field === ""
              ? ""
              : `: ${field} expected ${message.headers?.get("Leasehold-Expected") ?? ""}, got ${
                message.headers?.get("Leasehold-Actual") ?? ""
              }`
          }`,
          "bad"
        )
      }
    }),
    options.connection.subscribe(allDiscoveries, {
      callback: (error, message) => {
        if (error !== null) return
        dirty = true
        const fact = decodeFact(message.string())
        if (Option.isNone(fact)) return
        const line = describe(fact.value)
        tell(line.text, line.tone)
        facts.push(fact.value)
        if (facts.length > 500) facts.shift()
        for (const one of waiting) one(fact.value)
      }
    })
  ]

  const refresh = async () => {
    const [found, servers] = [
      await pool.query<SystemRecord>(systemsQuery),
      await pool.query<FileRecord>(fileQuery, [options.server])
    ]
    systems = found.rows.map((row) => ({
      name: row.name,
      mac: row.mac,
      address: row.address ?? undefined,
      reserved: row.reserved ?? undefined,
      source: row.source ?? undefined,
      lastSeen: row.last_seen
    }))
    systemCount = Number(found.rows[0]?.total ?? 0)
    const server = servers.rows[0]
    file = server === undefined || options.filePath === undefined ? undefined : {
      path: options.filePath,
      lines: server.applied_reservations ?? undefined,
      wanted: Number(server.wanted_generation),
      applied: server.applied_generation === null ? undefined : Number(server.applied_generation),
      appliedAt: server.applied_at === null ? undefined : clock(server.applied_at),
      error: server.result === "failed" ? server.error ?? "unknown" : undefined
    }
  }
  let idle = 0
  const timer = setInterval(() => {
    if (closed || (!dirty && ++idle < 8)) return
    dirty = false
    idle = 0
    // A database that is away shows in the apps' own warnings.
    void refresh().catch(() => undefined)
  }, 500)

  return {
    counts,
    told: () => told,
    systems: () => systems,
    systemCount: () => systemCount,
    file: () => file,
    refresh: () => refresh().catch(() => undefined),
    tell,
    until: (condition, limitMs) =>
      new Promise((resolve) => {
        if (facts.some(condition)) return resolve()
        const end = () => {
          clearTimeout(limit)
          waiting.delete(hear)
          resolve()
        }
        const hear = (fact: DiscoveryFact) => {
          if (condition(fact)) end()
        }
        const limit = setTimeout(end, limitMs)
        waiting.add(hear)
      }),
    close: async () => {
      closed = true
      clearInterval(timer)
      for (const subscription of subscriptions) subscription.unsubscribe()
      await pool.end()
    }
  }
}

const said = ({ address, ignore, name }: { address: string | null; ignore: boolean; name: string | null }): string =>
  ignore ? "ignored" : [address, name].filter((part) => part !== null).join(" ")

/** One fact in the words of a person. */
export function describe(fact: DiscoveryFact): { readonly text: string; readonly tone: Told["tone"] } {
  switch (fact.type) {
    case "system.discovered":
      return {
        text: `discovered ${fact.name} (${fact.mac})${fact.address === null ? "" : ` at ${fact.address}`}${
          fact.randomised ? ", a made-up MAC" : ""
        }`,
        tone: "good"
      }
    case "system.address-changed":
      return {
        text: fact.address === null
          ? `${fact.name} gave up ${fact.previous ?? "its address"}`
          : `${fact.name} has ${fact.address}${fact.previous === null ? "" : `, before ${fact.previous}`}`,
        tone: "plain"
      }
    case "system.renamed":
      return { text: `${fact.previous} is now called ${fact.name} (${fact.nameSource})`, tone: "plain" }
    case "system.name-conflict":
      return {
        text: `${fact.mac} wanted to be ${fact.wanted}, which is ${fact.holder}; it is ${fact.name}`,
        tone: "bad"
      }
    case "system.state-changed":
      return { text: `${fact.name} (${fact.mac}) is ${fact.state} from now on`, tone: "plain" }
    case "reservation.created":
      return {
        text: fact.ignore
          ? `${fact.mac} is ignored in ${fact.subnet}`
          : `reserved ${fact.address ?? "no address"} for ${fact.name} (${fact.mac}, ${fact.source})`,
        tone: "good"
      }
    case "reservation.changed":
      return {
        text: `reservation of ${fact.name ?? fact.mac}: ${said(fact.previous)} → ${said(fact)}`,
        tone: "good"
      }
    case "reservation.removed":
      return {
        text: `no more reservation for ${fact.name ?? fact.mac} (${fact.address ?? "no address"})`,
        tone: "plain"
      }
    case "server.applied":
      return {
        text: `dnsmasq ${fact.server} uses generation ${fact.generation}: ${fact.reservations} in the file`,
        tone: "good"
      }
    case "server.failed":
      return { text: `dnsmasq ${fact.server} could not use generation ${fact.generation}: ${fact.error}`, tone: "bad" }
    case "ingest.gap":
      return { text: `events of ${fact.server} are lost: ${fact.reason}`, tone: "bad" }
  }
}
