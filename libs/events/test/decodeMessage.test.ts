import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import {
  bodies,
  decodeInjection,
  decodeMessage,
  type DhcpEvent,
  encodeBody,
  EventKind,
  ServerId
} from "../src/index.ts"

const time = 1_795_320_252_846_268
const message = (subject: string, body: unknown, more: object = {}) =>
  decodeMessage({ subject, data: typeof body === "string" ? body : JSON.stringify(body), sequence: 12, time, ...more })

const event = (subject: string, body: unknown, more: object = {}): DhcpEvent => {
  const decoded = message(subject, body, more)
  assert.isTrue(Result.isSuccess(decoded), Result.isFailure(decoded) ? decoded.failure.message : "")
  return Result.getOrThrow(decoded)
}

const rejection = (subject: string, body: unknown) => {
  const decoded = message(subject, body)
  if (Result.isSuccess(decoded)) return assert.fail(`accepted: ${JSON.stringify(decoded.success)}`)
  return decoded.failure
}

describe("decodeMessage", () => {
  it("takes what a person writes by hand, and fills in the rest from subject and stream", () => {
    assert.deepStrictEqual<unknown>(
      event("dhcp.v1.event.lab.ack", { mac: "52-54-00-12-34-5A", ip: "10.0.0.7", hostname: "nas" }),
      {
        server: "lab",
        kind: "ack",
        id: "seq-0000000000000012",
        at: "2026-11-22T04:04:12.846268Z",
        mac: "52:54:00:12:34:5a",
        ip: "10.0.0.7",
        hostname: "nas"
      }
    )
  })

  it("needs no more than a MAC for a discover and a reason for a gap", () => {
    assert.strictEqual(event("dhcp.v1.event.lab.discover", { mac: "52:54:00:12:34:56" }).mac, "52:54:00:12:34:56")
    assert.strictEqual(
      event("dhcp.v1.event.lab.gap", { reason: "rotated file vanished" }).reason,
      "rotated file vanished"
    )
  })

  it("prefers the body over CloudEvents headers, and those over the stream", () => {
    const header = (name: string) => ({ "ce-id": "from-header", "ce-time": "2026-01-01T00:00:00Z" })[name]
    const minimal = { mac: "52:54:00:12:34:56" }
    assert.strictEqual(event("dhcp.v1.event.lab.discover", minimal, { header }).id, "from-header")
    assert.strictEqual(event("dhcp.v1.event.lab.discover", minimal, { header }).at, "2026-01-01T00:00:00.000000Z")
    assert.strictEqual(event("dhcp.v1.event.lab.discover", { ...minimal, id: "mine" }, { header }).id, "mine")
  })

  it("ignores fields that a newer writer adds", () => {
    assert.notProperty(event("dhcp.v1.event.lab.discover", { mac: "52:54:00:12:34:56", shoeSize: 43 }), "shoeSize")
  })

  it("keeps clients of other hardware apart from systems known by a MAC", () => {
    const eui64 = event("dhcp.v1.event.lab.ack", { hardwareAddress: "02:00:00:00:00:aa:bb:cc", ip: "10.0.0.7" })
    assert.strictEqual(eui64.hardwareAddress, "02:00:00:00:00:aa:bb:cc")
    assert.notProperty(eui64, "mac")
  })

  const refused: ReadonlyArray<readonly [string, string, unknown, string, string]> = [
    ["a missing MAC", "lab.ack", { ip: "10.0.0.7" }, "mac", "missing"],
    ["five octets", "lab.ack", { mac: "52:54:00:12:34", ip: "10.0.0.7" }, "mac", "\"52:54:00:12:34\""],
    ["mixed separators", "lab.ack", { mac: "52:54-00:12:34:56", ip: "10.0.0.7" }, "mac", "\"52:54-00:12:34:56\""],
    ["an ack without address", "lab.ack", { mac: "52:54:00:12:34:56" }, "ip", "missing"],
    ["leading zeros", "lab.ack", { mac: "52:54:00:12:34:56", ip: "010.0.0.7" }, "ip", "\"010.0.0.7\""],
    ["an octet over 255", "lab.ack", { mac: "52:54:00:12:34:56", ip: "10.0.0.256" }, "ip", "\"10.0.0.256\""],
    [
      "a name with markup",
      "lab.ack",
      { mac: "52:54:00:12:34:56", ip: "10.0.0.7", hostname: "<img>" },
      "hostname",
      "\"<img>\""
    ],
    [
      "a vendor class that moves the cursor",
      "lab.discover",
      { mac: "52:54:00:12:34:56", vendorClass: "\u001b[2J" },
      "vendorClass",
      "\"\\u001b[2J\""
    ],
    [
      "a date that is none",
      "lab.discover",
      { mac: "52:54:00:12:34:56", at: "2026-02-30T00:00:00Z" },
      "at",
      "\"2026-02-30T00:00:00Z\""
    ],
    [
      "a time far ahead",
      "lab.discover",
      { mac: "52:54:00:12:34:56", at: "2027-02-01T00:00:00Z" },
      "at",
      "\"2027-02-01T00:00:00.000000Z\""
    ],
    [
      "another server than the subject's",
      "lab.discover",
      { mac: "52:54:00:12:34:56", server: "shop" },
      "server",
      "\"shop\""
    ],
    ["another kind than the subject's", "lab.discover", { mac: "52:54:00:12:34:56", kind: "ack" }, "kind", "\"ack\""],
    ["a position that is no number", "lab.discover", { mac: "52:54:00:12:34:56", xid: -1 }, "xid", "-1"],
    ["an unknown kind", "lab.acks", { mac: "52:54:00:12:34:56" }, "subject", "\"dhcp.v1.event.lab.acks\""],
    ["a server with a capital", "Lab.ack", { mac: "52:54:00:12:34:56" }, "subject", "\"dhcp.v1.event.Lab.ack\""],
    ["an array", "lab.ack", [], "body", "\"[]\""],
    ["what is no JSON", "lab.ack", "{mac:1}", "body", "\"{mac:1}\""]
  ]
  for (const [what, tokens, body, field, actual] of refused) {
    it(`rejects ${what}, naming ${field}`, () => {
      const { actual: found, expected, field: at } = rejection(`dhcp.v1.event.${tokens}`, body)
      assert.deepStrictEqual([at, found], [field, actual])
      assert.match(expected, /\w+ \w+/)
    })
  }

  it("shows no more than a line of a huge value", () => {
    const { actual } = rejection("dhcp.v1.event.lab.ack", { mac: "x\n".repeat(30_000), ip: "10.0.0.7" })
    assert.isAtMost(actual.length, 200)
    assert.notInclude(actual, "\n")
  })

  // Where a pattern cannot say which texts are times or addresses, and what must be as the subject says.
  const sample: Readonly<Record<string, unknown>> = {
    at: "2026-11-22T03:50:23Z",
    from: "2026-11-22T03:50:23+01:00",
    expiresAt: "2026-11-22T04:50:23.5Z",
    ip: "10.0.0.7",
    server: "lab",
    kind: undefined
  }
  for (const [kind, schema] of Object.entries(bodies)) {
    it.effect.prop(`reads back every ${kind} that can be written`, [schema], ([body]) =>
      Effect.sync(() => {
        const sent = Object.fromEntries(
          Object.entries(body).map(([field, value]) => [field, field in sample ? sample[field] : value])
        )
        const ip = "ip" in body && kind.startsWith("v6") ? { ip: "fd00::7" } : {}
        const written = event(`dhcp.v1.event.lab.${kind}`, { ...sent, ...ip })
        assert.deepStrictEqual(event(`dhcp.v1.event.lab.${kind}`, encodeBody(written)), written)
      }), { arbitrary: { runs: 50 } })
  }
})

describe("decodeInjection", () => {
  const lab = ServerId.make("lab")

  it("takes the kind from the body", () => {
    const decoded = Result.getOrThrow(decodeInjection(lab, "{\"kind\":\"discover\",\"mac\":\"52:54:00:12:34:56\"}"))
    assert.strictEqual(decoded.kind, "discover")
  })

  it("names the kinds there are when it is missing", () => {
    const decoded = decodeInjection(lab, "{\"mac\":\"52:54:00:12:34:56\"}")
    assert.isTrue(
      Result.isFailure(decoded) && decoded.failure.field === "kind" && decoded.failure.expected.includes("v6-reply")
    )
  })
})

describe("EventKind", () => {
  it("has a body for each kind", () => {
    for (const kind of EventKind.literals) assert.isTrue(Schema.isSchema(bodies[kind]), kind)
  })
})
