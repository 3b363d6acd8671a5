/**
 * The reservations of one server, read from PostgreSQL in one snapshot and rendered as the bytes of its file.
 *
 * PostgreSQL joins the lines, so that a hundred thousand of them cost a few hundred values and not as many objects; every
 * byte is checked here. What is more than an address and a MAC comes row by row. A reservation that breaks a rule is left
 * out and reported, and the others are not affected.
 */
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { RendererConfig } from "./RendererConfig.ts"
import { addressNumber, hostsOf, macNumberOf } from "./rendering/addresses.ts"
import { isSound } from "./rendering/checkSubnet.ts"
import { header } from "./rendering/header.ts"
import { type LeftOut, type Row, type Selected, selectRows } from "./rendering/selectRows.ts"
import { type LinesOfSubnet, queries } from "./Reservations/queries.ts"

export interface Rendered {
  /** What the database wanted when the snapshot was taken. */
  readonly generation: bigint
  readonly content: Buffer
  /** How many lines there are, the first one apart. */
  readonly reservations: number
  readonly leftOut: ReadonlyArray<LeftOut>
}

interface Subnet {
  readonly id: string
  readonly cidr: string
  /** In their order. */
  readonly pieces: ReadonlyArray<LinesOfSubnet>
  /** Those with an address that are in no piece. */
  readonly special: ReadonlyArray<Row>
}

/** In the order of their addresses. */
const subnetsOf = (pieces: ReadonlyArray<LinesOfSubnet>, special: ReadonlyArray<Row>): ReadonlyArray<Subnet> => {
  const ofSubnet = Map.groupBy(pieces, ({ id }) => id)
  const rowsOf = Map.groupBy(special, ({ subnet }) => subnet)
  const cidrs = new Map([
    ...special.map(({ cidr, subnet }) => [subnet, cidr] as const),
    ...pieces.map(({ cidr, id }) => [id, cidr] as const)
  ])
  return [...cidrs].map(([id, cidr]) => ({
    id,
    cidr,
    pieces: (ofSubnet.get(id) ?? []).sort((one, other) => one.piece - other.piece),
    special: rowsOf.get(id) ?? []
  })).sort((one, other) => hostsOf(one.cidr).first - hostsOf(other.cidr).first)
}

/** As rows and as bytes have them. */
interface Macs {
  readonly texts: ReadonlySet<string>
  readonly numbers: ReadonlySet<number>
}

const macsOf = (rows: ReadonlyArray<Row>): Macs => {
  const texts = new Set(rows.flatMap(({ macs }) => macs))
  return { texts, numbers: new Set([...texts].map(macNumberOf)) }
}

const joined = ({ leftOut, lines }: Selected) => ({
  bytes: Buffer.from(lines.join("")),
  rows: lines.length,
  leftOut
})

export class Reservations extends Context.Service<Reservations, {
  readonly render: Effect.Effect<Rendered, PostgresError>
}>()("renderer/Reservations") {
  static readonly layer = Layer.effect(
    Reservations,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { mode, server } = yield* RendererConfig
      const form = mode._tag === "Conf" ? "conf" : "hosts"
      const prefix = mode._tag === "Conf" ? "dhcp-host=" : ""

      const linesOf = Effect.fnUntraced(
        function*(
          client: Client,
          { cidr, id, pieces, special }: Subnet,
          blocked: Macs,
          unaddressed: ReadonlyArray<Row>
        ) {
          const named = macsOf(unaddressed)
          const isTaken = (mac: string) => blocked.texts.has(mac) || named.texts.has(mac)
          const bytes = Buffer.from(pieces.map(({ text }) => text).join(""))
          const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0)
          const selected = selectRows(special, form, isTaken)
          const taken = {
            blocked: blocked.numbers,
            macs: macsOf([...unaddressed, ...selected.rows]).numbers,
            addresses: new Set(selected.rows.map(({ address }) => addressNumber(address ?? "")))
          }
          if (!isSound(bytes, rows, cidr, prefix, taken)) {
            return joined(selectRows(yield* client.query<Row>(queries.rows, [id]), form, isTaken))
          }
          const more = joined(selected)
          return { bytes: Buffer.concat([bytes, more.bytes]), rows: rows + more.rows, leftOut: more.leftOut }
        }
      )

      const read = Effect.fnUntraced(function*(client: Client) {
        const [[row], pieces, special, blockedRows] = yield* Effect.all([
          client.query<{ wanted_generation: string }>(queries.wanted, [server]),
          client.query<LinesOfSubnet>(queries.lines, [server, prefix]),
          client.query<Row>(queries.special, [server]),
          client.query<Row>(queries.blocked)
        ], { concurrency: 4 })
        const blocked = selectRows(blockedRows, form)
        const blockedMacs = macsOf(blocked.rows)
        // dnsmasq takes the last line that fits, and one without an address fits in every subnet: those with one follow.
        const unaddressed = selectRows(
          special.filter(({ address }) => address === null),
          form,
          (mac) => blockedMacs.texts.has(mac)
        )
        const unaddressedOf = Map.groupBy(unaddressed.rows, ({ subnet }) => subnet)
        const addressed = special.filter(({ address }) => address !== null)
        const subnets = yield* Effect.forEach(
          subnetsOf(pieces, addressed),
          (subnet) => linesOf(client, subnet, blockedMacs, unaddressedOf.get(subnet.id) ?? [])
        )
        const parts = [joined(blocked), joined(unaddressed), ...subnets]
        const rendered: Rendered = {
          generation: BigInt(row?.wanted_generation ?? 0),
          content: Buffer.concat([Buffer.from(header(server)), ...parts.map(({ bytes }) => bytes)]),
          reservations: parts.reduce((sum, { rows }) => sum + rows, 0),
          leftOut: parts.flatMap(({ leftOut }) => leftOut)
        }
        return rendered
      })

      return Reservations.of({
        render: postgres.transaction(read, "ISOLATION LEVEL REPEATABLE READ READ ONLY")
      })
    })
  )
}
