/** Names as dnsmasq reads them: whatever is left when a field is nothing else, so a slip elsewhere ends here. */
import { Result } from "effect"
import { doubtful, type PartResult, sure } from "./HostPart.ts"
import { doubt, problem } from "./HostProblem.ts"
import { plain } from "./tokenize.ts"

const LABEL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/
const DOMAIN_LABEL = /^[A-Za-z0-9_-]{1,63}$/

/** Builds with IDN refuse upper case together with these; builds without take them. */
const isRefusedWithUpperCase = (label: string) =>
  label.startsWith("-") || label.endsWith("-") || label.slice(2, 4) === "--"

const EXPECTED = "letters, digits, hyphens and underscores, beginning with a letter or digit, 63 at most"

/** Reads `hostname[.domain]`. */
export const readName = (field: string): PartResult => {
  const text = plain(field)
  const [hostname = "", ...labels] = (text.endsWith(".") ? text.slice(0, -1) : text).split(".")
  const wrong = () => Result.fail(problem("hostname", EXPECTED, text))
  if (!LABEL.test(hostname) || !labels.every((label) => DOMAIN_LABEL.test(label))) return wrong()
  if (/[A-Z]/.test(text) && [hostname, ...labels].some(isRefusedWithUpperCase)) return wrong()
  const part = { is: "name" as const, hostname, ...(labels.length === 0 ? {} : { domain: labels.join(".") }) }
  if (/^[\d.]+$/.test(text) && labels.length > 0) return doubtful(part, doubt("ip", "an IPv4 address", text))
  if (/^([0-9a-f]{2}-){5}[0-9a-f]{2}$/i.test(text)) {
    return doubtful(part, doubt("mac", "octets with colons; with hyphens it is a name", text))
  }
  return /^(ignore|infinite|\d+[smhdw]?)$/i.test(text)
    ? doubtful(part, doubt("hostname", "a name that is not nearly a keyword", text))
    : sure(part)
}
