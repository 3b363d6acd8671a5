import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Redacted } from "effect"
import { type FactMessage, factOf, problemOf } from "../../src/webhook/Fact.ts"
import { makePost } from "../../src/webhook/post.ts"
import { type Receiver, startReceiver } from "./Receiver.ts"

const receiver = Effect.acquireRelease(
  Effect.promise(() => startReceiver()),
  (receiver) => Effect.promise(() => receiver.stop())
)
const postTo = (url: string, timeout: Duration.Input = "5 seconds") =>
  makePost({
    url: Redacted.make(new URL(url)),
    secret: Option.none(),
    ca: Option.none(),
    timeout: Duration.fromInputUnsafe(timeout)
  })

const message = (headers: Readonly<Record<string, string>> = {}, body = "{\"type\":\"system.discovered\"}") =>
  ({
    subject: "discovery.v1.system.discovered.52:54:00:00:00:01",
    seq: 7,
    time: new Date("2026-11-22T08:00:00Z"),
    data: Buffer.from(body),
    headers: { get: (name: string) => headers[name] ?? "" }
  }) satisfies FactMessage
const fact = factOf(message({ "ce-id": "outbox-1" }))

describe("a fact", () => {
  it("has the attributes of its message, or some of its own where those can be no header", () => {
    const said = factOf(message({
      "ce-id": "outbox-9",
      "ce-source": "/leasehold/registry",
      "ce-type": "leasehold.discovery.v1.system.discovered",
      "ce-time": "2026-11-22T07:59:59.000001Z"
    })).attributes
    assert.deepStrictEqual(said, {
      "ce-specversion": "1.0",
      "ce-id": "outbox-9",
      "ce-source": "/leasehold/registry",
      "ce-type": "leasehold.discovery.v1.system.discovered",
      "ce-time": "2026-11-22T07:59:59.000001Z"
    })
    const made =
      factOf(message({ "ce-id": "x\r\nx-evil: 1", "ce-source": "\u00fc", "ce-type": "a".repeat(300) })).attributes
    assert.deepStrictEqual(made, {
      "ce-specversion": "1.0",
      "ce-id": "discovery-7",
      "ce-source": "/leasehold",
      "ce-type": "leasehold.discovery.v1.system.discovered",
      "ce-time": "2026-11-22T08:00:00.000Z"
    })
  })

  it("is none without its type", () => {
    assert.isUndefined(problemOf(fact))
    for (const body of ["", "{", "[]", "\"x\"", "{}", "{\"type\":1}", "{\"type\":\"system.renamed\"}"]) {
      assert.isString(problemOf(factOf(message({}, body))), body)
    }
  })
})

describe("a POST", () => {
  const answering = (how: Parameters<Receiver["answer"]>[0], timeout?: Duration.Input) =>
    Effect.gen(function*() {
      const { answer, received, url } = yield* receiver
      answer(how)
      const post = yield* postTo(url, timeout)
      return { answer: yield* post(fact), again: post(fact), received }
    })

  it.live("brings the fact and its attributes, and says nothing else", () =>
    Effect.gen(function*() {
      const { again, answer, received } = yield* answering((response) => void response.writeHead(202).end("thanks"))
      assert.deepStrictEqual(answer, { _tag: "Taken" })
      yield* again
      const [one] = received
      assert.strictEqual(received.length, 2)
      assert.deepStrictEqual([one?.path, one?.body], ["/hook", "{\"type\":\"system.discovered\"}"])
      const { connection: _, host: __, ...headers } = one?.headers ?? {}
      assert.deepStrictEqual(headers, {
        ...fact.attributes,
        "content-type": "application/json",
        "content-length": "28",
        "user-agent": "leasehold"
      })
    }))

  for (const status of [500, 502, 503, 504, 408, 425, 429]) {
    it.live(`may be repeated after ${status}, when the receiver says`, () =>
      Effect.gen(function*() {
        const { answer } = yield* answering((response) =>
          void response.writeHead(status, { "retry-after": "7" }).end("busy\u001b[31m")
        )
        assert.deepStrictEqual(answer, {
          _tag: "Later",
          reason: `HTTP ${status}: "busy\\u001b[31m"`,
          retryAfter: "7"
        })
      }))
  }

  for (const status of [300, 301, 302, 304, 307, 308, 400, 401, 404, 410, 422]) {
    it.live(`is not repeated after ${status}, nor anywhere else`, () =>
      Effect.gen(function*() {
        const { answer, received } = yield* answering((response, { path }) =>
          void response.writeHead(path === "/hook" ? status : 204, { location: "/elsewhere" }).end()
        )
        assert.strictEqual(answer._tag, "Refused")
        assert.strictEqual(received.length, 1)
      }))
  }

  it.live("ends in time when there is no answer, and the next one has another connection", () =>
    Effect.gen(function*() {
      const { again, answer } = yield* answering((response, _, number) => {
        if (number > 1) response.writeHead(204).end()
      }, "3 seconds")
      assert.deepStrictEqual(answer, { _tag: "Later", reason: "no answer within 3s" })
      assert.deepStrictEqual(yield* again, { _tag: "Taken" })
    }))

  it.live("is not held up by an answer without an end", () =>
    Effect.gen(function*() {
      const { again, answer } = yield* answering((response, _, number) => {
        response.writeHead(number === 1 ? 200 : 400)
        const flood = setInterval(() => response.write("x".repeat(10_000)), 1)
        response.once("close", () => clearInterval(flood))
      })
      assert.deepStrictEqual(answer, { _tag: "Taken" })
      const second = yield* again
      assert.strictEqual(second._tag, "Refused")
      assert.isBelow(second._tag === "Refused" ? second.reason.length : 0, 300)
    }))

  it.live("has the user and password of the URL, and is never sent without the TLS that it asks for", () =>
    Effect.gen(function*() {
      const { received, url } = yield* receiver
      yield* (yield* postTo(url.replace("//", "//us%40er:pass@")))(fact)
      const credentials = `Basic ${Buffer.from("us@er:pass").toString("base64")}`
      assert.strictEqual(received[0]?.headers.authorization, credentials)
      const answer = yield* (yield* postTo(url.replace("http:", "https:")))(fact)
      assert.match(answer._tag === "Later" ? answer.reason : "", /SSL|TLS/u)
      assert.strictEqual(received.length, 1)
    }))

  it.live("that nobody hears may be repeated", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.promise(() => startReceiver())
      yield* Effect.promise(() => gone.stop())
      const answer = yield* (yield* postTo(gone.url))(fact)
      assert.strictEqual(answer._tag, "Later")
      assert.match(answer._tag === "Later" ? answer.reason : "", /ECONNREFUSED/u)
    }))
})
