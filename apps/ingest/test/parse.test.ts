import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, FileSystem, Option, Schema, Sink, Stdio, Stream } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { parseLog } from "../src/commands/parse.ts"

const ingest = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const corpus = fileURLToPath(new URL("../../../libs/dnsmasq/test/fixtures/corpus/", import.meta.url))

const Line = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const decode = Schema.decodeUnknownSync(Line)
const objects = (text: string) => text.split("\n").filter((line) => line !== "").map((line) => decode(line))

const discover = "dnsmasq-dhcp[1]: DHCPDISCOVER(e0) 02:00:00:00:00:01"

interface Run {
  readonly path: string
  readonly input?: string
  readonly zone?: string
  readonly year?: number
}

/** What the command writes, for what it is given. */
const run = Effect.fnUntraced(function*({ input = "", path, year, zone = "UTC" }: Run) {
  const output: Array<string | Uint8Array> = []
  const errors: Array<unknown> = []
  const console = yield* Console.Console
  const stdio = Stdio.layerTest({
    stdin: Stream.make(new TextEncoder().encode(input)),
    stdout: () => Sink.forEach((chunk) => Effect.sync(() => output.push(chunk)))
  })
  yield* parseLog(path, { zone: Option.some(zone), year: Option.fromUndefinedOr(year) }).pipe(
    Effect.provide(stdio),
    Effect.provideService(Console.Console, { ...console, error: (...args) => errors.push(...args) })
  )
  return { stdout: output.join(""), stderr: errors.join("\n") }
})

/** The command as a process of its own. */
const start = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [ingest, "parse", ...args])
  child.stdin.on("error", () => undefined)
  return child
}

const collect = async (stream: NodeJS.ReadableStream) => {
  let text = ""
  for await (const chunk of stream) text += String(chunk)
  return text
}

