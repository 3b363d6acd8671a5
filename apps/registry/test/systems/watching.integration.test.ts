import { eventually } from "@leasehold/devstack/test"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { grpcClient, type Message } from "../api/grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "../api/ServedRegistry.ts"

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry()
})
afterAll(() => served?.stop())

const hex = (number: number) => number.toString(16).padStart(2, "0")
const macOf = (number: number) => `00:16:3e:01:${hex(number >> 8)}:${hex(number & 255)}`
const announce = (number: number, ip = `10.0.0.${number}`) =>
  served.bus.publish("dhcp.v1.event.lab.ack", { mac: macOf(number), ip, hostname: `host${number}` })
const told = async () => {
  await served.bus.settled()
  await eventually(
    "all facts are announced",
    async () => (await served.database.query("SELECT FROM outbox")).length === 0 ? true : undefined
  )
}
const watch = (request: object = {}) => served.client.watch("WatcherService/WatchSystems", request)
const update = (request: object) => served.client.call("WatcherService/UpdateSystem", request)
const macOfMessage = ({ system }: Message) =>
  typeof system === "object" && system !== null && "mac" in system ? String(system.mac) : undefined
const isEnd = ({ change }: Message) => change === "SYSTEM_CHANGE_SNAPSHOT_END"
const shown = ({ change, previous, system }: Message) => {
  const { address, name, state }: Message = Object(system)
  // What a fact does not tell is told as it is by now: only a change of the state says which it was.
  const said = change === "SYSTEM_CHANGE_STATE_CHANGED" ? [state] : []
  return [String(change).slice("SYSTEM_CHANGE_".length), previous, name, address, ...said]
}

