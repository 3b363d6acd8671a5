/**
 * How fast the grammar reads a log that is mostly DNS, against `grep -c` on the same file.
 *
 * The log is made from captured DHCP lines among DNS lines with made-up names. Both read it from the page cache, in turn,
 * and the best of several readings counts: what disturbs a reading only ever makes it slower.
 */
import { makeLogScanner } from "@leasehold/dnsmasq"
import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BenchRow } from "./BenchRow.ts"

const size = 220_000_000
const rounds = 15
const chunkSize = 262_144
const reach = 0.5

const captured = readFileSync(
  new URL("../libs/dnsmasq/test/fixtures/corpus/file-plain-auth.log", import.meta.url),
  "utf8"
).split("\n").filter((line) => line.includes("dnsmasq-dhcp[")).map((line) => line.slice(16))

/** The same log each time. */
const makeRandom = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}

const labels = "api cdn static www img edge telemetry update mail eu-west-1 s3 metrics login ads gateway push time pool"
  .split(" ")
const domains = "example.com example.net cloud.example internal.test shop.example.org a1b2c3.example.io".split(" ")

/** A query and what came of it, or the lines of a DHCP exchange. */
const makeMessages = () => {
  const random = makeRandom(42)
  let next = 0
  const name = () => {
    const depth = 1 + random(3)
    const parts = Array.from({ length: depth }, () => {
      const label = labels[random(labels.length)] ?? ""
      return random(3) === 0 ? `${label}-${random(9999)}` : label
    })
    return [...parts, domains[random(domains.length)] ?? ""].join(".")
  }
  const address = () => `10.${random(256)}.${random(256)}.${random(256)}`
  return (): ReadonlyArray<string> => {
    if (random(100) < 3) {
      next += 4
      return [next, next + 1, next + 2, next + 3].map((line) => captured[line % captured.length] ?? "")
    }
    const asked = name()
    const tag = "dnsmasq[23042]: "
    const query = `${tag}query[${random(5) < 3 ? "A" : "AAAA"}] ${asked} from ${address()}`
    return random(2) === 0
      ? [query, `${tag}forwarded ${asked} to 192.0.2.53`, `${tag}reply ${asked} is ${address()}`]
      : [query, `${tag}cached ${asked} is ${address()}`]
  }
}

type Stamp = (millis: number) => string

/** As dnsmasq writes its own file. */
const own: Stamp = (millis) => `Nov 22 ${new Date(millis).toISOString().slice(11, 19)} `

/** As rsyslog writes by default on current systems. */
const rsyslog: Stamp = (millis) => {
  const micros = Math.floor((millis % 1) * 1000).toString().padStart(3, "0")
  return `${new Date(millis).toISOString().slice(0, 23)}${micros}+00:00 labhost `
}

const writeLog = (path: string, stamp: Stamp) => {
  const random = makeRandom(7)
  const messages = makeMessages()
  const file = openSync(path, "w")
  let millis = Date.UTC(2026, 10, 22)
  let written = 0
  while (written < size) {
    let piece = ""
    while (piece.length < 1_000_000) {
      millis += random(8000) / 1000
      for (const message of messages()) piece += `${stamp(millis)}${message}\n`
    }
    written += writeSync(file, piece)
  }
  closeSync(file)
}

const grep = (path: string) => {
  const start = performance.now()
  const { stdout } = spawnSync("grep", ["-c", "dnsmasq-dhcp", path], { encoding: "utf8", env: { LC_ALL: "C" } })
  return { millis: performance.now() - start, found: Number(stdout) }
}

const scan = (path: string) => {
  const start = performance.now()
  const scanner = makeLogScanner({ zone: "Europe/Berlin", reference: Date.UTC(2026, 10, 23) })
  const file = openSync(path, "r")
  const buffer = new Uint8Array(chunkSize)
  let kept = 0
  let found = 0
  let lines = 0
  for (;;) {
    const read = readSync(file, buffer, kept, chunkSize - kept, null)
    if (read === 0) break
    const bytes = buffer.subarray(0, kept + read)
    const scanned = scanner.scan(bytes)
    found += scanned.entries.length
    lines += scanned.lines
    buffer.copyWithin(0, scanned.consumed, bytes.length)
    kept = bytes.length - scanned.consumed
  }
  closeSync(file)
  return { millis: performance.now() - start, found, lines }
}

const speed = (bytes: number, millis: number) => `${(bytes / millis / 1e6).toFixed(2)} GB/s`

const measure = (what: string, stamp: Stamp, promised: boolean, directory: string): BenchRow => {
  const path = join(directory, "mixed.log")
  writeLog(path, stamp)
  const { size } = statSync(path)
  let best = Number.POSITIVE_INFINITY
  let limit = Number.POSITIVE_INFINITY
  let note = ""
  for (let round = 0; round < rounds; round++) {
    const theirs = grep(path)
    const ours = scan(path)
    if (ours.found !== theirs.found) throw new Error(`${ours.found} lines found, ${theirs.found} expected`)
    limit = Math.min(limit, theirs.millis)
    best = Math.min(best, ours.millis)
    const share = ((100 * ours.found) / ours.lines).toFixed(1)
    note = `${(size / 1e6).toFixed(0)} MB, ${ours.lines} lines, ${share} % of them of dnsmasq-dhcp; best of ${rounds}`
  }
  rmSync(path)
  const ratio = limit / best
  return {
    what,
    ours: speed(size, best),
    limit: `grep -c ${speed(size, limit)}`,
    ratio,
    reach: promised ? `≥ ${reach}` : "–",
    met: !promised || ratio >= reach,
    note
  }
}

export const parseRows = async (): Promise<ReadonlyArray<BenchRow>> => {
  const directory = mkdtempSync(join(tmpdir(), "leasehold-bench-parse-"))
  try {
    return [
      measure("parse a mixed DNS + DHCP log", own, true, directory),
      measure("the same, as rsyslog writes it", rsyslog, false, directory)
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
