import { once } from "node:events"
import { connect as connectHttp2 } from "node:http2"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, assert, describe, it } from "vitest"
import { guarded } from "../../src/api/http/guarded.ts"
import type { Handler } from "../../src/api/http/Handler.ts"
import { limits as usual } from "../../src/api/http/limits.ts"
import { onePort } from "../../src/api/http/onePort.ts"

const limits = {
  ...usual,
  firstBytes: 300,
  headers: 300,
  body: 300,
  upload: 3_000,
  idle: 300,
  connections: 8,
  calls: 2
}
const config = { trusting: true, origins: new Set<string>() }

const ends: Array<() => unknown> = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** Reads the whole request, and answers. */
const answer: Handler = (request, response) => {
  request.resume()
  request.once("end", () => {
    response.end("ok")
  })
}

const listen = async (handle: Handler = answer) => {
  const server = await onePort(
    { host: "127.0.0.1", port: 0, tls: undefined },
    limits,
    guarded(config, limits, { uploads: new Set(["/upload"]), strangers: new Set() }, handle)
  )
  ends.push(() => server.close(100))
  return server.port
}

const open = async (port: number, bytes = ""): Promise<Socket> => {
  const socket = connect(port, "127.0.0.1")
  ends.push(() => socket.destroy())
  socket.on("error", () => undefined)
  await once(socket, "connect")
  socket.write(bytes)
  return socket
}

/** However it comes about: a connection that is cut may break as well as end. */
const gone = (socket: Socket): Promise<string> =>
  socket.closed ? Promise.resolve("closed") : new Promise((resolve) => socket.once("close", () => resolve("closed")))

/** Milliseconds until the server closes the connection. */
const closed = async (socket: Socket): Promise<number> => {
  const begun = performance.now()
  socket.resume()
  const result = await Promise.race([gone(socket), sleep(8_000, "open", { ref: false })])
  assert.strictEqual(result, "closed")
  return performance.now() - begun
}

describe("a caller that holds a connection", () => {
  it.each([
    ["says nothing", ""],
    ["begins HTTP/2 and stops", "PRI * HT"],
    ["begins HTTP/1.1 and stops in its first line", "POST /a"],
    ["sends headers and never the last", "POST / HTTP/1.1\r\nhost: localhost\r\nx-a: b\r\n"],
    ["announces a body and does not send it", "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nab"],
    ["sends noise", "\u0000\u0001\u0002\r\n\r\n"],
    ["opens HTTP/2 and sends noise", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all"]
  ])("and %s is cut off", async (_, bytes) => {
    const port = await listen()
    assert.isBelow(await closed(await open(port, bytes)), 5_000)
  })

  it("and sends its headers a byte at a time is cut off all the same", async () => {
    const port = await listen()
    const socket = await open(port, "POST / HTTP/1.1\r\nhost: localhost\r\nx: ")
    const drip = setInterval(() => socket.write("a"), 50)
    ends.push(() => clearInterval(drip))
    assert.isBelow(await closed(socket), 5_000)
  })

  it("over HTTP/2 and never ends its request loses the request", async () => {
    const session = connectHttp2(`http://127.0.0.1:${await listen()}`)
    ends.push(() => session.destroy())
    session.on("error", () => undefined)
    const stream = session.request({ ":method": "POST", ":path": "/", ":authority": "localhost" })
    const closed = new Promise((resolve) => stream.once("close", resolve))
    stream.on("error", () => undefined)
    stream.write("a")
    await closed
    assert.notStrictEqual(stream.rstCode, undefined)
  })

  it("over HTTP/2 and asks for nothing loses its session, but not while it waits for an answer", async () => {
    const waits: Array<() => void> = []
    const port = await listen((request, response) => {
      request.resume()
      request.once("end", () => waits.push(() => response.end("late")))
    })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    ends.push(() => session.destroy())
    const stream = session.request({ ":method": "POST", ":path": "/", ":authority": "localhost" })
    stream.setEncoding("utf8")
    let text = ""
    stream.on("data", (chunk: string) => {
      text += chunk
    })
    stream.end()
    await sleep(900)
    assert.isFalse(session.closed)
    waits.forEach((end) => end())
    await once(stream, "close")
    assert.strictEqual(text, "late")
    if (!session.closed) await once(session, "close")
    assert.isTrue(session.closed)
  })
})

it.each([
  ["no host", "POST / HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"],
  [
    "a host that is none",
    "POST / HTTP/1.1\r\nhost: [\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
  ],
  ["two hosts", "POST / HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}"],
  ["a path that is none", "POST //[ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"],
  ["the whole address as its path", "POST http://[::1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"],
  ["a request to be a tunnel", "CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n"],
  ["another protocol", "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"]
])("a request with %s ends nothing but itself", async (_, bytes) => {
  const parsed: Handler = (request, response) => {
    const authority = "authority" in request ? request.authority : request.headers.host
    response.end(new URL(request.url ?? "", `http://${authority}`).href)
  }
  const server = await onePort(
    { host: "127.0.0.1", port: 0, tls: undefined },
    limits,
    guarded({ ...config, trusting: false }, limits, { uploads: new Set(), strangers: new Set() }, parsed)
  )
  ends.push(() => server.close(100))
  const socket = await open(server.port, bytes)
  socket.resume()
  await Promise.race([new Promise((resolve) => socket.once("data", resolve)), gone(socket)])
  assert.strictEqual((await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: "a" })).status, 200)
})

describe("too many", () => {
  it("connections are not taken", async () => {
    const port = await listen()
    const sockets = await Promise.all(Array.from({ length: 12 }, () => open(port)))
    await Promise.all(sockets.map(closed))
    assert.strictEqual((await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "a" })).status, 200)
  })

  it("calls at a time are turned away, and others pass when those are over", async () => {
    const waits: Array<() => void> = []
    const port = await listen((request, response) => {
      request.resume()
      waits.push(() => response.end("ok"))
    })
    const call = () => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "a" })
    const first = [call(), call()]
    while (waits.length < 2) await sleep(5)
    assert.strictEqual((await call()).status, 503)
    waits.forEach((end) => end())
    assert.deepStrictEqual((await Promise.all(first)).map(({ status }) => status), [200, 200])
    const again = call()
    while (waits.length < 3) await sleep(5)
    waits.forEach((end) => end())
    assert.strictEqual((await again).status, 200)
  })

  it("streams in one session are not allowed", async () => {
    const session = connectHttp2(`http://127.0.0.1:${await listen()}`)
    ends.push(() => session.destroy())
    const [settings] = await once(session, "remoteSettings")
    assert.strictEqual(settings.maxConcurrentStreams, 128)
  })
})
