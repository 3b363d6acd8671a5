/** What the stream `DHCP` of a server holds, and a log whose every line can be told in it. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { decodeMessage, DHCP, type DhcpEvent } from "@leasehold/events"
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Result } from "effect"
import { assert } from "vitest"

export class EventStream {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection
    this.manager = manager
  }

  static async connect(url: string): Promise<EventStream> {
    const connection = await connect({
      servers: url,
      user: "all",
      pass: "all",
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50
    })
    return new EventStream(connection, await jetstreamManager(connection, { timeout: 500 }))
  }

  /** How many messages it holds; none while there is no server or no stream. */
  async count(): Promise<number> {
    const info = await this.manager.streams.info(DHCP.name).catch(() => undefined)
    return info?.state.messages ?? 0
  }

  /** Waits until it holds that many. */
  async reaches(count: number): Promise<void> {
    await eventuallyHolds(`the stream holds ${count} messages`, () => this.count(), (held) => held >= count, 75_000)
  }

  /** All events, in the order of the stream; fails when one does not decode. */
  async events(): Promise<ReadonlyArray<DhcpEvent>> {
    const events: Array<DhcpEvent> = []
    const total = await this.count()
    if (total === 0) return events
    const consumer = await jetstream(this.connection).consumers.get(DHCP.name)
    const messages = await consumer.consume()
    for await (const message of messages) {
      const decoded = decodeMessage({
        subject: message.subject,
        data: message.string(),
        sequence: message.seq,
        time: Date.parse(message.time.toISOString()) * 1000
      })
      events.push(Result.getOrThrow(decoded))
      if (message.info.pending === 0) break
    }
    await messages.close()
    return events
  }

  /** The raw lines of all events but gaps, in the order of the stream. */
  async lines(): Promise<ReadonlyArray<string>> {
    return (await this.events()).filter(({ kind }) => kind !== "gap").map(({ provenance }) => provenance?.line ?? "")
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}

/** Fails with the first difference only: the lists are long. */
export const assertSameLines = (actual: ReadonlyArray<string>, expected: ReadonlyArray<string>): void => {
  const index = expected.findIndex((line, index) => actual[index] !== line)
  const first = index === -1 ? expected.length : index
  const present = new Set(actual)
  const missing = expected.filter((line) => !present.has(line)).length
  assert.deepStrictEqual(
    { lines: actual.length, missing, first, from: actual.slice(first, first + 3) },
    { lines: expected.length, missing: 0, first: expected.length, from: [] },
    `expected ${expected.slice(first, first + 3).join(" / ")}`
  )
}

/** Lines of dnsmasq, each different, a few every second. */
export class LineSource {
  private next = 0
  readonly lines: Array<string> = []

  take(count: number): string {
    const taken: Array<string> = []
    for (let left = count; left > 0; left--) {
      const n = this.next++
      const second = Math.floor(n / 40)
      const clock = [second / 3600, (second / 60) % 60, second % 60].map((part) =>
        String(Math.floor(part)).padStart(2, "0")
      )
      const octets = [n >> 16, n >> 8, n].map((part) => part & 255)
      const mac = octets.map((octet) => octet.toString(16).padStart(2, "0")).join(":")
      taken.push(
        `Nov 20 ${clock.join(":")} dnsmasq-dhcp[12]: DHCPACK(br0) 10.${octets.join(".")} 02:00:00:${mac} c${n}`
      )
    }
    this.lines.push(...taken)
    return `${taken.join("\n")}\n`
  }
}
