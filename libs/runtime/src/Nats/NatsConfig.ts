/**
 * The settings of the connection to NATS, and what they mean to its client.
 *
 * Files that it names are looked at when they are read here, and read again for each connection, so they may be rotated.
 */
import { type Authenticator, credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node"
import { Config, Option, Redacted, Schema } from "effect"
import { readFileSync } from "node:fs"
import { explain } from "../explain.ts"

/** A path for which `use` does not throw; else what it throws is the problem. */
const fileFor = (use: (path: string) => void) =>
  Schema.String.check(Schema.makeFilter((path) => {
    try {
      use(path)
      return true
    } catch (error) {
      return `cannot be used: ${explain(error)}`
    }
  }))
const ReadableFile = fileFor((path) => readFileSync(path))
const CredentialsFile = fileFor((path) => credsAuthenticator(readFileSync(path))("nonce"))

const Replicas = Schema.NumberFromString.check(
  Schema.isInt({ expected: "a whole number from 1 to 5" }),
  Schema.isBetween({ minimum: 1, maximum: 5 }, { expected: "a whole number from 1 to 5" })
)

export const NatsConfig = Config.all({
  servers: Config.String("SERVERS").pipe(
    Config.map((text) => text.split(",").map((server) => server.trim())),
    Config.withDefault(["nats://127.0.0.1:4222"])
  ),
  user: Config.option(Config.String("USER")),
  password: Config.option(Config.Redacted("PASSWORD")),
  token: Config.option(Config.Redacted("TOKEN")),
  credentials: Config.option(Config.schema(CredentialsFile, "CREDS")),
  ca: Config.option(Config.schema(ReadableFile, "TLS_CA")),
  replicas: Config.schema(Replicas, "REPLICAS").pipe(Config.withDefault(1))
}).pipe(Config.nested("NATS"))

const secret = (value: Option.Option<Redacted.Redacted>) => Option.getOrUndefined(Option.map(value, Redacted.value))

/** A server's URL may hold a user and a password. */
export const withoutSecret = (server: string) => server.replace(/^(\w+:\/\/)?[^@/]*@/u, "$1")

export const optionsOf = (name: string, config: Config.Success<typeof NatsConfig>): NodeConnectionOptions => {
  const user = Option.getOrUndefined(config.user)
  const pass = secret(config.password)
  const token = secret(config.token)
  return {
    name,
    servers: [...config.servers],
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    // Else two refusals in a row end it for good, and a wrong password may be put right at any time.
    ignoreAuthErrorAbort: true,
    // A stack trace for each request costs more than the request.
    noAsyncTraces: true,
    // A server that stops answering without closing the connection is noticed after two of these.
    pingInterval: 10_000,
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
    ...(Option.isSome(config.credentials) ? { authenticator: credentialsIn(config.credentials.value) } : {}),
    ...(Option.isSome(config.ca) ? { tls: { caFile: config.ca.value } } : {})
  }
}

/** A file that cannot be read, or is written just now, does not end the connection: what was read before holds. */
const credentialsIn = (path: string): Authenticator => {
  let good = credsAuthenticator(readFileSync(path))
  return (nonce) => {
    try {
      const now = credsAuthenticator(readFileSync(path))
      const answer = now(nonce)
      good = now
      return answer
    } catch {
      return good(nonce)
    }
  }
}
