import { Code, ConnectError } from "@leasehold/registry-api/client"
import { assert, it } from "vitest"
import { explain } from "../src/explain.ts"

const server = "http://127.0.0.1:50551"

it("sends whoever was answered by a registry without NATS to NATS, and not to the registry", () => {
  const answered = explain(new ConnectError("NATS does not take the event: try again", Code.Unavailable), server)
  assert.match(answered.advice ?? "", /^Is NATS running/u)
  const silent = explain(new ConnectError("the registry does not answer any more", Code.Unavailable), server)
  assert.match(silent.advice ?? "", /^Is the registry running at http:/u)
})
