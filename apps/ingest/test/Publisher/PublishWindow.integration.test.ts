import {
  cloudEventHeaders,
  DHCP,
  type DhcpEvent,
  EventId,
  Ipv4,
  Mac,
  ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { assert, it, onTestFinished } from "vitest"
import { makePublishWindow } from "../../src/Publisher/PublishWindow.ts"
import { openSite } from "../harness/openSite.ts"

const common = { server: ServerId.make("lab"), at: timestampFromMillis(1) }
/** Larger than a window of 600 bytes takes, but for its essence, which is smaller than the gap in its place would be. */
const wordy: DhcpEvent = {
  ...common,
  kind: "ack",
  id: EventId.make("a"),
  mac: Mac.make("02:00:00:00:00:01"),
  ip: Ipv4.make("10.0.0.1"),
  vendorClass: "v".repeat(600)
}
const next: DhcpEvent = { ...common, kind: "gap", id: EventId.make("b"), reason: "r" }

it("leaves the next message alone when it gives up on one that not even a gap may replace", async () => {
  const { stream } = await openSite()
  await stream.manager.streams.add({ name: DHCP.name, subjects: [...DHCP.subjects], max_msg_size: 150 })
  const dropped: Array<string> = []
  const window = makePublishWindow(stream.connection, { messages: 4, bytes: 1_200, messageBytes: 600 }, {
    refused: () => undefined,
    shortened: () => undefined,
    dropped: (subject) => void dropped.push(subject),
    moved: () => undefined
  })
  onTestFinished(() => window.close())
  window.offer(wordy)
  window.pause()
  window.offer(next)
  await eventuallyHolds("the first is given up", () => window.acknowledged(), (count) => count === 1)
  const { config } = await stream.manager.streams.info(DHCP.name)
  await stream.manager.streams.update(DHCP.name, { ...config, max_msg_size: -1 })
  window.resume()
  await eventuallyHolds("the second is stored", () => window.acknowledged(), (count) => count === 2)
  assert.deepStrictEqual(await stream.events(), [next])
  const stored = await stream.manager.streams.getMessage(DHCP.name, { seq: 1 })
  assert.deepStrictEqual(
    stored?.header.keys().map((name) => [name, stored.header.get(name)]),
    cloudEventHeaders(next).map(([name, value]) => [name, value])
  )
  assert.deepStrictEqual(dropped, ["dhcp.v1.event.lab.ack"])
})
