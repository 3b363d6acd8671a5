import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import { decodeWatcherConfig, parseStatusKey, rejectionOf, WatcherSettings } from "../src/index.ts"

const refusalOf = (input: unknown) =>
  Result.match(Schema.decodeUnknownResult(WatcherSettings)(input), {
    onSuccess: () => undefined,
    onFailure: ({ issue }) => {
      const { expected, field } = rejectionOf(issue, input)
      return `${field}: ${expected}`
    }
  })

describe("the configuration of a watcher", () => {
  it("takes absolute paths that are written in one way, and a zone", () => {
    const settings = { logFiles: ["/var/log/dnsmasq.log", "/a", "/srv/ü/..b"], zone: "Europe/Berlin" }
    assert.strictEqual(refusalOf(settings), undefined)
    assert.strictEqual(refusalOf({ logFiles: [] }), undefined)
    for (const zone of ["UTC", "Etc/GMT+5"]) assert.strictEqual(refusalOf({ logFiles: [], zone }), undefined)
  })

  it("refuses every other path, and says which", () => {
    const bad = [
      "dnsmasq.log",
      "./a",
      "",
      "/",
      "/a/",
      "//a",
      "/a/../b",
      "/a/./b",
      "/..",
      "/a\n",
      "/a\u0000b",
      "/a\u001b[31m",
      "/a\u202eb",
      `/${"a".repeat(256)}`,
      "/abcdefgh".repeat(120)
    ]
    for (const path of bad) {
      assert.match(refusalOf({ logFiles: ["/ok", path] }) ?? "", /^logFiles\.1: /u, JSON.stringify(path))
    }
  })

  it("refuses too many paths, a path twice, and what is no zone", () => {
    const many = Array.from({ length: 65 }, (_, n) => `/var/log/${n}`)
    assert.strictEqual(refusalOf({ logFiles: many }), "logFiles: at most 64 paths")
    assert.strictEqual(refusalOf({ logFiles: many.slice(1) }), undefined)
    assert.strictEqual(refusalOf({ logFiles: ["/a", "/a"] }), "logFiles: each path once")
    for (const zone of ["", "Mars/Olympus", "+01:00", "UTC\n"]) {
      assert.match(refusalOf({ logFiles: [], zone }) ?? "", /^zone: an IANA time zone/u)
    }
  })

  it("has a revision in the bucket, and is refused with the field that is wrong", () => {
    const text = (body: object) => JSON.stringify(body)
    const config = Result.getOrThrow(decodeWatcherConfig(text({ revision: 3, logFiles: ["/a"], later: true })))
    assert.strictEqual(config.revision, 3)
    const refused = (value: string) =>
      Result.match(decodeWatcherConfig(value), { onSuccess: () => undefined, onFailure: ({ message }) => message })
    assert.match(refused(text({ logFiles: [] })) ?? "", /^revision: /u)
    assert.match(refused(text({ revision: 1, logFiles: ["a"] })) ?? "", /^logFiles\.0: .*, got "a"$/u)
    assert.match(refused("\u001b[31m{") ?? "", /^body: expected a JSON object, got "\\u001b/u)
  })
})

describe("the key of a report", () => {
  it("names a server and an instance, and nothing else passes for one", () => {
    assert.isTrue(Option.isSome(parseStatusKey("lab.0123456789abcdef")))
    for (const key of ["lab", "lab.", "lab.0123456789abcdef.x", "Lab.0123456789abcdef", ".0123456789abcdef", "lab.x"]) {
      assert.isTrue(Option.isNone(parseStatusKey(key)), key)
    }
  })
})
