/** AccessService: tokens, and who the caller is. */
import type { ServiceImpl } from "@connectrpc/connect"
import {
  type AccessService,
  CreateTokenRequestSchema,
  CreateTokenResponseSchema,
  ListTokensRequestSchema,
  ListTokensResponseSchema,
  RevokeTokenRequestSchema,
  RevokeTokenResponseSchema,
  Scope as ScopeMessage,
  ScopeSchema,
  WhoAmIRequestSchema,
  WhoAmIResponseSchema
} from "@leasehold/registry-api"
import { Clock, Effect } from "effect"
import { type Token, Tokens } from "../access/Tokens.ts"
import { ApiError } from "../ApiError.ts"
import type { Scope } from "../Caller.ts"
import { enumName, enumNames } from "../enumNames.ts"
import type { Implementing } from "../implement.ts"
import { fromTimestamp, optionalTimestamp, toTimestamp } from "../messages.ts"

export const accessService = (method: Implementing<Tokens>) =>
  ({
    createToken: method.unary(
      CreateTokenRequestSchema,
      CreateTokenResponseSchema,
      Effect.fn("AccessService.createToken")(function*({ dryRun, expiresAt, name, scope }, caller) {
        const tokens = yield* Tokens
        const wanted = yield* Effect.mapError(
          Effect.fromNullishOr(decided[scope]),
          () => ApiError.invalid("scope", enumNames(ScopeSchema), enumName(ScopeSchema, scope))
        )
        const end = expiresAt === undefined ? undefined : yield* fromTimestamp("expires_at", expiresAt)
        if (end !== undefined && Date.parse(end) <= (yield* Clock.currentTimeMillis)) {
          return yield* ApiError.invalid("expires_at", "a time to come", end)
        }
        const { change, result: { secret, token } } = yield* tokens.create(
          caller,
          { name, scope: wanted, expiresAt: end },
          dryRun
        )
        return { token: toMessage(token), secret, change }
      })
    ),
    listTokens: method.unary(
      ListTokensRequestSchema,
      ListTokensResponseSchema,
      Effect.fn("AccessService.listTokens")(function*() {
        const { list } = yield* Tokens
        return { tokens: (yield* list).map(toMessage) }
      })
    ),
    revokeToken: method.unary(
      RevokeTokenRequestSchema,
      RevokeTokenResponseSchema,
      Effect.fn("AccessService.revokeToken")(function*({ dryRun, key }, caller) {
        const tokens = yield* Tokens
        const { change, result } = yield* tokens.revoke(caller, key, dryRun)
        return { token: toMessage(result), change }
      })
    ),
    whoAmI: method.unary(
      WhoAmIRequestSchema,
      WhoAmIResponseSchema,
      (_, { actor, scope }) => Effect.succeed({ actor, scope: told[scope] })
    )
  }) satisfies ServiceImpl<typeof AccessService>

const told = {
  read: ScopeMessage.READ,
  operate: ScopeMessage.OPERATE,
  administer: ScopeMessage.ADMINISTER
} as const satisfies Record<Scope, ScopeMessage>

const decided: Readonly<Partial<Record<ScopeMessage, Scope>>> = {
  [ScopeMessage.READ]: "read",
  [ScopeMessage.OPERATE]: "operate",
  [ScopeMessage.ADMINISTER]: "administer"
}

const toMessage = ({ createdAt, createdBy, expiresAt, id, lastUsedAt, name, revokedAt, scope }: Token) => ({
  id: BigInt(id),
  name,
  scope: told[scope],
  createdAt: toTimestamp(createdAt),
  createdBy,
  ...optionalTimestamp("expiresAt", expiresAt),
  ...optionalTimestamp("lastUsedAt", lastUsedAt),
  ...optionalTimestamp("revokedAt", revokedAt)
})
