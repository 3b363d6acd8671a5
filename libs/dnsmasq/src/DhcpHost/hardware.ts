/** Hardware addresses as dnsmasq reads them: nearly any run of hex is one, so most of them are doubtful. */
import { Result } from "effect"
import { doubtful, type HostPart, type PartResult, sure } from "./HostPart.ts"
import { doubt, problem } from "./HostProblem.ts"
import { plain } from "./tokenize.ts"

const MOST_OCTETS = 16
const ETHERNET_OCTETS = 6

/** `0200` is two octets, `200` is 20 and 0. */
const split = (group: string): ReadonlyArray<string> =>
  group === "*" ? ["*"] : (group.match(/..?/g) ?? []).map((octet) => octet.toLowerCase().padStart(2, "0"))

/** Reads `[type-]octets`. */
export const readHardware = (field: string): PartResult => {
  const wrong = () => Result.fail(problem("mac", "six octets in hex, with colons", plain(field)))
  if (!/^[0-9a-f*:\- ]*$/i.test(field)) return wrong()
  const typed = /^([0-9a-f]+)-(.*)$/i.exec(field)
  const [, type, rest = field] = typed ?? []
  const groups = rest.split(/[:\- ]/).filter((group) => group !== "")
  if (groups.some((group) => group.length > 1 && group.includes("*"))) return wrong()
  const octets = groups.flatMap(split).slice(0, MOST_OCTETS)
  if (octets.length === 0) return wrong()
  const wildcard = octets.includes("*")
  const part: HostPart = {
    is: "mac",
    mac: octets.join(":"),
    ...(type === undefined ? {} : { hardwareType: Number.parseInt(type, 16) }),
    ...(wildcard ? { wildcard: true } : {})
  }
  const usual = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(rest) && octets.length === ETHERNET_OCTETS
  return usual ? sure(part) : doubtful(part, doubt("mac", "six octets in hex, with colons", plain(field)))
}
