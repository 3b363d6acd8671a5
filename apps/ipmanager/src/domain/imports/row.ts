/** One host as fields of text, of whatever file: what each is called, has to look like, and what is wrong with it. */
import { Option } from "effect"
import { parseSpan } from "../time.ts"
import {
  type ImportItem,
  type ImportProblem,
  isIpv4,
  leftOut,
  type Place,
  readMac,
  readName,
  refuse
} from "./ImportItem.ts"

export type Field = "macs" | "address" | "name" | "comment" | "lease_time" | "subnet" | "ignore" | "enabled" | "source"

const names: Readonly<Record<Field, ReadonlyArray<string>>> = {
  macs: ["macs", "mac", "macaddress", "hwaddr", "hwaddress", "hardwareaddress", "ethernet", "ether", "physicaladdress"],
  address: ["address", "ip", "ipaddress", "ipv4", "ipv4address"],
  name: ["name", "hostname", "host", "dnsname", "clientname"],
  comment: ["comment", "note", "notes", "description", "remark"],
  lease_time: ["leasetime", "lease"],
  subnet: ["subnet", "network", "cidr"],
  ignore: ["ignore", "ignored"],
  enabled: ["enabled", "active"],
  source: ["source"]
}

/** Of our own export: nothing that an import can set. */
const ours = new Set(["domain", "servers", "id", "createdat", "updatedat"])

const normal = (title: string) => title.trim().toLowerCase().replace(/[^a-z0-9]/gu, "")

export const fieldOf = (title: string): Field | undefined => {
  const wanted = normal(title)
  const known: ReadonlyArray<Field> = [
    "macs",
    "address",
    "name",
    "comment",
    "lease_time",
    "subnet",
    "ignore",
    "enabled",
    "source"
  ]
  return known.find((field) => names[field].includes(wanted))
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  "1": true,
  false: false,
  no: false,
  "0": false
}

export interface Row {
  readonly place: Place
  get(field: Field): string
}

const readMacs = ({ get, place }: Row, problems: Array<ImportProblem>): ReadonlyArray<string> => {
  const given = get("macs").split(/[\s;,]+/u).filter((mac) => mac !== "")
  if (given.length === 0) problems.push(refuse(place, "macs", "expected a MAC address, got nothing"))
  return given.flatMap((text) => {
    const mac = readMac(text)
    if (mac !== undefined) return [mac]
    problems.push(refuse(place, "macs", `expected a MAC address, got ${JSON.stringify(text)}`))
    return []
  })
}

const readLease = ({ get, place }: Row, problems: Array<ImportProblem>): ImportItem["leaseTime"] => {
  const text = get("lease_time").toLowerCase()
  if (text === "" || text === "infinite") return text === "" ? undefined : text
  const span = parseSpan(text)
  if (Option.isSome(span)) return { seconds: Number(span.value.seconds) }
  problems.push(refuse(place, "lease_time", `expected a time such as 12h, or infinite, got ${JSON.stringify(text)}`))
  return undefined
}

const readTruth = (row: Row, field: Field, otherwise: boolean, problems: Array<ImportProblem>): boolean => {
  const text = row.get(field).toLowerCase()
  const truth = text === "" ? otherwise : truths[text]
  if (truth === undefined) {
    problems.push(refuse(row.place, field, `expected yes or no, got ${JSON.stringify(text)}`))
  }
  return truth ?? otherwise
}

export const readRow = (row: Row, problems: Array<ImportProblem>): ImportItem => {
  const { get, place } = row
  const address = get("address")
  if (address !== "" && !isIpv4(address)) {
    problems.push(refuse(place, "address", `expected an IPv4 address, got ${JSON.stringify(address)}`))
  }
  const given = get("name")
  const [label = ""] = given.split(".", 1)
  const name = given === "" ? undefined : readName(label)
  if (given !== "" && name === undefined) {
    problems.push(refuse(place, "name", `expected a name of letters, digits and dashes, got ${JSON.stringify(given)}`))
  } else if (label !== given)
    problems.push(leftOut(place, "name", `the domain of ${given} is not imported: it is the subnet's`))
  return {
    place,
    macs: readMacs(row, problems),
    address: address === "" ? undefined : address,
    name,
    leaseTime: readLease(row, problems),
    comment: get("comment") === "" ? undefined : get("comment"),
    subnet: get("subnet") === "" ? undefined : get("subnet"),
    ignore: readTruth(row, "ignore", false, problems),
    disabled: !readTruth(row, "enabled", true, problems),
    ...(get("source") === "auto" ? { automatic: true } : {})
  }
}

/** A name that our own export has, and nothing that an import can set. */
export const isOurs = (title: string): boolean => ours.has(normal(title))