describe("WatchSystems", () => {
  it("tells what is known, then what changes, in the order in which it happened", async () => {
    await Promise.all([1, 2, 3].map((number) => announce(number)))
    await told()
    const watching = watch()
    const snapshot = await watching.until(isEnd)
    assert.deepStrictEqual(snapshot.map(macOfMessage), [macOf(1), macOf(2), macOf(3), undefined])
    await announce(1, "10.0.0.101")
    await served.bus.settled()
    await update({ mac: macOf(1), name: "printer" })
    await update({ mac: macOf(1), state: "SYSTEM_STATE_BLOCKED" })
    await update({ mac: macOf(1), state: "SYSTEM_STATE_KNOWN" })
    await announce(4)
    const changes = await watching.until((message) => macOfMessage(message) === macOf(4))
    watching.cancel()
    assert.deepStrictEqual(changes.map(shown), [
      ["ADDRESS_CHANGED", "10.0.0.1", "host1", "10.0.0.101"],
      ["RENAMED", "host1", "printer", "10.0.0.101"],
      ["STATE_CHANGED", "known", "printer", "10.0.0.101", "SYSTEM_STATE_BLOCKED"],
      ["STATE_CHANGED", "blocked", "printer", "10.0.0.101", "SYSTEM_STATE_KNOWN"],
      ["DISCOVERED", "", "host4", "10.0.0.4"]
    ])
  })

  it("goes on from a token where it was left, within the snapshot and after it, at another replica too", async () => {
    const before = watch()
    const [first] = await before.until(() => true)
    before.cancel()
    await announce(5)
    await told()
    const another = grpcClient((await served.another()).api)
    const rest = another.watch("WatcherService/WatchSystems", { resumeToken: first?.["resumeToken"] })
    const snapshot = await rest.until(isEnd)
    assert.notInclude(snapshot.map(macOfMessage), macOfMessage(first ?? {}))
    assert.isTrue(snapshot.length >= 4)
    rest.cancel()
    another.close()

    const end = snapshot.at(-1)?.["resumeToken"]
    await update({ mac: macOf(5), name: "fifth" })
    await update({ mac: macOf(5), name: "sixth" })
    const after = watch({ resumeToken: end })
    const changes = await after.until(({ previous }) => previous === "fifth")
    after.cancel()
    assert.isFalse(changes.some(({ change }) => change === "SYSTEM_CHANGE_SNAPSHOT"))
    const one = changes.find(({ previous }) => previous === "host5")
    const last = watch({ resumeToken: one?.["resumeToken"] })
    const [next] = await last.until(() => true)
    last.cancel()
    assert.strictEqual(next?.["previous"], "fifth")
  })

  it("tells only of what matches, and of what leaves what matches", async () => {
    const inSubnet = watch({ filter: { subnet: "10.1.0.0/24" } })
    const named = watch({ filter: { name: "moving" } })
    await Promise.all([inSubnet, named].map((one) => one.until(isEnd)))
    await announce(20, "10.0.0.20")
    await announce(21, "10.1.0.21")
    await served.bus.settled()
    await announce(21, "10.0.0.21")
    await served.bus.settled()
    await update({ mac: macOf(20), name: "moving" })
    await update({ mac: macOf(20), name: "moved" })
    await announce(22, "10.1.0.22")
    const changes = await inSubnet.until((message) => macOfMessage(message) === macOf(22))
    assert.deepStrictEqual(changes.map((message) => [macOfMessage(message), ...shown(message).slice(0, 2)]), [
      [macOf(21), "DISCOVERED", ""],
      [macOf(21), "ADDRESS_CHANGED", "10.1.0.21"],
      [macOf(22), "DISCOVERED", ""]
    ])
    const renamed = await named.until(({ previous }) => previous === "moving")
    assert.deepStrictEqual(renamed.map((message) => shown(message).slice(0, 3)), [
      ["RENAMED", "host20", "moving"],
      ["RENAMED", "moving", "moved"]
    ])
    inSubnet.cancel()
    named.cancel()
  })

  it("refuses tokens that are none, of another question, and of what is not kept any more", async () => {
    const token = async (request: object = {}) => {
      const watching = watch(request)
      const end = (await watching.until(isEnd)).at(-1)
      watching.cancel()
      return String(end?.["resumeToken"])
    }
    const codeOf = async (request: object) => {
      const error: unknown = await watch(request).until(() => true).catch((error: unknown) => error)
      return Reflect.get(Object(error), "code")
    }
    const forged = Buffer.from(JSON.stringify({ of: "x", position: { stream: "y", sequence: -1 } })).toString(
      "base64url"
    )
    for (const resumeToken of ["nonsense", "%00", "A".repeat(5_000), forged, await token({ filter: { name: "x" } })]) {
      assert.strictEqual(await codeOf({ resumeToken }), "INVALID_ARGUMENT", resumeToken.slice(0, 30))
    }
    const old = await token()
    await update({ mac: macOf(5), name: "seventh" })
    await told()
    const stream = await served.bus.client.streams.get("DISCOVERY")
    const { state } = await stream.info()
    assert.isAbove(state.messages, 0)
    const manager = await served.bus.client.jetstreamManager()
    await manager.streams.purge("DISCOVERY")
    assert.strictEqual(await codeOf({ resumeToken: old }), "OUT_OF_RANGE")
    // What is told from now on can be gone on with.
    const fresh = await token()
    await update({ mac: macOf(5), name: "eighth" })
    const watching = watch({ resumeToken: fresh })
    assert.strictEqual((await watching.until(() => true))[0]?.["previous"], "seventh")
    watching.cancel()
  })

  it("lets a reader that does not read hold up nobody, and keeps little for it", async () => {
    const slow = watch()
    const slowEnd = slow.until(isEnd)
    const quick = watch()
    await Promise.all([slowEnd, quick.until(isEnd)])
    const count = 3_000
    const before = process.memoryUsage()
    // Facts as the registry relays them, a thousand bytes each.
    const fact = (number: number) =>
      JSON.stringify({
        type: "system.renamed",
        mac: macOf(1),
        name: `n${number}`,
        nameSource: "client",
        address: null,
        server: "lab",
        at: "2026-11-22T03:50:23.055763Z",
        previous: `n${number - 1}`,
        padding: "p".repeat(800)
      })
    for (let number = 1; number <= count; number += 500) {
      await Promise.all(
        Array.from(
          { length: 500 },
          (_, index) => served.bus.publish(`discovery.v1.system.renamed.${macOf(1)}`, fact(number + index))
        )
      )
    }
    const changes = await quick.until(({ previous }) => previous === `n${count - 1}`)
    quick.cancel()
    assert.lengthOf(changes, count)
    assert.isBelow(process.memoryUsage().heapUsed - before.heapUsed, 80 * 1024 * 1024)
    const late = await slow.until(({ previous }) => previous === `n${count - 1}`)
    slow.cancel()
    assert.deepStrictEqual(late.map(({ previous }) => previous), changes.map(({ previous }) => previous))
  })
})
