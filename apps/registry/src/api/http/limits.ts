/** How long callers may take, and how many there may be, before their call or connection is cut. In milliseconds. */
export interface Limits {
  /** From the connection to the first bytes, or to the end of TLS's handshake. */
  readonly firstBytes: number
  /** From the first byte of a request to the last of its headers (HTTP/1.1). */
  readonly headers: number
  /** To the last byte of a request. */
  readonly body: number
  /** The same where the request is a stream. */
  readonly upload: number
  /** A session of HTTP/2 on which nothing goes on. */
  readonly idle: number
  readonly connections: number
  readonly calls: number
  /** Calls that are answered without credentials. */
  readonly strangers: number
}

export const limits: Limits = {
  firstBytes: 10_000,
  headers: 10_000,
  body: 30_000,
  upload: 600_000,
  idle: 120_000,
  connections: 1_000,
  calls: 1_000,
  strangers: 64
}
