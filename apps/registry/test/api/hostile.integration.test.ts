/** Text and numbers that nobody means well with, in every field of every request. */
import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson
} from "@bufbuild/protobuf"
import { Code, ConnectError, createClient } from "@connectrpc/connect"
import { createConnectTransport } from "@connectrpc/connect-node"
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

const services = [WatcherService, IpamService, PolicyService, ServerService, AccessService]
const mac = "00:16:3e:00:00:07"

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry()
  await served.client.call("WatcherService/RegisterSystem", {
    mac,
    server: "lab",
    address: "10.1.0.7",
    clientName: "nas"
  })
  await served.client.call("IpamService/UpdateSubnet", {
    key: "10.0.0.0/24",
    subnet: { gateway: "10.0.0.254" },
    updateMask: { paths: ["gateway"] }
  })
})
afterAll(() => served?.stop())

/** Requests that pass, so that the field that is hostile is the only one that is wrong. */
const samples: Readonly<Record<string, JsonObject>> = {
  RegisterSystem: { mac, server: "lab", address: "10.1.0.7", clientName: "nas" },
  UpdateSystem: { mac, name: "nas" },
  ApproveSystem: { mac, address: "10.1.0.7", name: "nas", dryRun: true },
  ExplainSystem: { mac },
  ListAddressHistory: { key: mac },
  ConfigureWatcher: { configuration: { server: "lab", logFiles: ["/var/log/dnsmasq.log"], zone: "UTC" }, dryRun: true },
  CreateSubnet: {
    subnet: {
      cidr: "10.9.0.0/24",
      name: "attic",
      range: { first: "10.9.0.9", last: "10.9.0.20" },
      excluded: [{ first: "10.9.0.3", last: "10.9.0.4" }]
    },
    dryRun: true
  },
  UpdateSubnet: { key: "10.0.0.0/24", subnet: { comment: "x" }, updateMask: "comment", dryRun: true },
  DeleteSubnet: { key: "10.0.0.0/24", dryRun: true },
  GetSubnet: { key: "10.0.0.0/24" },
  CreateReservation: {
    reservation: { macs: [mac], address: "10.1.0.7", name: "nas", leaseTime: "3600s" },
    dryRun: true
  },
  UpdateReservation: { key: "nas", reservation: { comment: "x" }, updateMask: "comment", dryRun: true },
  ImportReservations: { reservations: [{ macs: [mac], address: "10.1.0.7", name: "nas" }], dryRun: true },
  NextFreeAddress: { subnet: "10.0.0.0/24" },
  UpdatePolicy: { policy: { pattern: "dev-{mac:6}" }, updateMask: "pattern", dryRun: true },
  TestPolicy: { policy: { pattern: "dev-{mac:6}" }, updateMask: "pattern" },
  DeletePolicy: { subnet: "10.0.0.0/24", dryRun: true },
  ExportHosts: { server: "lab" },
  GetServer: { server: "lab" },
  CreateToken: { name: "script", scope: "SCOPE_READ" },
  RevokeToken: { key: "nothing" }
}

const texts = [
  "\u0000",
  "a\u0000b",
  "\u001b[2J\u001b]0;owned\u0007",
  "two\nlines\r\n",
  "=HYPERLINK(\"http://evil\")",
  "<img src=x onerror=alert(1)>",
  "'; DROP TABLE systems; --",
  "$1 %s {mac} ${HOME} `id`",
  "infinite",
  "../../../../etc/shadow",
  "\u202egnp.exe",
  "a\u200bb",
  "e\u0301\u{1f4a9}\ufffd",
  "x".repeat(300),
  "x".repeat(70_000),
  "-1",
  "255.255.255.255",
  "0.0.0.0/0",
  "::ffff:10.0.0.7"
]
const numbers = ["-1", "9223372036854775807", "-9223372036854775808"]

let turn = 0
/** A few of the texts, so that each field gets some and each text many fields: all of them everywhere would take minutes. */
const some = () => Array.from({ length: 5 }, () => texts[turn++ % texts.length] ?? "")

/** Wrong values for a field, as JSON. */
const hostile = (field: DescField, depth: number): ReadonlyArray<JsonValue> => {
  if (field.fieldKind === "list") {
    const { listKind } = field
    if (listKind === "message") return variants(field.message, {}, depth + 1).map((one) => [one])
    if (listKind === "enum") return [[99], Array.from({ length: 50 }, () => 0)]
    return [...some().map((text) => [text]), Array.from({ length: 5_000 }, () => "x")]
  }
  if (field.fieldKind === "message") {
    switch (field.message.typeName) {
      case "google.protobuf.Timestamp":
        return ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]
      case "google.protobuf.Duration":
        return ["-1s", "0.000000001s", "315576000000s"]
      case "google.protobuf.FieldMask":
        return ["", "nonsense", "id,macs,address", "a.b.c", "constructor,toString"]
      default:
        return depth > 2 ? [{}] : variants(field.message, {}, depth + 1)
    }
  }
  if (field.fieldKind === "enum") return [0, 99, -1]
  if (field.fieldKind !== "scalar") return []
  const kind = typeof create(field.parent)
  assert.strictEqual(kind, "object")
  const zero: unknown = Reflect.get(create(field.parent), field.localName)
  if (typeof zero === "string" || zero === undefined) return field.scalar === 9 ? some() : [true, false]
  if (typeof zero === "bigint") return numbers
  if (typeof zero === "number")
    return field.scalar === 1
      ? ["NaN", "Infinity", -1, 1e300]
      : [-1, 2_147_483_647, -2_147_483_648]
  return []
}

