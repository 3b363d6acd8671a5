/** The daemon as a process of its own, which a test may kill, and what became of it. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"

const main = new URL("../../src/main.ts", import.meta.url).pathname

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

export class IngestProcess {
  private child: ChildProcess | undefined
  private text = ""
  private ended: Promise<number | string> = Promise.resolve(0)
  private readonly env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>>) {
    this.env = env
  }

  start(more: Readonly<Record<string, string>> = {}): this {
    this.text = ""
    const child = spawn(process.execPath, [main], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], INGEST_SERVER: "lab", INGEST_ZONE: "UTC", ...this.env, ...more }
    })
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => this.text += chunk)
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => this.text += chunk)
    this.ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "")))
    this.child = child
    return this
  }

  /** Everything that it logged since it was started. */
  log(): ReadonlyArray<LogLine> {
    return this.text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
  }

  said(message: string): boolean {
    return this.text.includes(`"message":"${message}`)
  }

  /** Waits until it has logged the message. */
  async says(message: string): Promise<void> {
    await eventuallyHolds(`the ingest says "${message}"`, () => this.text.slice(-1_800), () => this.said(message))
  }

  output(): string {
    return this.text
  }

  /** Ends it with the signal; gives its exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.child?.kill(signal)
    return this.ended
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal)
  }

  pid(): number | undefined {
    return this.child?.pid
  }

  isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  /** How much it has read of all its files. */
  readBytes(): number {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${this.child?.pid}/io`, "utf8"))?.[1] ?? 0)
  }

  /** Memory that it holds now, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.child?.pid}/status`, "utf8")
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  }
}
