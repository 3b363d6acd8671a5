/** A receiver of webhooks on loopback, which answers as a test tells it to and remembers what it was sent. */
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: ReadonlyArray<Received>
  /** How it answers from now on; the number counts what was received, from 1. */
  answer(how: (response: ServerResponse, received: Received, number: number) => void): void
  stop(): Promise<void>
}

export const startReceiver = async (port = 0, certificate?: Certificate): Promise<Receiver> => {
  const received: Array<Received> = []
  let how: Parameters<Receiver["answer"]>[0] = (response) => void response.writeHead(204).end()
  const receive: RequestListener = (request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const one = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() }
      received.push(one)
      how(response, one, received.length)
    })
  }
  const server = certificate === undefined ? createServer(receive) : createSecureServer(certificate, receive)
  server.listen(port, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the receiver has no port")
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${address.port}/hook`,
    port: address.port,
    received,
    answer: (next) => {
      how = next
    },
    stop: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