/** The sample with one field made hostile at a time. */
const variants = (message: DescMessage, sample: JsonObject, depth = 0): ReadonlyArray<JsonObject> =>
  message.fields.flatMap((field): ReadonlyArray<JsonObject> => {
    const inner = sample[field.jsonName]
    if (field.fieldKind === "message" && typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      return variants(field.message, inner, depth + 1).map((value) => ({ ...sample, [field.jsonName]: value }))
    }
    return hostile(field, depth).map((value) => ({ ...sample, [field.jsonName]: value }))
  })

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === "unary"
const isStreaming = (method: DescMethod): method is DescMethodStreaming => method.methodKind !== "unary"

const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/u

it("is refused or made harmless in every field: no call fails inside, and no answer moves a terminal", async () => {
  const transport = createConnectTransport({ baseUrl: served.registry.api, httpVersion: "2", useBinaryFormat: true })
  const wrong: Array<string> = []
  let calls = 0
  const judge = (method: DescMethod, request: JsonObject, text: string, code?: Code) => {
    const about = `${method.name} ${JSON.stringify(request).slice(0, 200)}: ${code === undefined ? "" : Code[code]} ${
      text.slice(0, 200)
    }`
    if (code === Code.Internal || code === Code.Unknown || code === Code.DeadlineExceeded) wrong.push(about)
    if (control.test(text)) wrong.push(`control characters: ${JSON.stringify(about)}`)
    if (code !== undefined && text.length > 1_100) wrong.push(`long: ${about}`)
  }
  const attempt = async (method: DescMethod, request: JsonObject) => {
    calls++
    try {
      const message = fromJson(method.input, request)
      if (isUnary(method)) {
        const answer = await transport.unary(method, undefined, 20_000, undefined, message)
        judge(
          method,
          request,
          JSON.stringify(Object.values(toJson(method.output, answer.message) ?? {})).replaceAll(/\\n|\\u0000/gu, "\n")
        )
        return
      }
      if (!isStreaming(method)) return
      const stream = await transport.stream(
        method,
        AbortSignal.timeout(5_000),
        undefined,
        undefined,
        (async function*() {
          yield message
        })()
      )
      for await (const _ of stream.message) break
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error)
      judge(method, request, rawMessage, code)
    }
  }
  for (const service of services) {
    for (const method of service.methods) {
      const requests = [{}, ...variants(method.input, samples[method.name] ?? {})]
      for (let index = 0; index < requests.length; index += 8) {
        await Promise.all(requests.slice(index, index + 8).map((request) => attempt(method, request)))
      }
    }
  }
  assert.isAbove(calls, 500)
  assert.deepStrictEqual(wrong, [])
  // Nothing of it stopped the registry, and nobody dropped a table.
  const { system } = await createClient(WatcherService, transport).getSystem({ key: mac })
  assert.strictEqual(system?.address, "10.1.0.7")
}, 120_000)

it("is refused in page tokens that somebody wrote, of every list", async () => {
  const { client } = served
  await client.call("WatcherService/RegisterSystem", { mac: "00:16:3e:00:00:08", server: "lab", address: "10.1.0.7" })
  await client.call("WatcherService/RegisterSystem", { mac: "00:16:3e:00:00:08", server: "lab", address: "10.1.0.8" })
  for (const last of [7, 8]) {
    await client.call("IpamService/CreateReservation", {
      reservation: { macs: [`00:16:3e:00:00:0${last}`], address: `10.1.0.${last}` }
    })
  }
  const after: ReadonlyArray<ReadonlyArray<string>> = [
    [],
    [""],
    ["x"],
    ["'; x"],
    ["\u0000"],
    ["9".repeat(30)],
    ["999.999.999.999/24"],
    ["10.0.0.1", "x"],
    ["2026-01-01T00:00:00.000000Z", "lab", "x"],
    ["x", "lab", "10.1.0.7"],
    [mac, mac, mac, mac]
  ]
  const lists: ReadonlyArray<readonly [method: string, request: object]> = [
    ["WatcherService/ListSystems", {}],
    ["WatcherService/ListAddressHistory", { key: "00:16:3e:00:00:08" }],
    ["IpamService/ListSubnets", {}],
    ["IpamService/ListReservations", {}],
    ["IpamService/ListChanges", {}]
  ]
  for (const [method, request] of lists) {
    const { nextPageToken } = await client.call(method, { ...request, pageSize: 1 })
    const own: unknown = JSON.parse(Buffer.from(String(nextPageToken), "base64url").toString())
    for (const forged of after) {
      const pageToken = Buffer.from(JSON.stringify({ ...Object(own), after: forged })).toString("base64url")
      const { code, details } = await client.fail(method, { ...request, pageToken })
      assert.strictEqual(`${code} ${details.split(":", 1)[0]}`, "INVALID_ARGUMENT page_token", `${method} ${forged}`)
    }
    await client.call(method, { ...request, pageToken: nextPageToken })
  }
})
