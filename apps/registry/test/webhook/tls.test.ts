/** The webhook against real HTTPS servers with certificates of a private CA, good and bad. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Option, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { makeDeliver } from "../../src/webhook/deliver.ts"
import { makePost } from "../../src/webhook/post.ts"
import { type Authority, makeAuthority } from "./authority.ts"
import { type Certificate, type Receiver, startReceiver } from "./Receiver.ts"

const secret = "a secret of many characters"
const text = JSON.stringify({ type: "system.discovered", name: "nas ü" })
const fact = { id: "outbox-1", type: "system.discovered", attributes: { "ce-id": "outbox-1" }, body: Buffer.from(text) }

let directory: string
let ours: Authority
let other: Authority
let certificate: Certificate
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "leasehold-webhook-"))
  ours = makeAuthority(directory, "ours")
  other = makeAuthority(directory, "other")
  certificate = ours.certificate("IP:127.0.0.1")
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const serve = (presented: Certificate) =>
  Effect.acquireRelease(
    Effect.promise(() => startReceiver(0, presented)),
    (receiver) => Effect.promise(() => receiver.stop())
  )

const postTo = (
  url: string,
  authority: Option.Option<Authority> = Option.some(ours),
  timeout: Duration.Input = "10 seconds"
) =>
  makePost({
    url: Redacted.make(new URL(url)),
    secret: Option.some(Redacted.make(secret)),
    ca: Option.map(authority, ({ file }) => readFileSync(file)),
    timeout: Duration.fromInputUnsafe(timeout)
  })

const silent = Effect.provide(Logger.layer([]))
const quick = { attempts: 3, retryMin: Duration.millis(1), retryMax: Duration.millis(1) }

describe("a fact over TLS", () => {
  it.live("is taken by a receiver whose CA is given, with a signature that openssl finds right", () =>
    Effect.gen(function*() {
      const receiver = yield* serve(certificate)
      assert.deepStrictEqual(yield* (yield* postTo(receiver.url))(fact), { _tag: "Taken" })
      const [received] = receiver.received
      assert.strictEqual(received?.body, text)
      const header = String(received?.headers["leasehold-signature"])
      const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/u.exec(header) ?? []
      const said = execFileSync("openssl", ["dgst", "-sha256", "-hmac", secret], {
        input: `${time}.${String(received?.headers["ce-id"])}.${received?.body}`,
        encoding: "utf8"
      })
      assert.strictEqual(said.trim().split("= ")[1], signature)
    }))

  const refusals: Readonly<Record<string, readonly [() => Certificate, () => Option.Option<Authority>, RegExp]>> = {
    "of a CA that nobody named": [
      () => certificate,
      () => Option.none(),
      /^the certificate is not trusted \([A-Z_]+\); REGISTRY_WEBHOOK_TLS_CA names the file of its CA$/u
    ],
    "of another CA": [
      () => other.certificate("IP:127.0.0.1"),
      () => Option.some(ours),
      /^the certificate is not trusted \(/u
    ],
    "that has expired": [
      () => ours.certificate("IP:127.0.0.1", -1),
      () => Option.some(ours),
      /^certificate has expired$/u
    ],
    "for another name": [
      () => ours.certificate("DNS:hooks.example.org"),
      () => Option.some(ours),
      /IP: 127\.0\.0\.1 is not in the cert's list/u
    ]
  }
  for (const [what, [present, trust, reason]] of Object.entries(refusals)) {
    it.live(`is not sent to a receiver with a certificate ${what}, and tried again`, () =>
      Effect.gen(function*() {
        const receiver = yield* serve(present())
        const post = yield* postTo(receiver.url, trust())
        const delivery = yield* makeDeliver(post, quick)(fact).pipe(silent)
        assert.strictEqual(delivery._tag, "Dead")
        assert.match(delivery._tag === "Dead" ? delivery.reason : "", reason)
        assert.strictEqual(delivery._tag === "Dead" && delivery.attempts, quick.attempts)
        assert.deepStrictEqual(receiver.received, [])
      }))
  }

  it.live("is delivered once the receiver has a certificate that is right", () =>
    Effect.gen(function*() {
      const wrong = yield* Effect.promise(() => startReceiver(0, ours.certificate("DNS:hooks.example.org")))
      const post = yield* postTo(wrong.url)
      assert.strictEqual((yield* post(fact))._tag, "Later")
      yield* Effect.promise(() => wrong.stop())
      const right = yield* Effect.acquireRelease(
        Effect.promise(() => startReceiver(wrong.port, certificate)),
        (receiver) => Effect.promise(() => receiver.stop())
      )
      assert.deepStrictEqual(yield* makeDeliver(post, quick)(fact), { _tag: "Delivered" })
      assert.lengthOf(right.received, 1)
    }))
})

describe("a receiver over TLS", () => {
  /** The answers to the first POST, and to a second one over what is left of the connection. */
  const answers = Effect.fnUntraced(function*(how: Parameters<Receiver["answer"]>[0], timeout?: Duration.Input) {
    const receiver = yield* serve(certificate)
    receiver.answer((response, received, number) =>
      number === 1 ? how(response, received, number) : void response.writeHead(204).end()
    )
    const post = yield* postTo(receiver.url, Option.some(ours), timeout)
    const first = yield* post(fact)
    assert.deepStrictEqual(yield* post(fact), { _tag: "Taken" })
    return first
  })
  const megabytes = "x".repeat(4_000_000)

  it.live("that does not answer in time is asked again", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* answers(() => undefined, "1 second"), {
        _tag: "Later",
        reason: "no answer within 1s"
      })
    }))

  it.live("that is busy or broken is asked again, when it says", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* answers((response) => void response.writeHead(429, { "retry-after": "3" }).end()), {
        _tag: "Later",
        reason: "HTTP 429",
        retryAfter: "3"
      })
      assert.deepStrictEqual(yield* answers((response) => void response.writeHead(500).end("oh")), {
        _tag: "Later",
        reason: "HTTP 500: \"oh\""
      })
    }))

  it.live("that refuses or sends elsewhere is not asked again", () =>
    Effect.gen(function*() {
      const moved = yield* answers((response) => void response.writeHead(301, { location: "https://[::1]/" }).end())
      assert.deepStrictEqual(moved, { _tag: "Refused", reason: "HTTP 301; redirections are not followed" })
      for (const status of [400, 403, 410]) {
        const refused = yield* answers((response) => void response.writeHead(status).end())
        assert.deepStrictEqual(refused, { _tag: "Refused", reason: `HTTP ${status}` })
      }
    }))

  it.live("that answers with megabytes has said enough with the first of them", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* answers((response) => void response.writeHead(200).end(megabytes)), {
        _tag: "Taken"
      })
      const refused = yield* answers((response) => void response.writeHead(400).end(megabytes))
      assert.isTrue(refused._tag === "Refused" && refused.reason.length < 300)
      const headers = yield* answers((response) => void response.writeHead(400, { x: "y".repeat(100_000) }).end())
      assert.deepStrictEqual(headers, { _tag: "Later", reason: "Parse Error: Header overflow" })
    }))

  it.live("that closes the connection is asked again, unless it has said yes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* answers((response) => void response.destroy()), {
        _tag: "Later",
        reason: "socket hang up"
      })
      const half = (status: number) =>
        answers((response) => {
          response.writeHead(status, { "content-length": "100" })
          response.write("half", () => response.destroy())
        })
      assert.deepStrictEqual(yield* half(503), { _tag: "Later", reason: "HTTP 503: \"half\"" })
      assert.deepStrictEqual(yield* half(200), { _tag: "Taken" })
    }))

  for (
    const [what, greet, reason] of [
      ["says nothing", () => undefined, /^no answer within 1s$/u],
      ["closes at once", (socket: { destroy(): unknown }) => void socket.destroy(), /disconnected|hang up|ECONNRESET/u]
    ] as const
  ) {
    it.live(`that ${what} before there is TLS is asked again`, () =>
      Effect.gen(function*() {
        const server = createServer((socket) => {
          socket.on("error", () => undefined)
          greet(socket)
        })
        const sockets = new Set<{ destroy(): unknown }>()
        server.on("connection", (socket) => void sockets.add(socket))
        yield* Effect.acquireRelease(
          Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
          () => Effect.sync(() => (sockets.forEach((socket) => socket.destroy()), server.close()))
        )
        const address = server.address()
        const port = address === null || typeof address === "string" ? 0 : address.port
        const answer = yield* (yield* postTo(`https://127.0.0.1:${port}/hook`, Option.some(ours), "1 second"))(fact)
        assert.match(answer._tag === "Later" ? answer.reason : "", reason)
      }))
  }
})
