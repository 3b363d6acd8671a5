/** What the stories of the services share: a registry, a client, and which methods have answered. */
import type { Message } from "../grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "../ServedRegistry.ts"

export const answered = new Set<string>()

let running: ServedRegistry | undefined
export const start = async (): Promise<void> => {
  running = await serveRegistry()
}
export const stop = async (): Promise<void> => running?.stop()
export const served = (): ServedRegistry => {
  if (running === undefined) throw new Error("nothing is served")
  return running
}

const note = (method: string) => answered.add(method.includes(".v1.") ? method : `leasehold.v1.${method}`)

/** As alice. */
export const call = async (method: string, request: object | ReadonlyArray<object> = {}): Promise<Message> => {
  const answer = await served().client.call(method, request, { metadata: { "leasehold-actor": "alice" } })
  note(method)
  return answer
}

/** Code and message of the refusal. */
export const refuse = async (method: string, request: object = {}): Promise<string> => {
  const { code, details } = await served().client.fail(method, request)
  return `${code} ${details}`
}

/** The first message of a stream. */
export const first = async (method: string, request: object = {}): Promise<Message> => {
  const watch = served().client.watch(method, request)
  const [message = {}] = await watch.until(() => true)
  watch.cancel()
  note(method)
  return message
}

export const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value)

export const nas = "00:16:3e:00:00:07"
export const tv = "00:16:3e:00:00:08"
