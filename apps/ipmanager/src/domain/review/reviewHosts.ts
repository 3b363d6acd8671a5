/** Entries that dnsmasq refuses or misreads, and those that claim what another entry, or the registry, has. */
import { checkHostsFile } from "@leasehold/dnsmasq"
import type { Reservation } from "@leasehold/registry-api"
import { placeText } from "../imports/ImportItem.ts"
import { isOwnFile } from "../ownFile.ts"
import type { Finding } from "../views/finding.ts"

export interface HostsText {
  readonly path: string
  readonly form: "conf" | "hosts"
  readonly text: string
}

interface Claim {
  readonly kind: "address" | "mac"
  readonly value: string
  readonly at: string
  readonly form: "conf" | "hosts"
  readonly ours: boolean
}

const read = (
  file: HostsText
): { readonly findings: ReadonlyArray<Finding>; readonly claims: ReadonlyArray<Claim> } => {
  const { hosts, problems } = checkHostsFile(file.text, file.form)
  const ours = isOwnFile(file.text)
  const findings = problems.filter(({ expected }) => !expected.startsWith("one that line")).map((
    { actual, expected, field, line, refused }
  ): Finding => ({
    severity: refused ? "error" : "warning",
    code: refused ? "host-refused" : "host-doubtful",
    subject: `${file.path}:${line}`,
    message: `${field}: expected ${expected}, got ${JSON.stringify(actual)}`,
    advice: refused
      ? file.form === "conf"
        ? "Correct the line: dnsmasq does not start with it."
        : "Correct the line: dnsmasq skips it."
      : "Correct the line: dnsmasq takes it for something else than it looks."
  }))
  const claims = hosts.flatMap(({ host, line }) => {
    const at = placeText({ file: file.path, line })
    const claim = (kind: Claim["kind"], value: string): Claim => ({ kind, value, at, form: file.form, ours })
    return [
      ...(host.ip === undefined ? [] : [claim("address", host.ip)]),
      ...host.macs.map((mac) => claim("mac", mac.toLowerCase()))
    ]
  })
  return { findings, claims }
}

const twice = (one: Claim, first: Claim): Finding => ({
  severity: one.kind === "address" ? "error" : "warning",
  code: one.kind === "address" ? "address-twice" : "mac-twice",
  subject: one.at,
  message: `${one.value} is at ${first.at} already`,
  advice: one.kind === "mac"
    ? "Remove one of the lines: dnsmasq uses the last."
    : one.form === "conf" && first.form === "conf"
    ? "Remove one of the lines: dnsmasq does not start with both."
    : "Remove one of the lines: dnsmasq skips the later."
})

const besideRegistry = (claim: Claim, holder: Reservation): Finding => ({
  severity: claim.kind === "address" ? "error" : "warning",
  code: claim.kind === "address" ? "address-by-hand" : "mac-by-hand",
  subject: claim.at,
  message:
    `the registry reserves ${claim.value} as well, as ${holder.name === "" ? holder.macs.join(" ") : holder.name}: `
    + "dnsmasq gets both lines",
  advice: "Take the line out: the registry's file has it. `ipmanager import` takes over what stands there by hand."
})

export const reviewHosts = (
  files: ReadonlyArray<HostsText>,
  reservations: ReadonlyArray<Reservation>
): ReadonlyArray<Finding> => {
  const all = files.map(read)
  const first = new Map<string, Claim>()
  const reserved = new Map(
    reservations.filter(({ enabled }) => enabled).flatMap((one) => [
      ...(one.address === "" ? [] : [[one.address, one] as const]),
      ...one.macs.map((mac) => [mac, one] as const)
    ])
  )
  const hasOurs = files.some(({ text }) => isOwnFile(text))
  const findings = all.flatMap((one) => one.findings)
  for (const claim of all.flatMap(({ claims }) => claims)) {
    const key = `${claim.kind} ${claim.value}`
    const other = first.get(key)
    const holder = reserved.get(claim.value)
    if (other !== undefined) findings.push(twice(claim, other))
    else first.set(key, claim)
    // Where our file is among those read, the two lines are told as such.
    if (holder !== undefined && !claim.ours && !(hasOurs && other?.ours === true)) {
      findings.push(besideRegistry(claim, holder))
    }
  }
  return findings
}
