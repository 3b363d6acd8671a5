/** What a file is, by its name and by what stands in it. */

export const formats = ["dnsmasq", "hosts", "ethers", "etc-hosts", "leases", "csv", "json", "kea"] as const
export type ImportFormat = (typeof formats)[number]

const mac = "[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}"

const looks: ReadonlyArray<readonly [ImportFormat, RegExp]> = [
  ["dnsmasq", /^\s*dhcp-host\s*=/mu],
  ["leases", new RegExp(`^\\d+ (?:[0-9a-f]{2}-)?${mac} [\\d.]+ \\S+ \\S+\\s*$`, "mu")],
  ["ethers", new RegExp(`^\\s*${mac}[ \\t]+[\\w.-]+\\s*(?:#.*)?$`, "mu")],
  [
    "csv",
    /^\ufeff?[^\n]*\b(?:mac|macs|hwaddr|hw-address|mac[ _-]address)\b[^\n]*[,;\t]|^[^\n]*[,;\t][^\n]*\bmacs?\b/iu
  ],
  ["etc-hosts", /^\s*\d+\.\d+\.\d+\.\d+[ \t]+[A-Za-z]/mu],
  ["dnsmasq", /^\s*[a-z][a-z-]+(?:\s*=.*)?\s*$/mu],
  ["hosts", new RegExp(`^\\s*(?:${mac}|[^=\\s]+,)`, "mu")]
]

/** Undefined where it is nothing known. */
export const detectFormat = (path: string, text: string): ImportFormat | undefined => {
  const name = path.split("/").at(-1)?.toLowerCase() ?? ""
  if (name === "ethers") return "ethers"
  if (name === "hosts" && !/,/u.test(text.replace(/#.*/gu, ""))) return "etc-hosts"
  if (name.endsWith(".leases")) return "leases"
  if (name.endsWith(".csv")) return "csv"
  if (/^\s*\[/u.test(text) && /"macs?"\s*:/u.test(text)) return "json"
  if (/^(?:\s|#[^\n]*\n|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*[{[]/u.test(text) && /"[\w-]+"\s*:/u.test(text)) return "kea"
  return looks.find(([, look]) => look.test(text))?.[0]
}
