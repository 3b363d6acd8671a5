/** Host reservations of Kea: of `Dhcp4`, its subnets and shared networks, or a list of reservations alone. */
import { Result } from "effect"
import {
  type Gathered,
  type ImportItem,
  type ImportProblem,
  isIpv4,
  leftOut,
  merge,
  nothing,
  readMac,
  readName,
  refuse
} from "./ImportItem.ts"
import { type JsonNode, parseJsonWithComments } from "./jsonWithComments.ts"

const member = (node: JsonNode | undefined, key: string): JsonNode | undefined =>
  node !== undefined && node.value instanceof Map ? node.value.get(key) : undefined

const elements = (node: JsonNode | undefined): ReadonlyArray<JsonNode> =>
  node !== undefined && Array.isArray(node.value) ? node.value : []

const textOf = (node: JsonNode | undefined): string => (typeof node?.value === "string" ? node.value : "")

const identifiers = ["client-id", "duid", "circuit-id", "flex-id"]

/** What a reservation of Kea says besides, and the registry does not. */
const besides = new Set([
  "client-classes",
  "option-data",
  "next-server",
  "server-hostname",
  "boot-file-name",
  "ip-addresses",
  "prefixes",
  "excluded-prefixes",
  "auth-key"
])

const isSaid = (node: JsonNode): boolean =>
  Array.isArray(node.value) ? node.value.length > 0 : node.value !== "" && node.value !== "0.0.0.0"

const readReservation = (file: string, node: JsonNode, subnet: string | undefined): Gathered => {
  const place = { file, line: node.line }
  const problems: Array<ImportProblem> = []
  for (const [key, value] of node.value instanceof Map ? node.value : []) {
    if (besides.has(key) && isSaid(value)) {
      problems.push(leftOut({ file, line: value.line }, key, "is not imported: the registry has nothing like it"))
    }
  }
  const hardware = textOf(member(node, "hw-address"))
  if (hardware === "" && identifiers.some((key) => member(node, key) !== undefined)) {
    problems.push(leftOut(place, "hw-address", "the machine is known by another identifier than a MAC: not imported"))
    return { items: [], problems }
  }
  const mac = readMac(hardware.replace(/^(?:hwtype=1 )/u, ""))
  if (mac === undefined) {
    problems.push(refuse(place, "hw-address", `expected a MAC address, got ${JSON.stringify(hardware)}`))
    return { items: [], problems }
  }
  const address = textOf(member(node, "ip-address"))
  if (address !== "" && !isIpv4(address)) {
    problems.push(refuse(place, "ip-address", `expected an IPv4 address, got ${JSON.stringify(address)}`))
  }
  const given = textOf(member(node, "hostname"))
  const [label = ""] = given.split(".", 1)
  const name = readName(label)
  if (given !== "" && name === undefined) {
    problems.push(
      refuse(place, "hostname", `expected a name of letters, digits and dashes, got ${JSON.stringify(given)}`)
    )
  } else if (label !== given) {
    problems.push(leftOut(place, "hostname", `the domain of ${given} is not imported: it is the subnet's`))
  }
  const comment = textOf(member(node, "comment")) || textOf(member(member(node, "user-context"), "comment"))
  const item: ImportItem = {
    place,
    macs: [mac],
    address: address === "" ? undefined : address,
    name,
    subnet,
    comment: comment === "" ? undefined : comment
  }
  return { items: [item], problems }
}

const readSubnet = (file: string, node: JsonNode): Gathered => {
  const cidr = textOf(member(node, "subnet"))
  return merge(
    elements(member(node, "reservations")).map((one) => readReservation(file, one, cidr === "" ? undefined : cidr))
  )
}

const readDhcp4 = (file: string, dhcp4: JsonNode): Gathered =>
  merge([
    merge(elements(member(dhcp4, "reservations")).map((one) => readReservation(file, one, undefined))),
    merge(elements(member(dhcp4, "subnet4")).map((one) => readSubnet(file, one))),
    ...elements(member(dhcp4, "shared-networks")).map((network) =>
      merge([
        merge(elements(member(network, "reservations")).map((one) => readReservation(file, one, undefined))),
        ...elements(member(network, "subnet4")).map((one) => readSubnet(file, one))
      ])
    )
  ])

export const readKea = (file: string, text: string): Gathered => {
  const include = text.split("\n").findIndex((line) => /^[^#]*<\?include/u.test(line))
  if (include >= 0) {
    const message = "`<?include` is not followed: import the included file by itself, and this one without the line"
    return { items: [], problems: [refuse({ file, line: include + 1 }, "file", message)] }
  }
  const parsed = parseJsonWithComments(text)
  if (Result.isFailure(parsed)) {
    return { items: [], problems: [refuse({ file, line: parsed.failure.line }, "file", parsed.failure.message)] }
  }
  const whole = parsed.success
  if (Array.isArray(whole.value)) {
    return merge(elements(whole).map((one) => readReservation(file, one, undefined)))
  }
  const dhcp6 = member(whole, "Dhcp6")
  const dhcp4 = member(whole, "Dhcp4") ?? (dhcp6 === undefined ? whole : undefined)
  const six = dhcp6 === undefined
    ? nothing
    : {
      items: [],
      problems: [leftOut({ file, line: dhcp6.line }, "Dhcp6", "is not imported: the registry reserves IPv4 addresses")]
    }
  return merge([dhcp4 === undefined ? nothing : readDhcp4(file, dhcp4), six])
}
