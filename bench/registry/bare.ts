/** The limits: the same messages fetched and acknowledged by the bare client, the same rows upserted by bare SQL. */
import { DHCP } from "@leasehold/events"
import { AckPolicy, jetstream, type JetStreamManager } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import pg from "pg"
import { addressOf, macOf, type Message, nameOf } from "./traffic.ts"

const batch = 500

/** Messages a second, fetched 500 at a time and acknowledged one by one. */
export const fetchAndAcknowledge = async (connection: NatsConnection, manager: JetStreamManager): Promise<number> => {
  const durable = `bare${Date.now()}`
  await manager.consumers.add(DHCP.name, {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 20_000
  })
  const { state } = await manager.streams.info(DHCP.name)
  const consumer = await jetstream(connection).consumers.get(DHCP.name, durable)
  const start = performance.now()
  let done = 0
  while (done < state.messages) {
    const fetched = await consumer.fetch({ max_messages: Math.min(batch, state.messages - done), expires: 5_000 })
    for await (const message of fetched) {
      message.string()
      message.ack()
      done++
    }
  }
  await connection.flush()
  const seconds = (performance.now() - start) / 1000
  await manager.consumers.delete(DHCP.name, durable)
  return done / seconds
}

const sightingsSql = `
  INSERT INTO sightings (server, address, at, event_id, mac, held, kind, provenance)
  SELECT * FROM unnest(
    $1::text[], $2::inet[], $3::timestamptz[], $4::text[], $5::macaddr[], $6::boolean[], $7::text[], $8::jsonb[])
  ON CONFLICT DO NOTHING`
const systemsSql = `
  INSERT INTO systems (mac, name, name_source, first_seen, last_seen, address, address_server, address_stamp,
    server, server_stamp, interface, interface_stamp, client_name, first_name, first_name_stamp, said_name, said_name_stamp)
  SELECT * FROM unnest($1::macaddr[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::inet[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::text[])
  ON CONFLICT (mac) DO UPDATE SET last_seen = excluded.last_seen, address = excluded.address,
    address_server = excluded.address_server, address_stamp = excluded.address_stamp, server = excluded.server,
    server_stamp = excluded.server_stamp, interface = excluded.interface, interface_stamp = excluded.interface_stamp,
    said_name = excluded.said_name, said_name_stamp = excluded.said_name_stamp`
const historySql = `
  INSERT INTO address_history (server, address, mac, during)
  SELECT server, address, mac, tstzrange(since, NULL)
  FROM unnest($1::text[], $2::inet[], $3::macaddr[], $4::timestamptz[]) AS k (server, address, mac, since)`
const reservationsSql = `
  INSERT INTO reservations (mac, address, name, source, observed_at)
  SELECT mac, address, name, 'auto', at
  FROM unnest($1::macaddr[], $2::inet[], $3::text[], $4::timestamptz[]) AS k (mac, address, name, at)`
const outboxSql = `
  INSERT INTO outbox (subject, type, body)
  SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[])`

/** Messages a second whose rows are committed, a transaction for 500 messages. The arrays are made beforehand. */
export const upsertRows = async (url: string, messages: ReadonlyArray<Message>): Promise<number> => {
  const batches = Array.from(
    { length: Math.ceil(messages.length / batch) },
    (_, index) => rowsOf(messages.slice(index * batch, (index + 1) * batch))
  )
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const start = performance.now()
  for (const statements of batches) {
    await client.query("BEGIN")
    for (const [sql, values] of statements) await client.query(sql, values)
    await client.query("COMMIT")
  }
  const seconds = (performance.now() - start) / 1000
  await client.end()
  return messages.length / seconds
}

type Statement = readonly [string, Array<Array<unknown>>]

const rowsOf = (messages: ReadonlyArray<Message>): ReadonlyArray<Statement> => {
  const last = new Map(messages.map((message) => [message.client, message]))
  const acks = messages.filter(({ kind }) => kind === "ack")
  const news = acks.filter(({ isNew }) => isNew)
  const systems = [...last.values()]
  const stamps = systems.map(({ at, id }) => `${at} ${id}`)
  const same = (text: string) => systems.map(() => text)
  const statements: ReadonlyArray<Statement> = [
    [sightingsSql, [
      acks.map(() => "bench"),
      acks.map(({ client }) => addressOf(client)),
      acks.map(({ at }) => at),
      acks.map(({ id }) => id),
      acks.map(({ client }) => macOf(client)),
      acks.map(() => true),
      acks.map(() => "ack"),
      acks.map(({ body }) => body.slice(body.indexOf("\"provenance\":") + 13, -1))
    ]],
    [systemsSql, [
      systems.map(({ client }) => macOf(client)),
      systems.map(({ client }) => nameOf(client)),
      same("client"),
      systems.map(({ at }) => at),
      systems.map(({ at }) => at),
      systems.map(({ client }) => addressOf(client)),
      same("bench"),
      stamps,
      same("bench"),
      stamps,
      same("br-lan"),
      stamps,
      systems.map(({ client }) => nameOf(client)),
      systems.map(({ client }) => nameOf(client)),
      stamps,
      systems.map(({ client }) => nameOf(client)),
      stamps
    ]],
    [historySql, [
      news.map(() => "bench"),
      news.map(({ client }) => addressOf(client)),
      news.map(({ client }) => macOf(client)),
      news.map(({ at }) => at)
    ]],
    [reservationsSql, [
      news.map(({ client }) => macOf(client)),
      news.map(({ client }) => addressOf(client)),
      news.map(({ client }) => nameOf(client)),
      news.map(({ at }) => at)
    ]],
    [outboxSql, [
      news.map(({ client }) => `discovery.v1.system.discovered.${macOf(client)}`),
      news.map(() => "system.discovered"),
      news.map(({ body }) => body)
    ]]
  ]
  return statements.filter(([, [rows = []]]) => rows.length > 0)
}