describe("ingest parse", () => {
  it.effect("prints the events of a captured log, with what log-dhcp said beside them", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { stderr, stdout } = yield* run({ path: `${corpus}file-logdhcp-nonauth.log`, year: 2026 })
      const fields = ["line", "kind", "mac", "ip", "interface", "hostname", "xid", "duid", "reason"]
      const pick = (record: Readonly<Record<string, unknown>>) =>
        Object.fromEntries(fields.filter((field) => record[field] !== undefined).map((field) => [field, record[field]]))
      const expected = objects(yield* fs.readFileString(`${corpus}expected.jsonl`))
        .filter(({ file, kind }) => file === "file-logdhcp-nonauth.log" && kind !== null && kind !== "other")
      const printed = objects(stdout)
      assert.deepStrictEqual(printed.map(pick), expected.map(pick))
      assert.deepStrictEqual(printed.find(({ line }) => line === 1241), {
        line: 1241,
        kind: "discover",
        at: "2026-11-22T04:22:33.000000Z",
        pid: 26_093,
        xid: 646_576_055,
        interface: "br-lan",
        mac: "02:00:00:00:00:29",
        clientName: "vend",
        vendorClass: "MSFT 5.0",
        userClass: "userclass"
      })
      assert.match(stderr, /^lines {4}3146$/m)
      assert.match(stderr, /^events {3}351: discover 76, /m)
      assert.match(stderr, /^unknown {2}0$/m)
      assert.notMatch(stderr, /warning/)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reads times in the zone given, in the year that fits the file's age or the one given", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* fs.makeTempFileScoped({ suffix: ".log" })
      yield* fs.writeFileString(path, `Dec 31 23:59:59 ${discover}\nJan  1 00:00:01 ${discover}\n`)
      yield* fs.utimes(path, new Date("2025-01-02T00:00:00Z"), new Date("2025-01-02T00:00:00Z"))
      const times = (given: Omit<Run, "path">) =>
        Effect.map(run({ path, ...given }), ({ stdout }) => objects(stdout).map(({ at }) => at))
      assert.deepStrictEqual(yield* times({}), ["2024-12-31T23:59:59.000000Z", "2025-01-01T00:00:01.000000Z"])
      assert.deepStrictEqual(yield* times({ zone: "Europe/Berlin", year: 2026 }), [
        "2026-12-31T22:59:59.000000Z",
        "2026-12-31T23:00:01.000000Z"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reads standard input, to a last line without its end", () =>
    Effect.gen(function*() {
      const { stdout } = yield* run({ path: "-", input: `noise\n${discover}\n${discover}` })
      assert.deepStrictEqual(objects(stdout), [
        { line: 2, kind: "discover", pid: 1, interface: "e0", mac: "02:00:00:00:00:01" },
        { line: 3, kind: "discover", pid: 1, interface: "e0", mac: "02:00:00:00:00:01" }
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("counts what is no event, and shows unknown lines without their control characters", () =>
    Effect.gen(function*() {
      const input = [
        "dnsmasq[1]: query[A] x from 10.0.0.1",
        `x${"x".repeat(10_000)}`,
        "dnsmasq-dhcp[1]: 9 tags: e0",
        "dnsmasq-dhcp[1]: \u001b[31mwhat",
        discover,
        ""
      ].join("\n")
      const { stderr, stdout } = yield* run({ path: "-", input })
      assert.strictEqual(objects(stdout).length, 1)
      assert.deepStrictEqual(stderr.split("\n"), [
        "lines    5",
        "events   1: discover 1",
        "other    1: tags 1",
        "noise    2: DNS, other programs, 1 too long to be read",
        "unknown  1",
        "         line 4: dnsmasq-dhcp[1]: \ufffd[31mwhat"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("warns when nothing was recognised, and when there was no message", () =>
    Effect.gen(function*() {
      const warning = (input: string) => Effect.map(run({ path: "-", input }), ({ stderr }) => stderr)
      assert.match(yield* warning("hello\n"), /^warning: not one line of dnsmasq-dhcp/m)
      assert.match(yield* warning("dnsmasq-dhcp[1]: DHCP, IP range x\n"), /^warning: no DHCP message/m)
      assert.notMatch(yield* warning(""), /warning/)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("says why it cannot read a log", () =>
    Effect.gen(function*() {
      const why = (path: string) => Effect.map(Effect.flip(run({ path })), ({ message }) => message)
      assert.match(yield* why(`${corpus}missing.log`), /^cannot read .*missing\.log: there is no such file$/)
      assert.match(yield* why(corpus), /^cannot read .*: it is a directory$/)
      assert.match(yield* why(`${corpus}expected.jsonl/x`), /^cannot read .*: a part of its path is no directory$/)
    }).pipe(Effect.provide(NodeServices.layer)))

  it("reads a pipe that is named like a file", async () => {
    const script = "printf '%s\\n' \"$1\" | \"$2\" \"$3\" parse /dev/stdin"
    const child = spawn("sh", ["-c", script, "sh", discover, process.execPath, ingest])
    const [stdout, [code]] = await Promise.all([collect(child.stdout), once(child, "close")])
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(objects(stdout).map(({ kind }) => kind), ["discover"])
  })

  it.effect("says what a file is that holds a log and is none", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const why = Effect.fnUntraced(function*(bytes: Uint8Array) {
        const path = yield* fs.makeTempFileScoped()
        yield* fs.writeFile(path, bytes)
        return (yield* Effect.flip(run({ path }))).message
      })
      assert.match(yield* why(gzipSync(`${discover}\n`)), /: it is compressed with gzip: /)
      assert.match(yield* why(zstdCompressSync(`${discover}\n`)), /: it is compressed with zstd: /)
      assert.match(yield* why(Buffer.from(`\ufeff${discover}\n`, "utf16le")), /: it is written in UTF-16: /)
      const { stdout } = yield* run({ path: "-", input: `\ufeff${discover}\r\n` })
      assert.strictEqual(objects(stdout).length, 1)
    }).pipe(Effect.provide(NodeServices.layer)))

  it("exits with 1 and writes only to stderr when something is wrong", async () => {
    for (
      const [args, message] of [
        [[`${corpus}missing.log`], /there is no such file/],
        [["-", "--zone", "Europe/Atlantis"], /"Europe\/Atlantis"/],
        [["-", "--year", "26"], /--year/]
      ] as const
    ) {
      const child = start(...args)
      const [stdout, stderr, [code]] = await Promise.all([
        collect(child.stdout),
        collect(child.stderr),
        once(child, "close")
      ])
      assert.strictEqual(code, 1)
      assert.match(stderr, message)
      assert.notMatch(stdout, /^\{/m)
    }
  })

  it("ends quietly when its reader does", async () => {
    const child = start("-")
    const stderr = collect(child.stderr)
    child.stdin.end(`${discover}\n`.repeat(100_000))
    await once(child.stdout, "data")
    child.stdout.destroy()
    const [code] = await once(child, "close")
    assert.strictEqual(code, 0)
    assert.strictEqual(await stderr, "")
  })

  it("reads no faster than its output is taken", async () => {
    const child = start("-")
    const lines = `${discover}\n`.repeat(1000)
    const turns = 300
    const progress = { turn: 0 }
    const feed = async () => {
      for (; progress.turn < turns; progress.turn++) {
        if (!child.stdin.write(lines)) await once(child.stdin, "drain")
      }
      child.stdin.end()
    }
    const feeding = feed()
    // Nobody reads its output: sooner or later it takes no more input.
    const until = Date.now() + 10_000
    for (let before = -1; Date.now() < until && (progress.turn < 4 || progress.turn !== before);) {
      before = progress.turn
      await setTimeout(500)
    }
    assert.isBelow(progress.turn, turns / 2)
    const [stdout] = await Promise.all([collect(child.stdout), feeding, once(child, "close")])
    assert.strictEqual(stdout.split("\n").length - 1, turns * 1000)
  })
})
