/** What we accept, the dnsmasq of this machine accepts, as what we take it for. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { formatDhcpHost, parseDhcpHost } from "../src/index.ts"

const environment = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C.UTF-8" }
const installed = spawnSync("dnsmasq", ["--version"], { env: environment }).status === 0
const advice = "dnsmasq is not installed: apt-get install dnsmasq-base"
if (!installed) process.stderr.write(`${advice}\n`)

const directory = mkdtempSync(join(tmpdir(), "leasehold-dhcp-host-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const accepts = (conf: string): boolean => {
  assert.isTrue(installed, advice)
  const file = join(directory, "test.conf")
  writeFileSync(file, conf)
  const { status, stderr } = spawnSync("dnsmasq", ["--test", "-C", file], { env: environment, encoding: "utf8" })
  assert.isTrue(status === 0 || stderr.includes(" at line "), stderr)
  return status === 0
}

const fields = [
  "10.0.0.1",
  "10.0.0.999",
  "010.0.0.1",
  "0.0.0.0",
  "1.2.3",
  "nas",
  "Nas",
  "nas.example.com",
  "nas.",
  "a_b",
  "A_b",
  "-a",
  "a-",
  "A-",
  "ab--cd",
  "aB--cd",
  "_x",
  "x y",
  "müller",
  "xn--mller-kva",
  "a..b",
  ".",
  "a".repeat(63),
  "a".repeat(64),
  "12h",
  "5",
  "1 2h",
  "1w",
  "ms",
  "s",
  "infinite",
  "Infinite",
  "ignore",
  "IGNORE",
  "\"ignore\"",
  "\"12h\"",
  "\"a,b\"",
  "\"a",
  "a#b",
  "a #b",
  "'a'",
  "a$",
  "set:x",
  "net:y",
  "tag:z",
  "id:01:02",
  "id:xyz",
  "id:*",
  "id:0g:1",
  "02-00-00-00-00-02",
  "0200:0000:0001",
  "06-02:00:00:00:00:06",
  "02:00:00:*:*:*",
  "02:0*",
  "02:zz",
  "[fd99::1]",
  "[fd99::1/64]",
  "[fd99::/64]",
  "[fd99::10/124]",
  "[fd99::1f/124]",
  "[fd99::1 ]",
  "[ fd99::1]",
  "[fd99::1",
  "[::ffff:1.2.3.4]",
  ""
]

/** We refuse these although dnsmasq, or this build of it, takes them: as something that nobody means. */
const stricter = new Set(["müller", "a..b"])

const wanted = process.env["CI"] !== undefined

describe("dnsmasq --test", () => {
  it.runIf(installed || wanted)("agrees about every nasty field", () => {
    for (const field of fields) {
      const line = `dhcp-host=02:00:00:00:00:01,${field}`
      const ours = Result.isSuccess(parseDhcpHost(line))
      const theirs = accepts(`${line}\n`)
      assert.strictEqual(ours, theirs && !stricter.has(field), line)
    }
  })

  it.runIf(installed || wanted)("accepts a whole file of what we write", () => {
    const lines = Array.from({ length: 500 }, (_, index) =>
      Result.getOrThrow(formatDhcpHost({
        mac: `02:00:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`,
        ip: `10.0.${index >> 8}.${index & 255}`,
        hostname: `host-${index}`,
        leaseTime: index % 2 === 0 ? "infinite" : { seconds: 120 + index }
      })))
    const mac = (number: number) => `02:00:00:01:00:${number.toString(16).padStart(2, "0")}`
    const others = [
      {
        mac: mac(0),
        also: Array.from({ length: 49 }, (_, at) => mac(at + 1)),
        ip: "10.0.9.1",
        hostname: "a".repeat(63)
      },
      { mac: mac(60), also: [mac(61)], hostname: "nas", leaseTime: "infinite" as const },
      { mac: mac(62), hostname: "printer" },
      { mac: mac(63), ignore: true as const }
    ].map((host) => Result.getOrThrow(formatDhcpHost(host)))
    assert.isTrue(accepts([...lines, ...others].map((line) => `${line}\n`).join("")))
  })
})
