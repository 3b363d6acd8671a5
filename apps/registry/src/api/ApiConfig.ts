/**
 * Where the API listens, and whom it believes. Loopback needs no credentials; anywhere else there is TLS and every caller
 * proves who it is, or the registry does not start.
 */
import { Config, Data, Effect, Option, Schema } from "effect"
import { readFileSync } from "node:fs"
import { isIPv4, isIPv6 } from "node:net"
import { scopes } from "./Caller.ts"

/** Why the API does not start; one sentence that says what to do. */
export class ApiRefused extends Data.TaggedError("ApiRefused")<{ readonly message: string }> {}

export interface Tls {
  readonly cert: Buffer
  readonly key: Buffer
  /** Who signs the certificates of callers. */
  readonly clientCa: Buffer | undefined
}

const Demanded = Schema.Literals(["off-loopback", "required"])
const Granted = Schema.Literals(scopes)

const settings = Config.all({
  host: Config.String("API_HOST").pipe(Config.withDefault("127.0.0.1")),
  port: Config.Int("API_PORT").pipe(Config.withDefault(50_551)),
  origins: Config.String("API_ORIGINS").pipe(Config.withDefault("")),
  tokens: Config.schema(Demanded, "API_TOKENS").pipe(
    Config.withDefault("off-loopback" as const)
  ),
  cert: Config.option(Config.String("API_TLS_CERT")),
  key: Config.option(Config.String("API_TLS_KEY")),
  clientCa: Config.option(Config.String("API_CLIENT_CA")),
  certificateScope: Config.schema(Granted, "API_CERTIFICATE_SCOPE").pipe(
    Config.withDefault("operate" as const)
  )
}).pipe(Config.nested("REGISTRY"))

export const ApiConfig = Effect.gen(function*() {
  const { cert, certificateScope, clientCa, host, key, origins, port, tokens } = yield* settings
  if (port < 0 || port > 65_535) return yield* refuse(`REGISTRY_API_PORT is not a port: ${port}`)
  const tls = yield* readTls(cert, key, clientCa)
  const loopback = isLoopback(host)
  if (!loopback && tls === undefined) {
    return yield* refuse(
      `the API is to listen on ${host}, where others can reach it: set REGISTRY_API_TLS_CERT and REGISTRY_API_TLS_KEY, `
        + "or REGISTRY_API_HOST to 127.0.0.1"
    )
  }
  return {
    host,
    port,
    tls,
    certificateScope,
    /** Callers without credentials may do everything. */
    trusting: loopback && tokens !== "required",
    /** Web pages of these origins may call. */
    origins: new Set(origins.split(",").map((origin) => origin.trim()).filter((origin) => origin !== ""))
  }
})
export type ApiConfig = Effect.Success<typeof ApiConfig>

const refuse = (message: string) => Effect.fail(new ApiRefused({ message }))

const readTls = Effect.fnUntraced(function*(
  cert: Option.Option<string>,
  key: Option.Option<string>,
  clientCa: Option.Option<string>
) {
  if (Option.isNone(cert) && Option.isNone(key)) {
    return Option.isNone(clientCa)
      ? undefined
      : yield* refuse("REGISTRY_API_CLIENT_CA needs REGISTRY_API_TLS_CERT and REGISTRY_API_TLS_KEY")
  }
  if (Option.isNone(cert) || Option.isNone(key)) {
    return yield* refuse("REGISTRY_API_TLS_CERT and REGISTRY_API_TLS_KEY are needed both, or neither")
  }
  return {
    cert: yield* read("REGISTRY_API_TLS_CERT", cert.value),
    key: yield* read("REGISTRY_API_TLS_KEY", key.value),
    clientCa: Option.isNone(clientCa) ? undefined : yield* read("REGISTRY_API_CLIENT_CA", clientCa.value)
  } satisfies Tls
})

const read = (variable: string, path: string) =>
  Effect.try({
    try: () => readFileSync(path),
    catch: (cause) =>
      new ApiRefused({
        message: `${variable} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })

/** A name or address of this machine that no other reaches. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."))

/** As it stands in a URL. */
export const authorityOf = (host: string, port: number): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`
