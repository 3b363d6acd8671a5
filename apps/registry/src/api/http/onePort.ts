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
import type { Limits } from "./limits.ts"

export interface OnePort {
  readonly port: number
  /** Takes no more, lets calls end until `patience` (in milliseconds) is over, and cuts what is left. */
  close(patience: number): Promise<void>
}

const preface = Buffer.from("PRI * HTTP/2.0")
const http1 = ({ headers, upload }: Limits) => ({
  headersTimeout: headers,
  requestTimeout: upload,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: Math.ceil(headers / 5),
  maxHeaderSize: 16_384
})
const http2 = {
  maxSessionMemory: 10,
  settings: { maxConcurrentStreams: 128, maxHeaderListSize: 16_384, enablePush: false },
  unknownProtocolTimeout: 5_000
}

/** Listens, or fails as `listen` does. Port 0 takes any. */
export const onePort = async (
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: Tls | undefined },
  limits: Limits,
  handle: Handler
): Promise<OnePort> => {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  const server = tls === undefined ? plain(limits, handle, sessions) : secure(tls, limits, handle, sessions)
  server.maxConnections = limits.connections
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
const plain = (limits: Limits, handle: Handler, sessions: Set<ServerHttp2Session>): Server => {
  const server = createServer(http1(limits), handle)
  const other = createHttp2Server(http2, handle)
  watchSessions(other, limits, sessions)
  const serve = server.listeners("connection")
  server.removeAllListeners("connection")
  server.on("connection", (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), limits.firstBytes)
    let head = Buffer.alloc(0)
    const look = () => {
      const more: unknown = socket.read()
      if (!(more instanceof Buffer)) return
      head = Buffer.concat([head, more])
      const seen = Math.min(head.length, preface.length)
      const begins = head.subarray(0, seen).equals(preface.subarray(0, seen))
      if (begins && seen < preface.length) return
      clearTimeout(timer)
      socket.off("readable", look)
      socket.unshift(head)
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
  limits: Limits,
  handle: Handler,
  sessions: Set<ServerHttp2Session>
): Http2SecureServer => {
  const server = createSecureServer({
    ...http1(limits),
    ...http2,
    allowHTTP1: true,
    cert,
    key,
    handshakeTimeout: limits.firstBytes,
    minVersion: "TLSv1.2",
    // A caller without a certificate may have a token; whether one is believed is decided with the call.
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false })
  }, handle)
  // It takes these for HTTP/1.1, but not as options.
  Object.assign(server, http1(limits))
  watchSessions(server, limits, sessions)
  return server
}

/** A session on which nothing goes on ends; one with a call that only waits goes on. */
const watchSessions = (
  server: Http2Server | Http2SecureServer,
  { idle }: Limits,
  sessions: Set<ServerHttp2Session>
): void => {
  server.on("session", (session) => {
    let streams = 0
    sessions.add(session)
    session.once("close", () => sessions.delete(session))
    session.on("error", () => session.destroy())
    session.on("stream", (stream) => {
      streams++
      stream.once("close", () => streams--)
    })
    session.setTimeout(idle)
    session.on("timeout", () => {
      if (streams === 0) session.close()
    })
  })
  server.on("sessionError", () => undefined)
}
