/**
 * The registry's gRPC API for who calls it: one connection over HTTP/2, plain or TLS, and a client for each service.
 *
 * The connection opens with the first call. `close` ends it, so that a program that is done is not kept alive. While an answer is
 * awaited, the other side is asked whether it is there: who watches is told when a host has vanished without a word.
 */
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect"
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node"
import type { ClientHttp2Stream } from "node:http2"
import { BadRequestSchema } from "./gen/google/rpc/error_details_pb.ts"
import { AccessService } from "./gen/leasehold/v1/access_pb.ts"
import { IpamService } from "./gen/leasehold/v1/ipam_pb.ts"
import { PolicyService } from "./gen/leasehold/v1/policy_pb.ts"
import { ServerService } from "./gen/leasehold/v1/server_pb.ts"
import { WatcherService } from "./gen/leasehold/v1/watcher_pb.ts"

export { Code, ConnectError }

export interface RegistryClientOptions {
  /** `http://127.0.0.1:50551`, or `https://…`. */
  readonly server: string
  readonly token?: string | undefined
  /** Whom the change log shall name; believed only from the registry's own host. */
  readonly actor?: string | undefined
  /** PEM texts; `cert` and `key` go together. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** How long a call with one answer may take. */
  readonly timeoutMillis?: number | undefined
  /** While an answer is awaited, the other side is asked so often whether it is there, and has so long to say so: 15 seconds. */
  readonly pingMillis?: number | undefined
}

export interface RegistryClient {
  readonly access: Client<typeof AccessService>
  readonly ipam: Client<typeof IpamService>
  readonly policy: Client<typeof PolicyService>
  readonly server: Client<typeof ServerService>
  readonly watcher: Client<typeof WatcherService>
  close(): void
}

/** Headers are ASCII; what a name has besides that is told as `?`. */
const headerText = (text: string) => text.replace(/[^\x20-\x7e]/gu, "?")

const identity = ({ actor, token }: RegistryClientOptions): Interceptor => (next) => (request) => {
  if (token !== undefined) request.header.set("authorization", `Bearer ${token}`)
  if (actor !== undefined) request.header.set("leasehold-actor", headerText(actor))
  return next(request)
}

const withoutUndefined = (options: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/**
 * Ends a call, and its connection, when the other side does not answer. The library would do so too, but its error is one that
 * nobody may be there to catch: a session that is closed at that moment ends the process.
 */
const askRegularly = (stream: ClientHttp2Stream, pingMillis: number): void => {
  const { session } = stream
  let answered = true
  const giveUp = () => {
    if (answered) return
    stream.destroy(new ConnectError("the registry does not answer any more", Code.Unavailable))
    session?.destroy()
  }
  const timer = setInterval(() => {
    if (stream.destroyed || session === undefined || session.destroyed) return clearInterval(timer)
    // Who was stopped for a while reads first what has come meanwhile.
    if (!answered) return void setImmediate(giveUp)
    answered = false
    session.ping(() => {
      answered = true
    })
  }, pingMillis)
  stream.once("close", () => clearInterval(timer))
}

/** Fails, at the first call, with a `ConnectError`. */
export const connectRegistry = (options: RegistryClientOptions): RegistryClient => {
  const { ca, cert, key, pingMillis = 15_000, server, timeoutMillis } = options
  const sessions = new Http2SessionManager(server, {}, withoutUndefined({ ca, cert, key }))
  const transport = createGrpcTransport({
    baseUrl: server,
    sessionManager: {
      authority: sessions.authority,
      request: async (...request) => {
        const stream = await sessions.request(...request)
        askRegularly(stream, pingMillis)
        return stream
      },
      notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream)
    },
    interceptors: [identity(options)],
    ...(timeoutMillis === undefined ? {} : { defaultTimeoutMs: timeoutMillis })
  })
  return {
    access: createClient(AccessService, transport),
    ipam: createClient(IpamService, transport),
    policy: createClient(PolicyService, transport),
    server: createClient(ServerService, transport),
    watcher: createClient(WatcherService, transport),
    close: () => sessions.abort()
  }
}

export interface FieldViolation {
  /** Path of the field: `reservation.address`. */
  readonly field: string
  readonly description: string
}

/** The fields that a refused request has wrong, as the registry names them. */
export const violationsOf = (error: ConnectError): ReadonlyArray<FieldViolation> =>
  error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) =>
    fieldViolations.map(({ description, field }) => ({ field, description }))
  )
