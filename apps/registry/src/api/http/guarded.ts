/**
 * What stands before every call: web pages that may not call, names that are not this machine's, requests that never end,
 * and too many at a time are turned away before anything of them is read.
 *
 * A page in a browser on the same machine reaches loopback too. It cannot leave out `Origin`, every content type that is
 * served makes the browser ask first, and a name that an attacker points at 127.0.0.1 still stands in `Host`.
 */
import { cors as connectCors } from "@connectrpc/connect"
import { type ApiConfig, isLoopback } from "../ApiConfig.ts"
import type { Handler, Request, Response } from "./Handler.ts"
import type { Limits } from "./limits.ts"

/** Paths of methods that are not like the others. */
export interface Paths {
  /** The request is a stream. */
  readonly uploads: ReadonlySet<string>
  /**
   * Answered without credentials. They have few places, of their own, and the oldest call makes room for the next: strangers
   * keep out nobody, not even who asks on behalf of others whether the registry serves.
   */
  readonly strangers: ReadonlySet<string>
}

export const guarded = (
  config: Pick<ApiConfig, "origins" | "trusting">,
  limits: Limits,
  { strangers, uploads }: Paths,
  handle: Handler
): Handler => {
  const known = new Set<Request>()
  const unknown = new Set<Request>()
  const pass: Handler = (request, response) => {
    if (config.trusting && !isLoopback(nameOf(authority(request)))) {
      return refuse(response, 403, "the host that was asked for is not this machine's")
    }
    const { origin } = request.headers
    if (origin !== undefined && !config.origins.has(origin)) {
      return refuse(response, 403, "web pages of this origin may not call")
    }
    if (origin !== undefined) allow(response, origin)
    if (request.method === "OPTIONS") return end(response, origin === undefined ? 405 : 204)
    const path = pathOf(request)
    const open = strangers.has(path) ? unknown : known
    if (known.size >= limits.calls && open === known) return refuse(response, 503, "too many calls at a time")
    const [oldest] = unknown
    if (unknown.size >= limits.strangers && open === unknown && oldest !== undefined) {
      unknown.delete(oldest)
      cut(oldest)
    }
    open.add(request)
    const timer = setTimeout(() => cut(request), uploads.has(path) ? limits.upload : limits.body)
    request.once("end", () => clearTimeout(timer))
    response.once("close", () => {
      open.delete(request)
      clearTimeout(timer)
    })
    handle(request, response)
  }
  return (request, response) => {
    try {
      pass(request, response)
    } catch {
      // Nobody's header or path may end the process: what the library cannot read as a URL, or a stream that is gone already.
      cut(request)
    }
  }
}

const authority = (request: Request): string =>
  ("authority" in request ? request.authority : undefined) ?? request.headers.host ?? ""

/** Without the port. */
const nameOf = (host: string): string => host.replace(/:\d{1,5}$/u, "").toLowerCase()

const pathOf = ({ url = "" }: Request): string => url.split("?", 1)[0] ?? ""

const allow = (response: Response, origin: string): void => {
  response.setHeader("access-control-allow-origin", origin)
  response.setHeader("vary", "origin")
  response.setHeader("access-control-allow-methods", "POST")
  response.setHeader("access-control-allow-headers", [...connectCors.allowedHeaders, "authorization"].join(","))
  response.setHeader("access-control-expose-headers", connectCors.exposedHeaders.join(","))
  response.setHeader("access-control-max-age", "600")
}

const refuse = (response: Response, status: number, why: string): void => {
  response.setHeader("content-type", "application/json")
  end(response, status, JSON.stringify({ code: status === 503 ? "unavailable" : "permission_denied", message: why }))
}

const end = (response: Response, status: number, body = ""): void => {
  response.statusCode = status
  response.end(body)
}

const cut = (request: Request): void => {
  if ("stream" in request) request.stream.close()
  else request.socket.destroy()
}
