import { connect } from "@nats-io/transport-node"
import { join } from "node:path"
import { assert, inject, it, onTestFinished } from "vitest"
import { type Nats, startNats } from "../src/index.ts"
import { scratchDirectory } from "../src/ScratchDirectory.ts"

const started = async (options: Parameters<typeof startNats>[0]): Promise<Nats> => {
  const nats = await startNats(options)
  onTestFinished(() => nats.stop())
  return nats
}
const place = async () => {
  const scratch = await scratchDirectory("test")
  onTestFinished(() => scratch.remove())
  return join(scratch.path, "nats")
}
const api = async (url: string, subject: string, body = ""): Promise<string> => {
  const connection = await connect({ servers: url })
  const answer = await connection.request(subject, body, { timeout: 5_000 })
  await connection.close()
  return answer.string()
}
const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "no failure", (error: unknown) => error instanceof Error ? error.message : String(error))

it("serves JetStream to every test file", async () => {
  assert.match(await api(inject("natsUrl"), "$JS.API.INFO"), /account_info_response/)
})

it("keeps what it acknowledged when it is killed, and comes back on the same port", async () => {
  const dir = await place()
  const first = await started({ dir })
  await api(first.url, "$JS.API.STREAM.CREATE.KEPT", JSON.stringify({ name: "KEPT", subjects: ["kept"] }))
  await api(first.url, "kept", "a message")
  await first.kill()
  const second = await started({ dir, port: first.port })
  assert.strictEqual(second.url, first.url)
  assert.match(await api(second.url, "$JS.API.STREAM.INFO.KEPT"), /"messages":1,/)
})

it("says so when the directory is in use or the port is taken", async () => {
  const dir = await place()
  const first = await started({ dir })
  assert.match(await rejection(startNats({ port: first.port })), /the port is in use/)
  assert.match(await rejection(startNats({ dir })), /^a nats-server already runs on /)
})
