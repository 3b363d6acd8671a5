/** What a busy network says: clients that are known renew or come back, new ones come in full exchanges. */
import { DHCP, eventSubject, ServerId, timestampFromMicros } from "@leasehold/events"
import { jetstream, type JetStreamManager } from "@nats-io/jetstream"
import { nanos, type NatsConnection } from "@nats-io/transport-node"
import { createHash } from "node:crypto"

export interface Message {
  readonly subject: string
  readonly body: string
  readonly kind: "discover" | "offer" | "request" | "ack"
  readonly client: number
  readonly isNew: boolean
  readonly id: string
  readonly at: string
}

const server = ServerId.make("bench")
const hex = (value: number) => (value & 255).toString(16).padStart(2, "0")
export const macOf = (n: number) => `00:16:3e:${hex(n >> 16)}:${hex(n >> 8)}:${hex(n)}`
export const addressOf = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
export const nameOf = (n: number) => `client-${n}`

/** A small generator of repeatable randomness (mulberry32). */
const randomness = (seed: number): () => number => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * Of ten exchanges eight are renewals (REQUEST, ACK) and two are full (DISCOVER, OFFER, REQUEST, ACK), one of them by a
 * client that was never seen.
 * @param known how many clients there are already
 * @param first the number of the first new client
 */
export const traffic = (count: number, known: number, first = known): ReadonlyArray<Message> => {
  const random = randomness(7)
  const messages: Array<Message> = []
  const start = Date.now() * 1000 - count * 1000
  let next = first
  const say = (kind: Message["kind"], client: number, isNew: boolean) => {
    const at = timestampFromMicros(start + messages.length * 1000)
    const mac = macOf(client)
    const line = `Nov 22 04:00:00 dnsmasq-dhcp[4711]: DHCP${kind.toUpperCase()}(br-lan) ${addressOf(client)} ${mac} ${
      kind === "ack" ? nameOf(client) : ""
    }`
    const position = messages.length * 90
    const id = createHash("sha256").update(`bench\n${position}\n${first}\n${line}`).digest("hex").slice(0, 40)
    const body = {
      id,
      at,
      mac,
      ip: addressOf(client),
      interface: "br-lan",
      ...(kind === "ack" ? { hostname: nameOf(client) } : {}),
      provenance: { source: "log-file", path: "/var/log/dnsmasq.log", position, line, pid: 4711 }
    }
    messages.push({
      subject: eventSubject(server, kind),
      body: JSON.stringify(body),
      kind,
      client,
      isNew,
      id,
      at
    })
  }
  while (messages.length < count) {
    const draw = random()
    const isNew = draw < 0.1
    const client = isNew ? next++ : Math.floor(random() * known)
    if (draw < 0.2) {
      say("discover", client, isNew)
      say("offer", client, isNew)
    }
    say("request", client, isNew)
    say("ack", client, isNew)
  }
  return messages.slice(0, count)
}

/** A stream `DHCP` that holds the messages. */
export const fillStream = async (
  connection: NatsConnection,
  manager: JetStreamManager,
  messages: ReadonlyArray<Message>
): Promise<void> => {
  await manager.streams.delete(DHCP.name).catch(() => false)
  await manager.streams.add({
    name: DHCP.name,
    description: DHCP.description,
    subjects: [...DHCP.subjects],
    max_age: nanos(DHCP.maxAgeDays * 86_400_000),
    max_msg_size: DHCP.maxMessageSize,
    duplicate_window: nanos(DHCP.duplicateWindowMinutes * 60_000)
  })
  const client = jetstream(connection)
  for (let from = 0; from < messages.length; from += 500) {
    await Promise.all(
      messages.slice(from, from + 500).map(({ body, id, subject }) => client.publish(subject, body, { msgID: id }))
    )
  }
}
