/**
 * Writes gRPC's error messages with no more percent signs than the protocol asks for, and none that no trailer can hold:
 * what the library says of a field that it does not know has the whole of its name.
 *
 * The library encodes them as parts of a URL, which some clients (grpc-js) do not undo wholly: people would read `%3A`.
 */
import type { OutgoingHttpHeaders } from "node:http"
import type { Handler } from "./Handler.ts"

const header = "grpc-message"

/** More than any message of ours has, and less than the 16 KiB that a client takes. */
const longest = 10_000

/** Cut before a character, not within one. */
const cut = (encoded: string): string =>
  encoded.length <= longest
    ? encoded
    : encoded.slice(0, longest).replace(/%[0-9A-F]?$/u, "").replace(/%[C-F][0-9A-F](?:%[89AB][0-9A-F]){0,3}$/u, "")

/** All that is printable is left as it is, except the percent sign itself. */
const plain = (encoded: string): string =>
  encoded.replace(/%(?!25|7F)([2-7][0-9A-F])/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))

export const withPlainMessage = (handle: Handler): Handler => (request, response) => {
  const add = response.addTrailers.bind(response)
  Object.assign(response, {
    addTrailers: (trailers: OutgoingHttpHeaders) => {
      const message = trailers[header]
      add(typeof message === "string" ? { ...trailers, [header]: plain(cut(message)) } : trailers)
    }
  })
  handle(request, response)
}
