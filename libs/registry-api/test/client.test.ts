import { assert, describe, it } from "vitest"
import { Code, ConnectError, connectRegistry, violationsOf } from "../src/client.ts"
import { BadRequestSchema } from "../src/index.ts"

describe("the registry's client", () => {
  it("tells the fields that a refused request has wrong", () => {
    const fieldViolations = [{ field: "reservation.address", description: "it is reserved already" }]
    const error = new ConnectError("refused", Code.AlreadyExists, undefined, [
      { desc: BadRequestSchema, value: { fieldViolations } }
    ])
    assert.deepStrictEqual(violationsOf(error), fieldViolations)
    assert.deepStrictEqual(violationsOf(new ConnectError("refused")), [])
  })

  it("connects with the first call, fails with what it is told, and can be closed before", async () => {
    const client = connectRegistry({ server: "http://127.0.0.1:9", token: "lh_x", actor: "Jörg", timeoutMillis: 5_000 })
    try {
      await client.access.whoAmI({})
      assert.fail("nothing listens there")
    } catch (error) {
      assert.instanceOf(error, ConnectError)
    }
    client.close()
    connectRegistry({ server: "http://127.0.0.1:9" }).close()
  })
})
