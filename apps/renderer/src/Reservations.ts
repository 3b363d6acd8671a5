/**
 * The reservations of one server, read from PostgreSQL in one snapshot and rendered as the bytes of its file.
 *
 * PostgreSQL joins the lines, so that a hundred thousand of them cost a few hundred values and not as many objects; every
 * byte is checked here. A reservation that breaks a rule is left out and reported, and the others are not affected.
 */
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { RendererConfig } from "./RendererConfig.ts"
import { hostsOf } from "./rendering/addresses.ts"
import { isSound } from "./rendering/checkSubnet.ts"
import { header } from "./rendering/header.ts"
import { type LeftOut, type Row, selectRows } from "./rendering/selectRows.ts"
import { type LinesOfSubnet, queries } from "./Reservations/queries.ts"

export interface Rendered {
  /** What the database wanted when the snapshot was taken. */
  readonly generation: bigint
  readonly content: Buffer
  readonly reservations: number
  readonly leftOut: ReadonlyArray<LeftOut>
}

/** The pieces of each subnet in their order, and the subnets in the order of their addresses. */
const subnetsOf = (pieces: ReadonlyArray<LinesOfSubnet>): ReadonlyArray<ReadonlyArray<LinesOfSubnet>> =>
  [...Map.groupBy(pieces, ({ id }) => id).values()]
    .map((subnet) => subnet.sort((one, other) => one.piece - other.piece))
    .sort(([one], [other]) => hostsOf(one?.cidr ?? "").first - hostsOf(other?.cidr ?? "").first)

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

      const linesOf = Effect.fnUntraced(function*(client: Client, pieces: ReadonlyArray<LinesOfSubnet>) {
        const { cidr = "", id = "" } = pieces[0] ?? {}
        const bytes = Buffer.from(pieces.map(({ text }) => text).join(""))
        const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0)
        if (isSound(bytes, rows, cidr, prefix)) return { bytes, rows, leftOut: [] }
        const { leftOut, lines } = selectRows(cidr, yield* client.query<Row>(queries.rows, [id]), form)
        return { bytes: Buffer.from(lines.join("")), rows: lines.length, leftOut }
      })

      const read = Effect.fnUntraced(function*(client: Client) {
        const [row] = yield* client.query<{ wanted_generation: string }>(queries.wanted, [server])
        const pieces = yield* client.query<LinesOfSubnet>(queries.lines, [server, prefix])
        const subnets = yield* Effect.forEach(subnetsOf(pieces), (subnet) => linesOf(client, subnet))
        const rendered: Rendered = {
          generation: BigInt(row?.wanted_generation ?? 0),
          content: Buffer.concat([Buffer.from(header(server)), ...subnets.map(({ bytes }) => bytes)]),
          reservations: subnets.reduce((sum, { rows }) => sum + rows, 0),
          leftOut: subnets.flatMap(({ leftOut }) => leftOut)
        }
        return rendered
      })

      return Reservations.of({
        render: postgres.transaction(read, "ISOLATION LEVEL REPEATABLE READ READ ONLY")
      })
    })
  )
}
