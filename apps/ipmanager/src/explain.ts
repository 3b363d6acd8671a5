/** What a failed call means to the administrator who made it: what happened, which field is wrong, what to do next. */
import { Code, ConnectError, violationsOf } from "@leasehold/registry-api/client"
import { Failure, type FailureReason } from "./domain/Failure.ts"

const reasonOf = (code: Code): FailureReason => {
  if (code === Code.NotFound) return "not-found"
  return code === Code.Unavailable || code === Code.Unauthenticated || code === Code.PermissionDenied
    ? "unreachable"
    : "failed"
}

const adviceOf = (code: Code, server: string): string | undefined => {
  switch (code) {
    case Code.Unavailable:
      return `Is the registry running at ${server}? Start it (\`npm run registry\`), or name another with --server or `
        + "IPMANAGER_SERVER (https:// where it serves TLS)."
    case Code.Unauthenticated:
      return "Put a token into IPMANAGER_TOKEN, or its file's path into IPMANAGER_TOKEN_FILE; an administrator makes one "
        + "with `ipmanager token create`."
    case Code.PermissionDenied:
      return "Use a token with a higher scope (read, operate, administer), or ask an administrator."
    case Code.DeadlineExceeded:
      return "The registry took too long. `ipmanager log` tells whether it was done; its own log, why."
    case Code.Aborted:
      return "Try again."
    case Code.Unimplemented:
      return "The registry is older than this ipmanager: update it."
    case Code.Internal:
    case Code.Unknown:
      return "The registry's log says what went wrong."
    default:
      return undefined
  }
}

/** A certificate that is not believed is told as "unavailable" or "internal"; its cause says what it is. */
const tlsProblem = (error: ConnectError): string | undefined => {
  const { cause } = error
  const code: unknown = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  return typeof code === "string" && /CERT|SELF_SIGNED|ISSUER|ERR_TLS|SSL/u.test(code) ? code : undefined
}

/** What listens there speaks no TLS. */
const plainText = /ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG/u

/** Where to look for what there is. */
const lists: ReadonlyArray<readonly [what: RegExp, advice: string]> = [
  [/\breservation\b/u, "See `ipmanager host list`."],
  [/\bsubnet\b/u, "See `ipmanager subnet list`."],
  [/\bsystem\b/u, "See `ipmanager system list`; `ipmanager system register` makes a machine known by hand."],
  [/\bchange\b/u, "See `ipmanager log`."],
  [/\btoken\b/u, "See `ipmanager token list`."],
  [/\bserver\b/u, "See `ipmanager server list`."]
]

/** The registry runs, and cannot use what it needs. */
const ofNats = /^NATS /u

/** Fields as they are called here, where they are no part of a message, and the key is what was given anyway. */
const plainFields = (message: string): string =>
  message.replace(/^(?:key|id): /u, "").replace(
    /(^|; )(?:reservation|subnet|policy|configuration|filter)\.([a-z_]+(?:\[\d+\])?: )/gu,
    "$1$2"
  )

const unreachable =
  /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|ECONNRESET|EAI_AGAIN|ERR_HTTP2|EPROTO|socket hang up/u

export const explain = (cause: unknown, server: string): Failure => {
  const error = ConnectError.from(cause)
  const tls = tlsProblem(error)
  if (tls !== undefined && plainText.test(tls)) {
    return new Failure({
      reason: "unreachable",
      message: `what listens at ${server} speaks no TLS`,
      advice: "Give its URL with http:// in --server or IPMANAGER_SERVER."
    })
  }
  if (tls !== undefined && tls.startsWith("ERR_OSSL")) {
    return new Failure({
      reason: "unreachable",
      message: `the certificates that were given cannot be used: ${tls}`,
      advice: "--key has to be the key of --cert, and without a passphrase."
    })
  }
  if (tls !== undefined) {
    return new Failure({
      reason: "unreachable",
      message: `the certificate of ${server} is not trusted: ${tls}`,
      advice: "Give the certificate of the authority that signed it with --ca, and a name that it is for in --server."
    })
  }
  // What the registry itself answers has no cause here; its text is nothing to judge by.
  const isLocal = error.cause !== undefined
  // We give up no call that we then wait for: a call that is cancelled was cut off, by an end of the registry or because
  // what listens there speaks TLS.
  const isUnreachable = error.code === Code.Canceled
    || (isLocal && unreachable.test(`${error.rawMessage} ${String(error.cause)}`))
  const code = isUnreachable ? Code.Unavailable : error.code
  const violations = violationsOf(error)
  const message = isUnreachable
    ? `cannot reach the registry at ${server}: ${error.rawMessage}`
    : plainFields(error.rawMessage)
  // A single violation says what the message says already.
  const details = violations.filter(({ description }) => !message.includes(description))
    .map(({ description, field }) => `${field}: ${description}`)
  const advice = code === Code.NotFound
    ? lists.find(([what]) => what.test(message))?.[1]
    : code === Code.Unavailable && !isUnreachable && ofNats.test(message)
    ? "Is NATS running, and does it let the registry in? The registry's log and its /healthz say what is wrong."
    : adviceOf(code, server)
  return new Failure({ reason: reasonOf(code), message, details, advice })
}
