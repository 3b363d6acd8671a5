/** Events of a small, busy network, made from a seed: renewals, moves, releases, addresses that change hands. */
import { decodeMessage, type DhcpEvent } from "@leasehold/events"
import { Result } from "effect"

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export const random = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const shuffled = <A>(items: ReadonlyArray<A>, next: () => number): ReadonlyArray<A> =>
  items.map((item) => ({ item, key: next() })).toSorted((a, b) => a.key - b.key).map(({ item }) => item)

/** An event as a message of the stream would decode to it. */
export const event = (subject: string, body: object, at: number): DhcpEvent =>
  Result.getOrThrow(
    decodeMessage({ subject: `dhcp.v1.event.${subject}`, data: JSON.stringify(body), sequence: at % 1e12, time: at })
  )

export const mac = (number: number): string => `00:16:3e:00:00:${number.toString(16).padStart(2, "0")}`

export interface Network {
  readonly macs: number
  readonly addresses: number
  readonly events: number
  /** Names that several clients want. */
  readonly names?: ReadonlyArray<string>
}

export const randomEvents = (seed: number, network: Network, start: number): ReadonlyArray<DhcpEvent> => {
  const next = random(seed)
  const pick = <A>(items: ReadonlyArray<A>): A => {
    const item = items[Math.floor(next() * items.length)]
    if (item === undefined) throw new Error("nothing to pick from")
    return item
  }
  return Array.from({ length: network.events }, (_, index) => {
    const number = Math.floor(next() * network.macs)
    const at = start + index * 1_000_000 + Math.floor(next() * 900_000)
    const server = pick(["lab", "lab", "lab", "annex"])
    const kind = pick([
      ...Array.from({ length: 8 }, () => "ack"),
      ..."discover request inform nak lease release expire decline v6-reply v6-release gap".split(" ")
    ])
    const name = network.names === undefined
      ? pick(["", `client${number}`, `Client${number}.example.com`, `other-${number}`, "wpad", "12h"])
      : pick(["", pick(network.names)])
    const ip = `10.${pick([0, 1])}.0.${1 + Math.floor(next() * network.addresses)}`
    const id = `event-${seed}-${index}`
    if (kind === "gap") return event(`${server}.gap`, { id, reason: "overflow", lost: index }, at)
    const common = {
      id,
      mac: mac(number),
      ...(next() < 0.5 ? { interface: pick(["br-lan", "br-guest"]) } : {}),
      ...(next() < 0.3 ? { vendorClass: pick(["MSFT 5.0", "udhcp 1.30"]) } : {}),
      ...(name === "" ? {} : next() < 0.5 ? { hostname: name } : { clientName: name, hostname: "rendered" })
    }
    if (kind.startsWith("v6-")) {
      return event(`${server}.${kind}`, { ...common, duid: "00:01:02", ip: `fd00::${number % 3}` }, at)
    }
    return event(
      `${server}.${kind}`,
      { ...common, ip, ...(next() < 0.1 && kind === "ack" ? { inform: true } : {}) },
      at
    )
  })
}
