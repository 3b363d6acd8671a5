/**
 * One port for HTTP/1.1 and HTTP/2, with TLS (chosen by ALPN) or without (by the preface that opens HTTP/2).
 *
 * Whoever sends slowly, nothing, or too much at a time holds a connection for seconds, not for ever. Plain callbacks:
 * this runs once a connection.
 */
import { createServer, type Server } from "node:http"
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session
} from "node:http2"
import type { AddressInfo, Socket } from "node:net"
import type { Tls } from "../ApiConfig.ts"
import type { Handler } from "./Handler.ts"

export interface OnePort {
  readonly port: number
  /** Takes no more, lets calls end until `patience` (in milliseconds) is over, and cuts what is left. */
  close(patience: number): Promise<void>
}

const preface = Buffer.from("PRI * HTTP/2.0")
const firstBytesWithin = 10_000
const idleSession = 120_000
const http1 = {
  headersTimeout: 10_000,
  requestTimeout: 600_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384
}
const http2 = {
  maxSessionMemory: 10,
  settings: { maxConcurrentStreams: 128, maxHeaderListSize: 16_384, enablePush: false },
  unknownProtocolTimeout: 5_000
}
const mostConnections = 1_000

/** Listens, or fails as `listen` does. Port 0 takes any. */
export const onePort = async (
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: Tls | undefined },
  handle: Handler
): Promise<OnePort> => {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  const server = tls === undefined ? plain(handle, sessions) : secure(tls, handle, sessions)
  server.maxConnections = mostConnections
  server.prependListener("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
    // A peer that vanished without a word is noticed.
    socket.setKeepAlive(true, 30_000)
    socket.on("error", () => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  return {
    port: portOf(server.address()),
    close: (patience) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), patience)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        if ("closeIdleConnections" in server) server.closeIdleConnections()
        sessions.forEach((session) => session.close())
      })
  }
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === "object" && address !== null ? address.port : 0

/** The HTTP/1.1 server has the port, and so its own watch over slow callers; what opens as HTTP/2 goes to the other. */
const plain = (handle: Handler, sessions: Set<ServerHttp2Session>): Server => {
  const server = createServer(http1, handle)
  const other = createHttp2Server(http2, handle)
  watchSessions(other, sessions)
  const serve = server.listeners("connection")
  server.removeAllListeners("connection")
  server.on("connection", (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), firstBytesWithin)
    const look = () => {
      const head: unknown = socket.read()
      if (!(head instanceof Buffer)) return
      socket.unshift(head)
      const seen = Math.min(head.length, preface.length)
      const begins = head.subarray(0, seen).equals(preface.subarray(0, seen))
      if (begins && seen < preface.length) return
      clearTimeout(timer)
      socket.off("readable", look)
      if (begins) other.emit("connection", socket)
      else serve.forEach((listener) => Reflect.apply(listener, server, [socket]))
    }
    socket.on("readable", look)
    socket.once("close", () => clearTimeout(timer))
  })
  return server
}

const secure = (
  { cert, clientCa, key }: Tls,
  handle: Handler,
  sessions: Set<ServerHttp2Session>
): Http2SecureServer => {
  const server = createSecureServer({
    ...http1,
    ...http2,
    allowHTTP1: true,
    cert,
    key,
    handshakeTimeout: firstBytesWithin,
    minVersion: "TLSv1.2",
    // A caller without a certificate may have a token; whether one is believed is decided with the call.
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false })
  }, handle)
  Object.assign(server, {
    headersTimeout: http1.headersTimeout,
    requestTimeout: http1.requestTimeout,
    connectionsCheckingInterval: http1.connectionsCheckingInterval
  })
  watchSessions(server, sessions)
  return server
}

/** A session on which nothing goes on ends; one with a call that only waits goes on. */
const watchSessions = (server: Http2Server | Http2SecureServer, sessions: Set<ServerHttp2Session>): void => {
  server.on("session", (session) => {
    let streams = 0
    sessions.add(session)
    session.once("close", () => sessions.delete(session))
    session.on("error", () => session.destroy())
    session.on("stream", (stream) => {
      streams++
      stream.once("close", () => streams--)
    })
    session.setTimeout(idleSession, () => {
      if (streams === 0) session.close()
    })
  })
  server.on("sessionError", () => undefined)
}
