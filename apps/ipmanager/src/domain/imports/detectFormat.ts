/** What a file is, by its name and by what stands in it. In a time that grows with its length, whatever it holds. */
import { fieldOf } from "./row.ts"

export const formats = ["dnsmasq", "hosts", "ethers", "etc-hosts", "leases", "csv", "json", "kea"] as const
export type ImportFormat = (typeof formats)[number]

const mac = "[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}"

/** A longer first line names no columns. */
const longestHeader = 4096

const isCsv = (text: string): boolean => {
  const [header = ""] = text.slice(0, longestHeader).replace(/^[\ufeff\r\n]+/u, "").split(/\r?\n/u, 1)
  const cells = header.split(/[,;\t]/u)
  return cells.length > 1 && cells.some((cell) => fieldOf(cell) === "macs")
}

const looking = (shape: RegExp) => (text: string) => shape.test(text)

/** No shape crosses a line, or looks at a part of it more than once. */
const looks: ReadonlyArray<readonly [ImportFormat, (text: string) => boolean]> = [
  ["dnsmasq", looking(/^[ \t]*dhcp-host[ \t]*=/mu)],
  ["leases", looking(new RegExp(`^\\d{1,20} (?:[0-9a-f]{2}-)?${mac} [\\d.]+ \\S+ \\S+[ \\t\\r]*$`, "mu"))],
  ["ethers", looking(new RegExp(`^[ \\t]*${mac}[ \\t]+[\\w.-]+[ \\t\\r]*(?:#.*)?$`, "mu"))],
  ["csv", isCsv],
  ["etc-hosts", looking(/^[ \t]*\d{1,3}(?:\.\d{1,3}){3}[ \t]+[A-Za-z]/mu)],
  ["hosts", looking(new RegExp(`^[ \\t]*(?:${mac}|id:[^,]*|[\\w-]{1,63}),`, "mu"))],
  ["dnsmasq", looking(/^[ \t]*[a-z][a-z-]{2,40}[ \t\r]*(?:=|$)/mu)]
]

/** Comments before the first brace are Kea's. */
const isKea = (text: string): boolean => {
  const first = text.split("\n").find((line) => !/^\s*(?:$|#|\/[/*]|\*)/u.test(line)) ?? ""
  return /^\s*[{[]/u.test(first) && /"[\w-]+"[ \t]*:/u.test(text)
}

/** Undefined where it is nothing known. */
export const detectFormat = (path: string, text: string): ImportFormat | undefined => {
  const name = path.split("/").at(-1)?.toLowerCase() ?? ""
  if (name === "ethers") return "ethers"
  if (name === "hosts" && !/,/u.test(text.replace(/#.*/gu, ""))) return "etc-hosts"
  if (name.endsWith(".leases")) return "leases"
  if (name.endsWith(".csv")) return "csv"
  if (/^\s*\[/u.test(text) && /"macs?"[ \t]*:/u.test(text)) return "json"
  if (isKea(text)) return "kea"
  return looks.find(([, look]) => look(text))?.[0]
}
