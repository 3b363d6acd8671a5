/** The environment of each app, for a dnsmasq that is followed: what an operator would write into the unit files. */
import { join, resolve } from "node:path"
import type { Followed } from "./options.ts"

export interface ServerUrls {
  readonly databaseUrl: string
  readonly natsServers: string
  /** Where the registry serves its API; any port where it is left out. */
  readonly apiPort?: number
}

export type AppName = "ingest" | "registry" | "renderer"

/** The registry's words for the policies: what is tried out with made-up MACs should work (see docs/decisions/0009). */
const policies: Readonly<Record<string, string>> = { auto: "auto+randomised", assigned: "auto", manual: "manual" }

/** Apps that are not needed are left out. `data` is where the ingest keeps its checkpoints. */
export const environmentOf = (
  followed: Followed,
  servers: ServerUrls,
  data: string
): Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> => ({
  ingest: {
    NATS_SERVERS: servers.natsServers,
    INGEST_SERVER: followed.server,
    INGEST_LOG_FILES: followed.logFiles.map((file) => resolve(file)).join(","),
    INGEST_STATE_DIRECTORY: join(data, "ingest"),
    ...(followed.zone === undefined ? {} : { INGEST_ZONE: followed.zone })
  },
  registry: {
    NATS_SERVERS: servers.natsServers,
    DATABASE_URL: servers.databaseUrl,
    REGISTRY_API_PORT: String(servers.apiPort ?? 0),
    REGISTRY_SUBNETS: followed.subnets.map((subnet) => {
      const [cidr = "", policy = "auto"] = subnet.split(":")
      return `${cidr}=${followed.server}:${policies[policy] ?? policy}`
    }).join(",")
  },
  ...(followed.target === undefined ? {} : {
    renderer: {
      DATABASE_URL: servers.databaseUrl,
      RENDERER_SERVER: followed.server,
      RENDERER_MODE: followed.target.file.mode,
      ...(followed.target.file.mode === "conf"
        ? { RENDERER_FILE: resolve(followed.target.file.path) }
        : {
          RENDERER_DIRECTORY: resolve(followed.target.file.path),
          RENDERER_LOG_FILE: resolve(followed.logFiles[0] ?? "")
        }),
      ...(followed.target.activate === undefined ? {} : { RENDERER_ACTIVATE: followed.target.activate }),
      ...(followed.target.pidFile === undefined ? {} : { RENDERER_PID_FILE: resolve(followed.target.pidFile) })
    }
  })
})
