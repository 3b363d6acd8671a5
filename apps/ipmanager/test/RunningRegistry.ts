/**
 * A real registry as a process of its own, over servers of the test's own; and the command line against it, in the test's
 * process or as one.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { dieWithOwner, freshDatabase, type Nats, startNats } from "@leasehold/devstack"
import { ConfigProvider, Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import pg from "pg"
import { inject } from "vitest"
import { migrate } from "../../../scripts/migrate.ts"
import { program } from "../src/program.ts"
import { Screen } from "../src/Screen.ts"

const registryMain = new URL("../../registry/src/main.ts", import.meta.url).pathname
const ipmanagerMain = new URL("../src/main.ts", import.meta.url).pathname

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Terminal {
  readonly width?: number
  readonly colour?: boolean
  readonly progress?: boolean
  /** What is answered to each question, in turn. */
  readonly answers?: Array<boolean>
  /** In place of the registry's and no token. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Running {
  readonly api: string
  /** Runs a command line in this process. */
  run(words: ReadonlyArray<string>, terminal?: Terminal): Promise<Answer>
  /** Runs it as a process, as an administrator does. */
  spawn(words: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Promise<Answer>
  /** A process that goes on until it is ended. */
  begin(words: ReadonlyArray<string>): {
    readonly lines: AsyncIterable<string>
    /** Ends it as Ctrl-C does; its code. */
    end(): Promise<number>
  }
  /** A process at a terminal of sixty columns, or as many as it says, at which somebody answers a question. */
  atTerminal(words: ReadonlyArray<string>, answer: string, columns?: number): Promise<Omit<Answer, "err">>
  /** What comes of a command line whose reader goes away after so many lines; its code, and the lines. */
  head(words: ReadonlyArray<string>, lines: number): Promise<Answer>
  readonly nats: Nats
  /** Does as the registry itself would have, in its database. */
  query(sql: string): Promise<void>
  /** Every row of every table of its database. */
  rows(): Promise<ReadonlyArray<string>>
  stop(): Promise<void>
}

/** The command line in the test's process, at a terminal or not. */
export const runProgram = async (
  words: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  { answers = [], colour = false, progress = false, width }: Terminal = {}
): Promise<Answer> => {
  const text = { out: "", err: "" }
  const interactive = answers.length > 0
  const screen = Layer.succeed(Screen, {
    out: (more) =>
      Effect.sync(() => {
        text.out += more
      }),
    err: (more) =>
      Effect.sync(() => {
        text.err += more
      }),
    ask: (question) =>
      Effect.sync(() => {
        text.err += `${question} `
        return answers.shift() ?? false
      }),
    width,
    colour,
    progress,
    interactive,
    zone: "UTC",
    user: "tester"
  })
  const config = ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
  const code = await Effect.runPromise(
    program(words).pipe(Effect.provide(Layer.mergeAll(screen, config, NodeServices.layer)))
  )
  return { code, ...text }
}

/** The command line as a process. */
export const spawnProgram = async (
  words: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  streams: readonly [stdout: "pipe" | number, stderr: "pipe" | number] = ["pipe", "pipe"],
  cwd: string = process.cwd()
): Promise<Answer> => {
  const child = spawn(process.execPath, [ipmanagerMain, ...words], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    cwd,
    stdio: ["ignore", ...streams]
  })
  const text = { out: "", err: "" }
  child.stdout?.setEncoding("utf8").on("data", (more) => {
    text.out += String(more)
  })
  child.stderr?.setEncoding("utf8").on("data", (more) => {
    text.err += String(more)
  })
  const [code] = await once(child, "close")
  return { code: Number(code), ...text }
}

const withClient = async <A>(database: string, use: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client(database)
  await client.connect()
  return use(client).finally(() => client.end())
}

const everyRow = async (client: pg.Client): Promise<ReadonlyArray<string>> => {
  const tables = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
  )
  const all: Array<string> = []
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${name} t ORDER BY 1`)
    all.push(...rows.map(({ row }) => `${name} ${row}`))
  }
  return all
}

export const startRegistry = async (env: Readonly<Record<string, string>> = {}): Promise<Running> => {
  const nats = await startNats()
  const database = await freshDatabase(inject("pgUrl"))
  await migrate(database)
  const [command = "", ...rest] = dieWithOwner("TERM", [process.execPath, registryMain])
  const child = spawn(command, rest, {
    env: { ...process.env, DATABASE_URL: database, NATS_SERVERS: nats.url, REGISTRY_API_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const said: Array<string> = []
  const api = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line)
      const entry: { readonly message?: string; readonly url?: string } = JSON.parse(line)
      if (entry.message === "api listening" && entry.url !== undefined) resolve(entry.url)
    })
    child.once("exit", () => reject(new Error(`the registry ended: ${said.join("\n")}`)))
  })
  const all = { IPMANAGER_SERVER: api }
  return {
    api,
    nats,
    query: async (sql) => {
      await withClient(database, (client) => client.query(sql))
    },
    rows: () => withClient(database, everyRow),
    run: (words, terminal) => runProgram(words, { ...all, ...terminal?.env }, terminal),
    begin: (words) => {
      const one = spawn(process.execPath, [ipmanagerMain, ...words], {
        env: { PATH: process.env["PATH"] ?? "", ...all },
        stdio: ["ignore", "pipe", "inherit"]
      })
      return {
        lines: createInterface({ input: one.stdout }),
        end: async () => {
          one.kill("SIGINT")
          const [code] = one.exitCode === null ? await once(one, "exit") : [one.exitCode]
          return Number(code)
        }
      }
    },
    head: async (words, lines) => {
      const line = `node=$1 main=$2; shift 2; "$node" "$main" "$@" | head -n ${lines}; exit "\${PIPESTATUS[0]}"`
      const one = spawn("bash", ["-c", line, "-", process.execPath, ipmanagerMain, ...words], {
        env: { PATH: process.env["PATH"] ?? "", ...all },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const text = { out: "", err: "" }
      one.stdout.setEncoding("utf8").on("data", (more) => {
        text.out += String(more)
      })
      one.stderr.setEncoding("utf8").on("data", (more) => {
        text.err += String(more)
      })
      const [code] = await once(one, "close")
      return { code: Number(code), ...text }
    },
    atTerminal: async (words, answer, columns = 60) => {
      // `script` gives it a terminal of its own; the words are ours, and have nothing that a shell would take.
      const line = `stty cols ${columns} -echo; exec ${process.execPath} ${ipmanagerMain} ${words.join(" ")}`
      const one = spawn("script", ["-qec", line, "/dev/null"], {
        env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", SHELL: "/bin/sh", ...all },
        stdio: ["pipe", "pipe", "inherit"]
      })
      let out = ""
      one.stdout.setEncoding("utf8").on("data", (more) => {
        out += String(more)
        if (String(more).includes("[y/N]")) one.stdin.write(answer)
      })
      const [code] = await once(one, "close")
      return { code: Number(code), out }
    },
    spawn: (words, more) => spawnProgram(words, { ...all, ...more }),
    stop: async () => {
      if (child.exitCode === null) {
        child.kill("SIGTERM")
        await once(child, "exit")
      }
      await nats.stop()
    }
  }
}
