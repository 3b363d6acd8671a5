/**
 * Subnets declared by configuration: what is missing is created at start, nothing is changed or removed.
 *
 * `REGISTRY_SUBNETS` is a list such as `10.0.0.0/24=lab:auto,10.1.0.0/24=lab:manual`: network, DHCP server, policy.
 * `auto+randomised` also reserves for MACs that were made up by their device. A network may be listed for several servers.
 */
import { ServerId } from "@leasehold/events"
import { type Client, Postgres, type PostgresError, untilAvailable } from "@leasehold/runtime"
import { Config, Effect, Layer, Option, Result, Schema } from "effect"
import { readNetwork } from "../ipam/fields.ts"
import { makeOutage, reasonOf } from "../Outage.ts"

export interface DeclaredSubnet {
  readonly cidr: string
  readonly server: ServerId
  readonly policy: "auto" | "manual"
  readonly randomised: boolean
}

export class SubnetsError extends Schema.TaggedError<SubnetsError>()("SubnetsError", { message: Schema.String }) {}

const decodeServer = Schema.decodeOption(ServerId)

/** Fails with what is wrong with the first entry that cannot be read. */
export const parseSubnets = (text: string): Effect.Effect<ReadonlyArray<DeclaredSubnet>, SubnetsError> =>
  Effect.forEach(text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== ""), (entry) => {
    const [, cidr = "", name = "", policy = "", randomised] =
      /^([0-9.]+\/[0-9]{1,2})=([^:]+):(auto|manual)(\+randomised)?$/u.exec(entry) ?? []
    const server = decodeServer(name)
    if (Option.isNone(server) || (policy === "manual" && randomised !== undefined)) {
      return Effect.fail(
        new SubnetsError({
          message: `REGISTRY_SUBNETS: expected <network>=<server>:auto|auto+randomised|manual, got "${entry}"`
        })
      )
    }
    return Effect.fromResult(Result.mapBoth(readNetwork("REGISTRY_SUBNETS", cidr), {
      onFailure: ({ message }) => new SubnetsError({ message }),
      onSuccess: (network): DeclaredSubnet => ({
        cidr: network.cidr,
        server: server.value,
        policy: policy === "auto" ? "auto" : "manual",
        randomised: randomised !== undefined
      })
    }))
  })

const serversSql = "INSERT INTO dhcp_servers (server) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
const subnetsSql = `
  INSERT INTO subnets (cidr, name, policy, reserve_randomised, domain)
  SELECT DISTINCT ON (k.cidr) k.cidr, k.cidr::text, k.policy, k.randomised,
    coalesce((SELECT p.domain FROM naming_policies p WHERE p.subnet_id IS NULL), '')
  FROM unnest($1::cidr[], $2::text[], $3::boolean[]) AS k (cidr, policy, randomised)
  WHERE NOT EXISTS (SELECT FROM subnets s WHERE s.cidr = k.cidr)`
const assignmentsSql = `
  INSERT INTO subnet_servers (subnet_id, server)
  SELECT DISTINCT s.id, k.server FROM unnest($1::cidr[], $2::text[]) AS k (cidr, server)
  JOIN subnets s ON s.cidr = k.cidr
  WHERE NOT EXISTS (SELECT FROM subnet_servers a WHERE a.subnet_id = s.id AND a.server = k.server)`

export const ensureSubnets = Effect.fnUntraced(function*(client: Client, declared: ReadonlyArray<DeclaredSubnet>) {
  const cidrs = declared.map(({ cidr }) => cidr)
  const servers = declared.map(({ server }) => server)
  yield* client.query("SELECT take_writer_lock()")
  yield* client.query(serversSql, [[...new Set(servers)].toSorted()])
  yield* client.query(subnetsSql, [
    cidrs,
    declared.map(({ policy }) => policy),
    declared.map(({ randomised }) => randomised)
  ])
  yield* client.query(assignmentsSql, [cidrs, servers])
})

const isRefusal = (error: PostgresError): boolean => /^(?:22|23)/u.test(error.code ?? "")

/** Waits for PostgreSQL; a declaration that the database refuses ends the start. */
export const declaredSubnetsLayer = Layer.effectDiscard(Effect.gen(function*() {
  const text = yield* Config.String("SUBNETS").pipe(Config.withDefault(""), Config.nested("REGISTRY"))
  const declared = yield* parseSubnets(text)
  if (declared.length === 0) return
  const postgres = yield* Postgres
  const outage = makeOutage("subnets cannot be declared")
  yield* postgres.transaction((client) => ensureSubnets(client, declared)).pipe(
    Effect.tapError((error) => isRefusal(error) ? Effect.void : outage.because(error)),
    Effect.retry({ schedule: untilAvailable, while: (error) => !isRefusal(error) }),
    Effect.mapError((error) => new SubnetsError({ message: `REGISTRY_SUBNETS: ${reasonOf(error)}` })),
    Effect.tap(outage.over)
  )
  yield* Effect.logInfo("subnets are declared", { subnets: declared.length })
}))
