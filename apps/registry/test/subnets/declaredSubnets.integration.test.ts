import { Postgres } from "@leasehold/runtime"
import { Cause, ConfigProvider, Effect, Exit, Layer, Logger } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { declaredSubnetsLayer } from "../../src/subnets/declaredSubnets.ts"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
})
afterAll(() => database?.close())

const declare = (text: string) =>
  Effect.runPromiseExit(Effect.scoped(Layer.build(declaredSubnetsLayer.pipe(
    Layer.provide(Postgres.layer("registry")),
    Layer.provide(Logger.layer([])),
    Layer.provide(
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: database.url, REGISTRY_SUBNETS: text } }))
    )
  ))))
const problem = async (text: string) => {
  const exit = await declare(text)
  return Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "none"
}
const subnets = () =>
  database.query(
    "SELECT cidr::text, policy, reserve_randomised AS randomised, array_agg(server ORDER BY server) AS servers FROM subnets JOIN subnet_servers ON id = subnet_id GROUP BY 1, 2, 3 ORDER BY 1"
  )

describe("declared subnets", () => {
  it("are made once, and nothing that is there is changed", async () => {
    const text = "10.0.0.0/24=lab:auto, 10.1.0.0/24=lab:manual,10.2.0.0/24=lab:auto+randomised,10.0.0.0/24=annex:auto"
    assert.strictEqual(await problem(text), "none")
    const made = [
      { cidr: "10.0.0.0/24", policy: "auto", randomised: false, servers: ["annex", "lab"] },
      { cidr: "10.1.0.0/24", policy: "manual", randomised: false, servers: ["lab"] },
      { cidr: "10.2.0.0/24", policy: "auto", randomised: true, servers: ["lab"] }
    ]
    assert.deepStrictEqual(await subnets(), made)
    await database.query("UPDATE subnets SET policy = 'manual', name = 'office' WHERE cidr = '10.0.0.0/24'")
    assert.strictEqual(await problem(`${text},10.3.0.0/24=lab:manual`), "none")
    assert.deepStrictEqual(await database.query("SELECT policy, name FROM subnets WHERE cidr = '10.0.0.0/24'"), [
      { policy: "manual", name: "office" }
    ])
    assert.lengthOf(await subnets(), 4)
    assert.strictEqual(await problem(""), "none")
    assert.lengthOf(await subnets(), 4)
  })

  it("have the domain of the default naming policy", async () => {
    await database.query("UPDATE naming_policies SET domain = 'lan.example.org'")
    assert.strictEqual(await problem("10.4.0.0/24=lab:manual"), "none")
    assert.deepStrictEqual(await database.query("SELECT domain FROM subnets WHERE cidr = '10.4.0.0/24'"), [
      { domain: "lan.example.org" }
    ])
    assert.deepStrictEqual(await database.query("SELECT DISTINCT domain FROM subnets WHERE cidr <> '10.4.0.0/24'"), [
      { domain: "" }
    ])
  })

  for (
    const [text, reason] of [
      ["10.9.0.0/24", /expected <network>=<server>:auto\|auto\+randomised\|manual, got "10\.9\.0\.0\/24"/u],
      ["10.9.0.0/24=LAB:auto", /got "10\.9\.0\.0\/24=LAB:auto"/u],
      ["10.9.0.0/24=lab:sometimes", /got "10\.9\.0\.0\/24=lab:sometimes"/u],
      ["10.9.0.5/24=lab:auto", /10\.9\.0\.5\/24/u],
      ["0.0.0.0/0=lab:auto", /expected a network of addresses that hosts can have, .*got "0\.0\.0\.0\/0"/u],
      ["10.0.0.0/16=lab:auto", /subnets_overlap_excl/u]
    ] as const
  ) {
    it(`that are wrong end the start with the reason: ${text}`, async () => {
      assert.match(await problem(text), reason)
    })
  }
})
