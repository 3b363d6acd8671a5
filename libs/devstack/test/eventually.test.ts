import { assert, describe, it } from "vitest"
import { eventually, eventuallyHolds } from "../src/eventually.ts"

const failure = (waited: Promise<unknown>) => waited.then(() => "it did not fail", ({ message }: Error) => message)

describe("what is waited for", () => {
  it("is given back when it is there, also after errors", async () => {
    let asked = 0
    const answer = await eventually("an answer", async () => {
      asked++
      if (asked < 3) throw new Error("not yet")
      return asked < 5 ? undefined : { asked }
    })
    assert.deepStrictEqual(answer, { asked: 5 })
    assert.strictEqual(await eventuallyHolds("seven", () => ++asked, (seen) => seen === 7), 7)
  })

  it("is named in the error when it does not come, with what was seen last", async () => {
    const rows = [{ id: 1, name: "nas" }]
    assert.strictEqual(
      await failure(eventuallyHolds("two rows", async () => rows, ({ length }) => length === 2, 50)),
      "two rows: not within 50 ms; the last that was seen is [ { id: 1, name: 'nas' } ]"
    )
    assert.strictEqual(
      await failure(eventually("an answer", () => Promise.reject(new Error("connection refused")), 50)),
      "an answer: not within 50 ms; the last that was seen is an error: connection refused"
    )
    assert.strictEqual(
      await failure(eventually("an answer", () => undefined, 0)),
      "an answer: not within 0 ms; the last that was seen is undefined"
    )
  })
})
