/**
 * Tokens that callers prove themselves with: 256 random bits each, of which only the SHA-256 is kept.
 *
 * Looking the hash up compares nothing that could be timed. What was looked up is believed for two seconds, so that a
 * revocation counts at once here and two seconds later on every other replica.
 */
import { Postgres } from "@leasehold/runtime"
import { Clock, Context, Effect, Layer } from "effect"
import { hash, randomBytes } from "node:crypto"
import { Administration, type Changed } from "../../administration/Administration.ts"
import { ApiError } from "../ApiError.ts"
import type { Caller, Scope } from "../Caller.ts"

export interface Token {
  readonly id: string
  readonly name: string
  readonly scope: Scope
  readonly createdAt: string
  readonly createdBy: string
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

interface Known {
  readonly caller: Caller
  readonly expires: number
  readonly until: number
}

const believed = 2_000
const remembered = 1_000
const form = /^lh_[A-Za-z0-9_-]{43}$/u

const columns = `
  id, name, scope, iso_timestamp(created_at) AS "createdAt", created_by AS "createdBy", iso_timestamp(expires_at) AS "expiresAt",
  iso_timestamp(last_used_at) AS "lastUsedAt", iso_timestamp(revoked_at) AS "revokedAt"`
const findSql = `
  SELECT id, name, scope, extract(epoch FROM expires_at)::float8 AS expires,
    last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale
  FROM api_tokens WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`
const usedSql = `
  UPDATE api_tokens SET last_used_at = now()
  WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`
const createSql = `
  INSERT INTO api_tokens (name, hash, scope, created_by, expires_at) VALUES ($1, $2, $3, $4, $5::timestamptz) RETURNING ${columns}`
const listSql = `SELECT ${columns} FROM api_tokens ORDER BY id`
const revokeSql = `
  UPDATE api_tokens SET revoked_at = now()
  WHERE revoked_at IS NULL AND id = (
    SELECT id FROM api_tokens WHERE (id::text = $1 OR name = $1) AND revoked_at IS NULL ORDER BY id::text = $1 DESC LIMIT 1)
  RETURNING ${columns}`

export class Tokens extends Context.Service<Tokens, {
  /** Whose token this is; fails where it is nobody's, or nobody's any more. */
  caller(secret: string): Effect.Effect<Caller, ApiError>
  /** Without a secret in a dry run. */
  create(
    caller: Caller,
    wanted: { readonly name: string; readonly scope: Scope; readonly expiresAt: string | undefined },
    dryRun: boolean
  ): Effect.Effect<Changed<{ readonly token: Token; readonly secret: string }>, ApiError>
  readonly list: Effect.Effect<ReadonlyArray<Token>>
  /** @param key identifier or name */
  revoke(caller: Caller, key: string, dryRun: boolean): Effect.Effect<Changed<Token>, ApiError>
}>()("registry/api/access/Tokens") {
  static readonly layer = Layer.effect(
    Tokens,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration
      const known = new Map<string, Known>()
      let revocations = 0

      const lookUp = Effect.fnUntraced(function*(digest: Buffer, key: string, now: number) {
        const before = revocations
        const [row] = yield* postgres.query<
          { id: string; name: string; scope: Scope; expires: number | null; stale: boolean }
        >(findSql, [digest])
        if (row === undefined) return undefined
        if (row.stale) yield* postgres.query(usedSql, [row.id])
        const found: Known = {
          caller: { actor: `token:${row.name}`, scope: row.scope },
          expires: row.expires === null ? Number.POSITIVE_INFINITY : row.expires * 1000,
          until: now + believed
        }
        // What was read before a revocation says nothing of the time after it.
        if (revocations !== before) return found
        const [oldest] = known.keys()
        if (known.size >= remembered && oldest !== undefined) known.delete(oldest)
        known.delete(key)
        known.set(key, found)
        return found
      })

      return Tokens.of({
        caller: Effect.fn("Tokens.caller")(function*(secret: string) {
          if (!form.test(secret)) return yield* refused
          const digest = sha256(secret)
          const key = digest.toString("hex")
          const now = yield* Clock.currentTimeMillis
          const remembered = known.get(key)
          const found = remembered !== undefined && remembered.until > now
            ? remembered
            : yield* lookUp(digest, key, now).pipe(
              Effect.catchTag(
                "PostgresError",
                () => ApiError.refuse("unavailable", "tokens cannot be looked up at this moment: try again")
              )
            )
          if (found === undefined || found.expires <= now) return yield* refused
          return found.caller
        }),
        create: Effect.fn("Tokens.create")(function*(caller, { expiresAt, name, scope }, dryRun) {
          const secret = `lh_${randomBytes(32).toString("base64url")}`
          const { change, result } = yield* administration.change(
            { caller, action: "token create", dryRun },
            (client) => client.query<Token>(createSql, [name, sha256(secret), scope, caller.actor, expiresAt ?? null])
          )
          const token = yield* Effect.orDie(Effect.fromNullishOr(result[0]))
          return { result: dryRun ? { token: { ...token, id: "0" }, secret: "" } : { token, secret }, change }
        }),
        list: Effect.orDie(postgres.query<Token>(listSql)),
        revoke: Effect.fn("Tokens.revoke")(function*(caller, key, dryRun) {
          const { change, result } = yield* administration.change(
            { caller, action: "token revoke", dryRun },
            (client) => client.query<Token>(revokeSql, [key])
          )
          if (!dryRun) {
            revocations++
            known.clear()
          }
          const token = yield* Effect.mapError(
            Effect.fromNullishOr(result[0]),
            () => ApiError.refuse("not-found", "no token that is in force has this identifier or name", "key")
          )
          return { result: token, change }
        })
      })
    })
  )
}

const sha256 = (secret: string): Buffer => hash("sha256", secret, "buffer")

const refused = Effect.fail(ApiError.refuse("unauthenticated", "the token is not known, has expired, or was revoked"))
