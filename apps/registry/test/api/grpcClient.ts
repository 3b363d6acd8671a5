/** A gRPC client that has nothing in common with what serves: grpc-js, which reads the definition's files itself. */
import * as grpc from "@grpc/grpc-js"
import { loadSync } from "@grpc/proto-loader"

const protos = new URL("../../../../libs/registry-api/proto/", import.meta.url).pathname
const definition = loadSync(
  [
    "leasehold/v1/watcher.proto",
    "leasehold/v1/ipam.proto",
    "leasehold/v1/policy.proto",
    "leasehold/v1/server.proto",
    "leasehold/v1/access.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto"
  ],
  { includeDirs: [protos], keepCase: false, longs: String, enums: String, defaults: true, oneofs: true }
)

export type Message = Readonly<Record<string, unknown>>

/** Path and serialisers of each method, by `package.Service/Method`. */
export const methods: ReadonlyMap<string, grpc.MethodDefinition<object, object>> = new Map(
  Object.entries(definition).flatMap(([service, methods]) =>
    "format" in methods
      ? []
      : Object.values(methods).flatMap((method) =>
        "path" in method ? [[`${service}/${method.path.split("/").at(-1)}`, method] as const] : []
      )
  )
)

export class CallError extends Error {
  readonly code: string
  readonly details: string
  constructor({ code, details }: grpc.ServiceError) {
    super(`${grpc.status[code]}: ${details}`)
    this.code = grpc.status[code] ?? String(code)
    this.details = details
  }
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>
  readonly deadline?: number
}

export interface Watch extends AsyncIterable<Message> {
  cancel(): void
  /** Takes messages until one satisfies the condition. */
  until(condition: (message: Message) => boolean): Promise<ReadonlyArray<Message>>
}

export interface GrpcClient {
  /** One request, or several where the method takes a stream; one answer. */
  call(method: string, request?: object | ReadonlyArray<object>, options?: CallOptions): Promise<Message>
  /** The error of a call that must not succeed. */
  fail(method: string, request?: object, options?: CallOptions): Promise<CallError>
  watch(method: string, request?: object, options?: CallOptions): Watch
  close(): void
}

const metadataOf = (values: Readonly<Record<string, string>> = {}) => {
  const metadata = new grpc.Metadata()
  for (const [key, value] of Object.entries(values)) metadata.set(key, value)
  return metadata
}

export const grpcClient = (
  url: string,
  credentials = grpc.credentials.createInsecure(),
  always: Readonly<Record<string, string>> = {}
): GrpcClient => {
  const client = new grpc.Client(new URL(url).host, credentials, { "grpc.max_receive_message_length": 16 << 20 })
  const known = (name: string) => {
    const method = methods.get(name.includes(".") ? name : `leasehold.v1.${name}`)
    if (method === undefined) throw new Error(`no such method: ${name}`)
    return method
  }
  const optionsOf = ({ deadline = 20_000 }: CallOptions): grpc.CallOptions => ({ deadline: Date.now() + deadline })
  const call: GrpcClient["call"] = (name, request = {}, options = {}) =>
    new Promise((resolve, reject) => {
      const { path, requestSerialize, requestStream, responseDeserialize } = known(name)
      const metadata = metadataOf({ ...always, ...options.metadata })
      const settle = (error: grpc.ServiceError | null, answer?: object) =>
        error === null ? resolve({ ...answer }) : reject(new CallError(error))
      if (!requestStream) {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          optionsOf(options),
          settle
        )
        return
      }
      const stream = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        optionsOf(options),
        settle
      )
      for (const message of Array.isArray(request) ? request : [request]) stream.write(message)
      stream.end()
    })
  return {
    call,
    fail: async (name, request, options) => {
      const answer = await call(name, request, options).catch((error: unknown) => error)
      if (answer instanceof CallError) return answer
      throw new Error(`${name} did not fail: ${JSON.stringify(answer)}`)
    },
    watch: (name, request = {}, options = {}) => {
      const { path, requestSerialize, requestStream, responseDeserialize } = known(name)
      const metadata = metadataOf({ ...always, ...options.metadata })
      const open = () => {
        if (!requestStream) {
          return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
        }
        const both = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
        both.write(request)
        both.end()
        return both
      }
      const stream = open()
      stream.on("error", () => undefined)
      const iterate = async function*() {
        try {
          for await (const message of stream) yield { ...message }
        } catch (error) {
          throw error instanceof Error && "code" in error && "details" in error && "metadata" in error
            ? new CallError(Object.assign(error, {
              code: Number(error.code),
              details: String(error.details),
              metadata: new grpc.Metadata()
            }))
            : error
        }
      }
      const iterator = iterate()
      return {
        [Symbol.asyncIterator]: () => iterator,
        cancel: () => stream.cancel(),
        until: async (condition) => {
          const taken: Array<Message> = []
          for (;;) {
            const next = await iterator.next()
            if (next.done === true) throw new Error(`the stream ended after ${JSON.stringify(taken.slice(-3))}`)
            taken.push(next.value)
            if (condition(next.value)) return taken
          }
        }
      }
    },
    close: () => client.close()
  }
}
