/**
 * The lines of a dnsmasq configuration file: keyword and value, without comments and quotes, as dnsmasq takes them apart.
 *
 * A `#` begins a comment at the start of a line or after white space. Blanks around the keyword, the `=` and the value count for nothing.
 */
import type { Place } from "../imports/ImportItem.ts"

export interface ConfLine {
  readonly place: Place
  readonly keyword: string
  /** Empty where there is none. */
  readonly value: string
}

export const uncommented = (line: string): string => {
  let quoted = false
  let before = " "
  let text = ""
  for (const character of line) {
    if (character === "#" && !quoted && before.trim() === "") break
    if (character === "\"") quoted = !quoted
    else text += character
    before = character
  }
  return text.trim()
}

export const confLines = (file: string, text: string): ReadonlyArray<ConfLine> =>
  text.split("\n").flatMap((line, index) => {
    const content = uncommented(line)
    if (content === "") return []
    const at = content.indexOf("=")
    const keyword = (at < 0 ? content : content.slice(0, at)).trim()
    return [{ place: { file, line: index + 1 }, keyword, value: at < 0 ? "" : content.slice(at + 1).trim() }]
  })

export interface Include {
  readonly place: Place
  readonly kind: "conf" | "conf-dir" | "hosts" | "hosts-dir" | "ethers"
  readonly path: string
  /** Of a `conf-dir`: which names are read. */
  readonly accepts: (name: string) => boolean
}

/** Files that dnsmasq leaves alone in a directory. */
const isHidden = (name: string) =>
  name.startsWith(".") || name.endsWith("~") || (name.startsWith("#") && name.endsWith("#"))

/** `conf-dir=/etc/dnsmasq.d/,*.conf` reads only those; `,.bak` leaves those out. */
const accepting = (patterns: ReadonlyArray<string>) => {
  const wanted = patterns.filter((pattern) => pattern.startsWith("*")).map((pattern) => pattern.slice(1))
  const unwanted = patterns.filter((pattern) => pattern !== "" && !pattern.startsWith("*"))
  return (name: string) =>
    !isHidden(name) && !unwanted.some((end) => name.endsWith(end))
    && (wanted.length === 0 || wanted.some((end) => name.endsWith(end)))
}

const kinds: Readonly<Record<string, Include["kind"]>> = {
  "conf-file": "conf",
  "conf-dir": "conf-dir",
  "dhcp-hostsfile": "hosts",
  "dhcp-hostsdir": "hosts-dir",
  "read-ethers": "ethers"
}

/** Which other files a configuration has dnsmasq read for what concerns us. */
export const includesOf = (lines: ReadonlyArray<ConfLine>): ReadonlyArray<Include> =>
  lines.flatMap(({ keyword, place, value }) => {
    const kind = kinds[keyword]
    if (kind === undefined || (value === "" && kind !== "ethers")) return []
    const [path = "", ...patterns] = value.split(",").map((part) => part.trim())
    return [{
      place,
      kind,
      path: kind === "ethers" ? "/etc/ethers" : path,
      accepts: accepting(kind === "conf-dir" ? patterns : [])
    }]
  })
