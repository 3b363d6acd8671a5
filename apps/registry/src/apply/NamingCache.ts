/**
 * The naming policies in memory: read again when the database says that something about them changed.
 *
 * To be asked under the writer lock, so that no system is named by a policy that was changed before.
 */
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect, Result } from "effect"
import { type NameConflict, type NamedSubnet, Naming, type NamingPolicy } from "../names/Naming.ts"
import { defaultPattern, parsePattern, type Pattern } from "../names/Pattern.ts"

// The first number that is drawn is the one that the sequence begins with.
const revisionSql = "SELECT last_value || ' ' || is_called AS revision FROM naming_revision"
const policiesSql = `
  SELECT id::text, subnet_id::text AS "subnetId", pattern, forbidden, conflict, client_names AS "clientNames"
  FROM naming_policies`
const subnetsSql = "SELECT id::text, cidr::text, name FROM subnets"

interface PolicyRow {
  readonly id: string
  readonly subnetId: string | null
  readonly pattern: string
  readonly forbidden: ReadonlyArray<string>
  readonly conflict: NameConflict
  readonly clientNames: boolean
}

const patternOf = (text: string): Pattern => Result.getOrElse(parsePattern(text), () => initialPattern)
const initialPattern = Result.getOrThrow(parsePattern(defaultPattern))

/** A pattern that somebody wrote with SQL and that cannot be read counts as the default one. */
export const toPolicy = ({ forbidden, pattern, ...row }: PolicyRow): NamingPolicy => ({
  ...row,
  pattern: patternOf(pattern),
  forbidden: new Set(forbidden.map((name) => name.toLowerCase()))
})

export const loadNaming = Effect.fnUntraced(function*(client: Client) {
  const [rows, subnets] = yield* Effect.all([
    client.query<PolicyRow>(policiesSql),
    client.query<NamedSubnet>(subnetsSql)
  ], { concurrency: 2 })
  const unread = rows.filter(({ pattern }) => Result.isFailure(parsePattern(pattern)))
  if (unread.length > 0) {
    yield* Effect.logWarning("naming policies whose pattern cannot be read", { policies: unread.map(({ id }) => id) })
  }
  const policies = rows.map(toPolicy)
  const initial = policies.find(({ subnetId }) => subnetId === null) ?? emptyPolicy
  return Naming.of(initial, policies.filter(({ subnetId }) => subnetId !== null), subnets)
})

/** In force where somebody removed the default policy with SQL. */
const emptyPolicy = toPolicy({
  id: "0",
  subnetId: null,
  pattern: defaultPattern,
  forbidden: [],
  conflict: "first-wins",
  clientNames: true
})

export class NamingCache {
  #revision = ""
  #naming = Naming.of(emptyPolicy, [], [])

  /** As it was when it was last asked for: good enough to guess by. */
  get latest(): Naming {
    return this.#naming
  }

  /** As it is in the transaction. */
  current(client: Client): Effect.Effect<Naming, PostgresError> {
    return Effect.flatMap(
      client.query<{ revision: string }>(revisionSql, [], "naming-revision"),
      ([{ revision } = { revision: "" }]) =>
        revision !== "" && revision === this.#revision
          ? Effect.succeed(this.#naming)
          : Effect.map(loadNaming(client), (naming) => {
            this.#revision = revision
            this.#naming = naming
            return naming
          })
    )
  }
}
