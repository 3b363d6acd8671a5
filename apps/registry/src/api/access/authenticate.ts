/**
 * Who calls, found out before a byte of the request's body is read: by token, by client certificate, or, on loopback and
 * where nothing else is demanded, by the caller's own word.
 */
import { type ContextValues, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect"
import { Effect } from "effect"
import type { IncomingMessage } from "node:http"
import type { Http2ServerRequest } from "node:http2"
import { TLSSocket } from "node:tls"
import type { ApiConfig } from "../ApiConfig.ts"
import { ApiError } from "../ApiError.ts"
import { type Caller, type Scope, scopes } from "../Caller.ts"
import type { Authorise } from "../implement.ts"
import { neededScope } from "./methodScopes.ts"
import type { Tokens } from "./Tokens.ts"

const callerKey = createContextKey<Caller | undefined>(undefined, { description: "who calls" })
const certificateKey = createContextKey<string | undefined>(undefined, {
  description: "name in the client certificate"
})

/** What the connection itself says of the caller. */
export const connectionValues = (request: IncomingMessage | Http2ServerRequest): ContextValues => {
  const values = createContextValues()
  const { socket } = request
  if (socket instanceof TLSSocket && socket.authorized) {
    const name = socket.getPeerX509Certificate()?.toLegacyObject().subject.CN
    if (typeof name === "string") values.set(certificateKey, name)
  }
  return values
}

const actorName = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/u

export const authenticating = (config: ApiConfig, tokens: Tokens["Service"]) => {
  const identify = Effect.fnUntraced(function*({ requestHeader, values }: HandlerContext) {
    const authorization = requestHeader.get("authorization")
    if (authorization !== null) {
      const [, secret] = /^Bearer ([\w-]+)$/iu.exec(authorization) ?? []
      if (secret === undefined) {
        return yield* ApiError.refuse("unauthenticated", "expected the header authorization: Bearer lh_…")
      }
      return yield* tokens.caller(secret)
    }
    const certificate = values.get(certificateKey)
    if (certificate !== undefined) {
      if (!actorName.test(certificate)) {
        return yield* ApiError.refuse(
          "unauthenticated",
          "the common name of the client certificate is no name of a caller"
        )
      }
      return { actor: `certificate:${certificate}`, scope: config.certificateScope }
    }
    if (!config.trusting) {
      return yield* ApiError.refuse(
        "unauthenticated",
        "expected the header authorization: Bearer lh_… (ipmanager token create makes one)"
      )
    }
    const actor = requestHeader.get("leasehold-actor")
    if (actor === null) return { actor: "local", scope: "administer" } satisfies Caller
    if (!actorName.test(actor)) return yield* ApiError.invalid("leasehold-actor", "a name of a caller", actor)
    return { actor: `local:${actor}`, scope: "administer" } satisfies Caller
  })

  /** Lets a call pass, and notes who makes it; fails where it may not be made. */
  return Effect.fnUntraced(function*(context: HandlerContext) {
    const needed = neededScope(context.method)
    if (needed === "nobody-in-particular") return
    const caller = yield* identify(context)
    if (needed === undefined || !includes(caller.scope, needed)) {
      return yield* ApiError.refuse(
        "permission-denied",
        `${context.method.name} needs the scope ${needed ?? "of nobody"}; ${caller.actor} has ${caller.scope}`
      )
    }
    context.values.set(callerKey, caller)
  })
}

const includes = (has: Scope, needed: Scope): boolean => scopes.indexOf(has) >= scopes.indexOf(needed)

/** Who was let pass. */
export const passed: Authorise = ({ values }) =>
  Effect.mapError(
    Effect.fromNullishOr(values.get(callerKey)),
    () => ApiError.refuse("unauthenticated", "nobody was let pass")
  )
