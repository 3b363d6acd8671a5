import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type ServedRegistry, serveRegistry } from "../api/ServedRegistry.ts"
import { eventually } from "../RunningRegistry.ts"

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry()
})
afterAll(() => served?.stop())

const macOf = (number: number) =>
  `00:16:3e:01:${[8, 0].map((shift) => (number >> shift & 255).toString(16).padStart(2, "0")).join(":")}`
const announce = (number: number, more: object = {}) =>
  served.bus.publish("dhcp.v1.event.lab.ack", {
    mac: macOf(number),
    ip: `10.0.0.${number}`,
    hostname: `host${number}`,
    ...more
  })
const macOfMessage = ({ system }: Readonly<Record<string, unknown>>) =>
  typeof system === "object" && system !== null && "mac" in system ? String(system.mac) : undefined
const isEnd = ({ change }: Readonly<Record<string, unknown>>) => change === "SYSTEM_CHANGE_SNAPSHOT_END"

describe("WatchSystems", () => {
  it("tells what is known, then what changes, in the order in which it happened", async () => {
    await Promise.all([1, 2, 3].map((number) => announce(number)))
    await served.bus.settled()
    await eventually(
      "all facts are announced",
      async () => (await served.database.query("SELECT FROM outbox")).length === 0 ? true : undefined
    )
    const watch = served.client.watch("WatcherService/WatchSystems")
    const snapshot = await watch.until(isEnd)
    assert.deepStrictEqual(snapshot.map(macOfMessage), [macOf(1), macOf(2), macOf(3), undefined])
    await announce(4)
    await served.client.call("WatcherService/UpdateSystem", { mac: macOf(1), name: "printer" })
    await served.client.call("WatcherService/UpdateSystem", { mac: macOf(1), state: "SYSTEM_STATE_BLOCKED" })
    const changes = await watch.until(({ change }) => change === "SYSTEM_CHANGE_STATE_CHANGED")
    watch.cancel()
    const mine = changes.filter((message) => macOfMessage(message) === macOf(1))
    assert.deepStrictEqual(
      mine.map(({ change, previous }) => [change, previous]),
      [["SYSTEM_CHANGE_RENAMED", "host1"], ["SYSTEM_CHANGE_STATE_CHANGED", "known"]]
    )
    await served.client.call("WatcherService/UpdateSystem", { mac: macOf(1), state: "SYSTEM_STATE_KNOWN" })
  })
})
