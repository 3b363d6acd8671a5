import { afterAll, assert, beforeAll, it } from "vitest"
import type { Scope } from "../../src/api/Caller.ts"
import { type CallOptions, type Message } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

let served: ServedRegistry
const callers = new Map<Scope, CallOptions>()
beforeAll(async () => {
  served = await serveRegistry()
  for (const scope of ["read", "operate", "administer"] as const) {
    const request = { name: `the-${scope}-token`, scope: `SCOPE_${scope.toUpperCase()}` }
    const { secret } = await served.client.call("AccessService/CreateToken", request)
    callers.set(scope, { metadata: { authorization: `Bearer ${String(secret)}` } })
  }
})
afterAll(() => served?.stop())

const list = async (scope: Scope, request: object = {}): Promise<ReadonlyArray<Message>> => {
  const { changes } = await served.client.call("IpamService/ListChanges", request, callers.get(scope))
  return Array.isArray(changes) ? changes : []
}

it("who may not ask about tokens is not told of their changes, however it asks", async () => {
  const subnet = { cidr: "10.7.0.0/24", name: "attic" }
  await served.client.call("IpamService/CreateSubnet", { subnet })
  await served.client.call("AccessService/CreateToken", { name: "leaver", scope: "SCOPE_ADMINISTER" })
  await served.client.call("AccessService/RevokeToken", { key: "leaver" })
  const all = await list("administer")
  const made = all.find((change) => JSON.stringify(change).includes("leaver"))
  assert.isOk(made)
  const questions = [{}, { key: "leaver" }, { key: "the-read-token" }, { id: made?.["id"] }, { actor: "local" }]
  for (const scope of ["read", "operate"] as const) {
    for (const question of questions) {
      const told = await list(scope, question)
      assert.notMatch(JSON.stringify(told), /leaver|-token|"token/u, `${scope} ${JSON.stringify(question)}`)
    }
    assert.isTrue((await list(scope)).some((change) => JSON.stringify(change).includes("10.7.0.0/24")))
  }
  assert.isNotEmpty(await list("administer", { key: "leaver" }))
})

it("pages of changes are whole, though changes of tokens lie between", async () => {
  for (let n = 0; n < 4; n++) {
    const reservation = { macs: [`00:16:3e:00:01:0${n}`], address: `10.0.0.2${n}`, name: `box-${n}` }
    await served.client.call("IpamService/CreateReservation", { reservation })
    await served.client.call("AccessService/CreateToken", { name: `between-${n}`, scope: "SCOPE_READ" })
  }
  const labels: Array<string> = []
  for (let pageToken = "", more = true; more;) {
    const request = { pageSize: 2, pageToken, actor: "local" }
    const { changes, nextPageToken } = await served.client.call("IpamService/ListChanges", request, callers.get("read"))
    const found = JSON.stringify(changes).match(/box-\d/gu) ?? []
    labels.push(...new Set(found))
    pageToken = String(nextPageToken)
    more = pageToken !== ""
  }
  assert.deepStrictEqual(labels, ["box-3", "box-2", "box-1", "box-0"])
})
