/**
 * The subnets: what an administrator sets, and how full they are. No two overlap.
 *
 * Each change is one transaction under the writer lock, in which what is in its way is looked for before it is written,
 * so that a refusal names who that is.
 */
import type { ServerId } from "@leasehold/events"
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema } from "effect"
import { Administration, type Changed } from "../administration/Administration.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { pageSize, pageTokenReader } from "../api/pageToken.ts"
import { parseNetwork } from "./fields.ts"
import type { Subnet, SubnetSettings } from "./model.ts"
import { type Page, pageOf, type PageRequest } from "./pages.ts"
import { findSubnet, loadSubnets, uncounted, withUtilisation } from "./Subnets/rows.ts"
import { checkSettings, refuseConflicts } from "./Subnets/validate.ts"
import { insertSubnet, updateSubnet } from "./Subnets/writes.ts"

export type SubnetPatch = Partial<SubnetSettings>
export type NewSubnet = SubnetPatch & Pick<SubnetSettings, "cidr">

export interface ChangedSubnet {
  readonly subnet: Subnet
  readonly change: bigint
}

const defaults = {
  policy: "manual",
  range: undefined,
  gateway: undefined,
  dnsServers: [],
  leaseTime: undefined,
  servers: [],
  excluded: [],
  reserveRandomised: false,
  autoKeep: 30 * 86_400,
  autoShare: 0.8,
  comment: ""
} as const

const readToken = pageTokenReader(
  Schema.Tuple([Schema.String.check(Schema.makeFilter((text: string) => parseNetwork(text)?.cidr === text))])
)

export class Subnets extends Context.Service<Subnets, {
  create(caller: Caller, subnet: NewSubnet, dryRun: boolean): Effect.Effect<ChangedSubnet, ApiError>
  /** By CIDR, name, or an address in it. */
  get(key: string): Effect.Effect<Subnet, ApiError>
  /** In the order of their networks; of one server where it is given. */
  list(server: ServerId | undefined, page: PageRequest): Effect.Effect<Page<Subnet>, ApiError>
  update(caller: Caller, key: string, patch: SubnetPatch, dryRun: boolean): Effect.Effect<ChangedSubnet, ApiError>
  remove(
    caller: Caller,
    key: string,
    options: { readonly withReservations: boolean; readonly dryRun: boolean }
  ): Effect.Effect<{ readonly reservations: number; readonly change: bigint }, ApiError>
}>()("registry/ipam/Subnets") {
  static readonly layer = Layer.effect(
    Subnets,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration
      /** What is to be told of a change. How full the subnet is takes long for a large one, and is counted when nobody waits. */
      const told = Effect.fnUntraced(
        function*({ change, result }: Changed<Subnet>, dryRun: boolean) {
          if (dryRun) return { subnet: result, change }
          const [subnet = result] = yield* withUtilisation(postgres, [result])
          return { subnet, change }
        },
        Effect.catchTag("PostgresError", Effect.die)
      )

      const create = Effect.fn("Subnets.create")(function*(caller: Caller, given: NewSubnet, dryRun: boolean) {
        const changed = yield* administration.change(
          { caller, action: "subnet add", dryRun },
          (client) =>
            Effect.gen(function*() {
              const domain = given.domain ?? (yield* defaultDomain(client))
              const subnet: SubnetSettings = { ...defaults, name: given.cidr, ...given, domain }
              yield* Effect.fromResult(checkSettings(subnet))
              yield* refuseConflicts(client, "0", subnet)
              return yield* shown(client, yield* insertSubnet(client, subnet), dryRun)
            })
        )
        return yield* told(changed, dryRun)
      })

      const get = Effect.fn("Subnets.get")(
        function*(key: string) {
          const [subnet] = yield* withUtilisation(postgres, [yield* findSubnet(postgres, "key", key, true)])
          return yield* Effect.orDie(Effect.fromNullishOr(subnet))
        },
        Effect.catchTag("PostgresError", Effect.die)
      )

      const list = Effect.fn("Subnets.list")(
        function*(server: ServerId | undefined, page: PageRequest) {
          const size = yield* pageSize(page.size)
          const [after] = (yield* readToken(["subnets", server], page.token)) ?? []
          const rows = yield* loadSubnets(
            postgres,
            `($1::text IS NULL OR EXISTS (SELECT FROM subnet_servers a WHERE a.subnet_id = s.id AND a.server = $1))
              AND ($2::text IS NULL OR s.cidr > $2::cidr)`,
            [server ?? null, after ?? null, size + 1],
            "ORDER BY s.cidr LIMIT $3::int"
          )
          const { items, nextToken } = pageOf(rows, size, ["subnets", server], ({ cidr }) => [cidr])
          return { items: yield* withUtilisation(postgres, items), nextToken }
        },
        Effect.catchTag("PostgresError", Effect.die)
      )

      const update = Effect.fn("Subnets.update")(
        function*(caller: Caller, key: string, patch: SubnetPatch, dryRun: boolean) {
          const changed = yield* administration.change(
            { caller, action: "subnet set", dryRun },
            (client) =>
              Effect.gen(function*() {
                const { id, ...before } = yield* findSubnet(client, "key", key, false)
                const { cidr = before.cidr } = patch
                const after: SubnetSettings = {
                  ...before,
                  // What is called by its network goes on so.
                  ...(before.name === before.cidr ? { name: cidr } : {}),
                  ...patch
                }
                yield* Effect.fromResult(checkSettings(after))
                yield* refuseConflicts(client, id, after)
                yield* updateSubnet(client, id, before, after)
                return yield* shown(client, id, dryRun)
              })
          )
          return yield* told(changed, dryRun)
        }
      )

      const remove = Effect.fn("Subnets.remove")(
        function*(
          caller: Caller,
          key: string,
          { dryRun, withReservations }: { readonly withReservations: boolean; readonly dryRun: boolean }
        ) {
          const changed = yield* administration.change(
            { caller, action: "subnet rm", dryRun },
            (client) =>
              Effect.gen(function*() {
                const { cidr, id } = yield* findSubnet(client, "key", key, false)
                const [row] = yield* client.query<{ count: number }>(countSql, [id])
                const reservations = row?.count ?? 0
                if (reservations > 0 && !withReservations) {
                  const message =
                    `${cidr} has reservations (${reservations}): remove them first, or the subnet with them`
                  return yield* ApiError.refuse("failed-precondition", message, "key")
                }
                if (reservations > 0) yield* client.query("DELETE FROM reservations WHERE subnet_id = $1", [id])
                yield* client.query("DELETE FROM subnets WHERE id = $1", [id])
                return reservations
              })
          )
          return { reservations: changed.result, change: changed.change }
        }
      )

      return Subnets.of({ create, get, list, update, remove })
    })
  )
}

const countSql = "SELECT count(*)::int AS count FROM reservations WHERE subnet_id = $1 AND also_of IS NULL"

const defaultDomain = (client: Client): Effect.Effect<string, PostgresError> =>
  Effect.map(
    client.query<{ domain: string }>("SELECT domain FROM naming_policies WHERE subnet_id IS NULL"),
    ([row]) => row?.domain ?? ""
  )

/** As it is in a transaction; a trial will have been taken back when it could be counted. */
const shown = Effect.fnUntraced(function*(client: Client, id: string, isTrial: boolean) {
  const found = yield* loadSubnets(client, "s.id = $1::bigint", [id])
  const [subnet] = isTrial ? yield* withUtilisation(client, found) : found.map(uncounted)
  return yield* Effect.orDie(Effect.fromNullishOr(subnet))
})
