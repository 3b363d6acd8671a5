/** Naming policies over a database of the test file's own, with two subnets; and events that are applied to it. */
import type { DhcpEvent } from "@leasehold/events"
import type { Postgres } from "@leasehold/runtime"
import { Effect, Layer } from "effect"
import { Administration } from "../../src/administration/Administration.ts"
import { Changes } from "../../src/administration/Changes.ts"
import type { Caller } from "../../src/api/Caller.ts"
import { Applier } from "../../src/apply/Applier.ts"
import { Policies, type PolicyUpdate } from "../../src/policies/Policies.ts"
import { event, mac } from "../randomEvents.ts"
import { databaseLayer, registryDatabase } from "../registryDatabase.ts"

export const caller: Caller = { actor: "local:alice", scope: "administer" }
type Used = Administration | Applier | Changes | Policies | Postgres

const start = Date.now() * 1000 - 3_600_000_000
export const ack = (number: number, ip: string, hostname?: string): DhcpEvent =>
  event("lab.ack", { id: `e${number}`, mac: mac(number), ip, hostname }, start + number * 1_000_000)

export const openPolicies = async () => {
  const database = await registryDatabase()
  const run = <A, E>(use: Effect.Effect<A, E, Used>): Promise<A> =>
    Effect.runPromise(
      Effect.provide(
        use,
        Layer.mergeAll(Policies.layer, Changes.layer, Applier.layer).pipe(
          Layer.provideMerge(Administration.layer),
          Layer.provideMerge(databaseLayer(database.url))
        )
      )
    )
  const policies = <A, E>(use: (policies: Policies["Service"]) => Effect.Effect<A, E>) =>
    run(Effect.flatMap(Policies, use))
  const asked = (options: Partial<PolicyUpdate>) => (all: Policies["Service"]) =>
    all.update({ caller, subnet: "", patch: {}, apply: false, dryRun: false, ...options })
  return {
    database,
    run,
    policies,
    update: (options: Partial<PolicyUpdate>) => policies(asked(options)),
    refusal: (options: Partial<PolicyUpdate>) => policies((all) => Effect.flip(asked(options)(all))),
    apply: (...events: ReadonlyArray<DhcpEvent>) =>
      run(
        Effect.flatMap(Applier, (applier) => Effect.forEach(events, (one) => applier.apply([one]), { discard: true }))
      ),
    names: async () =>
      (await database.query<{ name: string }>("SELECT name FROM systems ORDER BY mac")).map(({ name }) => name),
    /** As it was at the beginning. */
    begin: async () => {
      await database.query(
        `TRUNCATE systems, sightings, address_history, reservations, outbox, given_names, pending_names, subnet_usage,
          name_conflicts, naming_sequences, change_log, subnets, subnet_servers, subnet_exclusions, naming_policies, address_holds`
      )
      await database.query("INSERT INTO naming_policies (subnet_id) VALUES (NULL)")
      await database.query(
        `INSERT INTO subnets (cidr, name, policy, domain) VALUES
          ('10.0.0.0/24', 'Office', 'auto', 'office.lan'), ('10.1.0.0/24', 'Guests', 'manual', '')`
      )
      await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab') ON CONFLICT DO NOTHING")
      await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
    }
  }
}
