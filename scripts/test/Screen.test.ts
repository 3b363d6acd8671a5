import { stripVTControlCharacters } from "node:util"
import { assert, describe, it } from "vitest"
import { screen, type Shown } from "../up/Screen.ts"

const shown = (more: Partial<Shown> = {}): Shown => ({
  title: "Leasehold",
  upSeconds: 65,
  servers: ["nats nats://127.0.0.1:4222 (embedded)"],
  apps: [{ name: "ingest", state: "running", restarts: 0 }],
  counts: new Map([["ack", 2], ["discover", 1]]),
  file: { path: "/x/01-leasehold.conf", lines: 1, wanted: 3, applied: 3, appliedAt: "12:00:00", error: undefined },
  systems: [{
    name: "nas",
    mac: "52:54:00:12:34:56",
    address: "10.0.0.7",
    reserved: "10.0.0.7",
    source: "auto",
    lastSeen: 97
  }],
  systemCount: 1,
  told: [{ time: "12:00:00", text: "discovered nas", tone: "good" }],
  hints: ["nats pub …"],
  now: 100,
  ...more
})

const lines = (one: Shown, columns = 120, rows = 30) => screen(one, { columns, rows, colour: false })

describe("screen", () => {
  it("shows the system, the file, the counts and what happened", () => {
    const text = lines(shown()).join("\n")
    for (
      const part of [
        "nas",
        "52:54:00:12:34:56",
        "10.0.0.7 (auto)",
        "3 s ago",
        "discover 1   ack 2",
        "1 reservation, generation 3 in use",
        "discovered nas",
        "up 1 min 5 s"
      ]
    ) {
      assert.include(text, part)
    }
  })

  it("fits any terminal, coloured or not", () => {
    const systems = Array.from(
      { length: 100 },
      (_, n) => ({
        name: `a-system-with-quite-a-long-name-${n}`,
        mac: "52:54:00:12:34:56",
        address: "10.0.0.7",
        reserved: undefined,
        source: undefined,
        lastSeen: 0
      })
    )
    const told = Array.from(
      { length: 100 },
      (_, n) => ({ time: "12:00:00", text: `event ${n} ${"x".repeat(200)}`, tone: "bad" as const })
    )
    for (const [columns, rows] of [[20, 5], [80, 24], [200, 60]] as const) {
      for (const colour of [true, false]) {
        const all = screen(shown({ systems, systemCount: 100, told }), { columns, rows, colour })
        assert.isBelow(all.length, rows)
        for (const line of all) assert.isAtMost(stripVTControlCharacters(line).length, columns)
      }
    }
  })

  it("lets nobody's text move the cursor", () => {
    const evil = "\u001b[2J\u001b]0;x\u0007\nnas"
    const text = lines(shown({
      systems: [{
        name: evil,
        mac: "52:54:00:12:34:56",
        address: undefined,
        reserved: undefined,
        source: undefined,
        lastSeen: 0
      }],
      file: { path: "/x", lines: 0, wanted: 2, applied: 1, appliedAt: undefined, error: evil }
    })).join("\n")
    assert.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/u)
  })

  it("says loudly that a file is not in use", () => {
    const file = { path: "/x", lines: 1, wanted: 2, applied: 1, appliedAt: undefined, error: "dnsmasq did not start" }
    assert.include(lines(shown({ file })).join("\n"), "NOT in use: dnsmasq did not start")
  })
})
