import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { DiscoveryFact, discoverySubject, jsonSchemas, streams } from "../src/index.ts"

const directory = new URL("../schemas/", import.meta.url)

describe("jsonSchemas", () => {
  it("are the files in schemas/, and those are all", () => {
    const schemas = jsonSchemas()
    assert.deepStrictEqual(readdirSync(directory).sort(), Object.keys(schemas).map((name) => `${name}.json`).sort())
    for (const [name, schema] of Object.entries(schemas)) {
      assert.deepStrictEqual(
        JSON.parse(readFileSync(new URL(`${name}.json`, directory), "utf8")),
        JSON.parse(JSON.stringify(schema)),
        name
      )
    }
  })

  it("say what every field is", () => {
    for (const [name, schema] of Object.entries(jsonSchemas())) {
      assert.match(JSON.stringify(schema), /"description"/, name)
    }
  })
})

describe("discovery facts", () => {
  const renamed = Schema.decodeSync(DiscoveryFact)({
    type: "system.renamed",
    mac: "52:54:00:12:34:56",
    name: "nas",
    nameSource: "client",
    address: "10.0.0.7",
    server: "lab",
    at: "2026-11-22T03:50:23Z",
    previous: "host-123456"
  })

  it("have a subject that the DISCOVERY stream takes", () => {
    assert.strictEqual(discoverySubject(renamed), "discovery.v1.system.renamed.52:54:00:12:34:56")
    assert.deepStrictEqual(streams.map((stream) => stream.name), ["DHCP", "REJECTED", "DISCOVERY"])
  })
})
