/**
 * Writes gRPC's error messages with no more percent signs than the protocol asks for.
 *
 * The library encodes them as parts of a URL, which some clients (grpc-js) do not undo wholly: people would read `%3A`.
 */
import type { OutgoingHttpHeaders } from "node:http"
import type { Handler } from "./Handler.ts"

const header = "grpc-message"

/** All that is printable is left as it is, except the percent sign itself. */
const plain = (encoded: string): string =>
  encoded.replace(/%(?!25|7F)([2-7][0-9A-F])/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))

export const withPlainMessage = (handle: Handler): Handler => (request, response) => {
  const add = response.addTrailers.bind(response)
  Object.assign(response, {
    addTrailers: (trailers: OutgoingHttpHeaders) => {
      const message = trailers[header]
      add(typeof message === "string" ? { ...trailers, [header]: plain(message) } : trailers)
    }
  })
  handle(request, response)
}
