/** Policies, servers, tokens, health and reflection. */
import { assert, describe, it } from "vitest"
import { at, call, first } from "./Story.ts"

export const othersStory = () => {
  describe("PolicyService", () => {
    it("sets, shows, tries and takes back naming policies", async () => {
      const mask = { updateMask: { paths: ["pattern"] } }
      const policy = { subnet: "10.1.0.0/24", pattern: "dev-{mac:6}" }
      const tested = await call("PolicyService/TestPolicy", { policy, ...mask })
      assert.isDefined(tested["systems"])
      const updated = await call("PolicyService/UpdatePolicy", { policy, ...mask })
      assert.strictEqual(at(updated, "policy", "pattern"), "dev-{mac:6}")
      assert.lengthOf(Object(await call("PolicyService/ListPolicies")).policies, 2)
      assert.deepInclude((await call("PolicyService/GetPolicy", { subnet: "10.1.0.0/24" }))["policy"], policy)
      await call("PolicyService/DeletePolicy", { subnet: "10.1.0.0/24" })
    })
  })

  describe("the other services", () => {
    it("show the servers", async () => {
      assert.deepInclude(at(await call("ServerService/ListServers"), "servers", 0), { server: "lab" })
    })

    it("make, list and revoke tokens, and say who calls", async () => {
      await call("AccessService/CreateToken", { name: "script", scope: "SCOPE_READ" })
      assert.lengthOf(Object(await call("AccessService/ListTokens")).tokens, 1)
      await call("AccessService/RevokeToken", { key: "script" })
      assert.deepStrictEqual(await call("AccessService/WhoAmI"), { actor: "local:alice", scope: "SCOPE_ADMINISTER" })
      const { changes } = await call("IpamService/ListChanges", { actor: "local:alice", pageSize: 2 })
      assert.deepStrictEqual(Object(changes).map((change: object) => at(change, "action")), [
        "token revoke",
        "token create"
      ])
    })

    it("tell health and what is served", async () => {
      await call("grpc.health.v1.Health/Check")
      await first("grpc.health.v1.Health/Watch")
      await first("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", { listServices: "" })
    })
  })
}
