/**
 * The registry's API, as the flags and the environment say how to reach it.
 *
 * Nothing is connected, and nothing of the client loaded, before the first call. Every failure comes back as a `Failure`
 * that says which field was wrong and what to do next.
 */
import type { RegistryClient } from "@leasehold/registry-api/client"
import { Context, Effect, Layer, Option, Redacted, Scope, Stream } from "effect"
import { type Failure, misused } from "./domain/Failure.ts"
import { Ca, Cert, Key, orUndefined, Server, TokenFile, tokenFileSetting, tokenSetting } from "./globals.ts"
import { Screen } from "./Screen.ts"

/** What a call is given besides its request. */
export interface CallContext {
  readonly signal: AbortSignal
  /** 0: as long as it takes. */
  readonly timeoutMs?: number
}

const callTimeout = 60_000
/** Of a call that looks at everything, as long as the registry takes for it. */
export const longCallTimeout = 10 * 60_000

const serverUrl = Effect.fnUntraced(function*(text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    return yield* misused(
      `--server: expected the registry's URL such as http://127.0.0.1:50551, got ${JSON.stringify(text)}`,
      "A DHCP server is named with --dhcp-server."
    )
  }
  if (url.username !== "" || url.password !== "") {
    return yield* misused("--server: a URL without a user", "Give the token in IPMANAGER_TOKEN.")
  }
  return url.origin
})

/** As the registry takes the name of a caller. */
const actorOf = (user: string): string | undefined => {
  const name = user.replace(/[^A-Za-z0-9._@-]+/gu, "-").replace(/^[^A-Za-z0-9]+/u, "").slice(0, 63)
  return name === "" ? undefined : name
}

const isLoopback = (origin: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u.test(new URL(origin).hostname)

const makeOptions = Effect.gen(function*() {
  const { user } = yield* Screen
  const read = (flag: string, path: string) =>
    Effect.mapError(
      // Loaded only where there is a file to read.
      Effect.flatMap(Effect.promise(() => import("./ConfFiles.ts")), ({ readTextFile }) =>
        Effect.map(readTextFile(path), ({ text }) => text)),
      (reason) =>
        misused(`${flag}: cannot read ${path}: ${reason}`, "Give the path of a file you may read.")
    )
  /** PEM, of which the connection would only say that something is wrong. */
  const readPem = Effect.fnUntraced(function*(flag: string, path: string | undefined, what: "certificate" | "key") {
    if (path === undefined) return undefined
    const text = yield* read(flag, path)
    const isPem = what === "key" ? /-----BEGIN [A-Z ]*PRIVATE KEY-----/u : /-----BEGIN (?:TRUSTED )?CERTIFICATE-----/u
    return isPem.test(text)
      ? text
      : yield* misused(`${flag}: ${path} has no ${what} in PEM`, "Give the path of one that has.")
  })

  const server = yield* serverUrl(yield* Server)
  const setting = <A>(config: Effect.Effect<A, unknown>) => Effect.orDie(config)
  const path = orUndefined(yield* TokenFile)
  const given = Option.filter(yield* setting(tokenSetting), (token) => Redacted.value(token) !== "")
  const fallback = orUndefined(yield* setting(tokenFileSetting))
  const fromFile = path ?? (Option.isSome(given) ? undefined : fallback)
  const text = fromFile === undefined
    ? orUndefined(Option.map(given, Redacted.value))
    : yield* read("--token-file", fromFile)
  const token = text?.trim()
  // Anything else would come back in an error, and be a secret that everybody reads.
  if (token !== undefined && !/^[\x21-\x7e]{1,200}$/u.test(token)) {
    return yield* misused(`${fromFile ?? "IPMANAGER_TOKEN"}: this is no token`, "Make one: ipmanager token create NAME")
  }
  if (token !== undefined && server.startsWith("http:") && !isLoopback(server)) {
    return yield* misused(
      `--server: a token would go to ${server} where everybody on the way can read it`,
      "Give an https:// URL; a registry that others can reach serves TLS."
    )
  }
  const [certPath, keyPath] = [orUndefined(yield* Cert), orUndefined(yield* Key)]
  if ((certPath === undefined) !== (keyPath === undefined)) {
    return yield* misused("--cert and --key go together", "Give both, or neither.")
  }
  const ca = yield* readPem("--ca", orUndefined(yield* Ca), "certificate")
  const cert = yield* readPem("--cert", certPath, "certificate")
  const key = yield* readPem("--key", keyPath, "key")
  return { server, token, actor: actorOf(user), ca, cert, key, timeoutMillis: callTimeout }
})

export class Registry extends Context.Service<Registry, {
  /** One call, or several that belong together. */
  call<A>(run: (client: RegistryClient, context: CallContext) => Promise<A>): Effect.Effect<A, Failure>
  /** What a call answers bit by bit. */
  stream<A>(run: (client: RegistryClient, context: CallContext) => AsyncIterable<A>): Stream.Stream<A, Failure>
}>()("ipmanager/Registry") {
  static readonly layer = Layer.effect(
    Registry,
    Effect.gen(function*() {
      const scope = yield* Effect.scope
      const context = yield* Effect.context<Effect.Services<typeof makeOptions>>()
      const connect = Effect.gen(function*() {
        const options = yield* Effect.provideContext(makeOptions, context)
        const [{ connectRegistry }, { explain }] = yield* Effect.promise(() =>
          Promise.all([import("@leasehold/registry-api/client"), import("./explain.ts")])
        )
        return yield* Effect.acquireRelease(
          Effect.sync(() => ({
            client: connectRegistry(options),
            explained: (cause: unknown) => explain(cause, options.server)
          })),
          ({ client }) => Effect.sync(() => client.close())
        )
      }).pipe(Effect.provideService(Scope.Scope, scope))
      const connection = yield* Effect.cached(connect)

      const call = Effect.fn("Registry.call")(function*<A>(
        run: (client: RegistryClient, context: CallContext) => Promise<A>
      ) {
        const { client, explained } = yield* connection
        return yield* Effect.tryPromise({
          try: (signal) => run(client, { signal }),
          catch: explained
        })
      })
      const stream = <A>(run: (client: RegistryClient, context: CallContext) => AsyncIterable<A>) =>
        Stream.unwrap(Effect.gen(function*() {
          const { client, explained } = yield* connection
          const abort = yield* Effect.acquireRelease(
            Effect.sync(() => new AbortController()),
            (controller) => Effect.sync(() => controller.abort())
          )
          return Stream.fromAsyncIterable(run(client, { signal: abort.signal, timeoutMs: 0 }), explained)
        }))
      return Registry.of({ call, stream })
    })
  )
}
