/** A long stream of log lines as a busy dnsmasq writes them, the same for the same seed; and what a database made of it. */
import type { System } from "./System.ts"

/** A small generator of repeatable randomness (mulberry32). */
export const randomness = (seed: number): () => number => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const two = (value: number) => String(value).padStart(2, "0")
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
/** As dnsmasq writes it into its own file: `Nov 22 03:47:52`, here in UTC. */
export const stampOf = (date: Date): string =>
  `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${two(date.getUTCHours())}:${
    two(date.getUTCMinutes())
  }:${two(date.getUTCSeconds())}`

const macOf = (number: number) =>
  `00:16:3e:${[16, 8, 0].map((shift) => ((number >> shift) & 0xff).toString(16).padStart(2, "0")).join(":")}`
const addressOf = (number: number) => `10.99.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`

/**
 * New clients come in full exchanges, known ones renew, some release and come back to the address that they had.
 * A hundred lines bear the time of one second, in UTC, the last of them now.
 */
export function busyLog(
  options: { readonly events: number; readonly systems: number; readonly seed: number }
): ReadonlyArray<string> {
  const random = randomness(options.seed)
  const start = Date.now() - options.events * 10
  const lines: Array<string> = []
  const known: Array<number> = []
  const say = (text: string) => {
    lines.push(`${stampOf(new Date(start + lines.length * 10))} dnsmasq-dhcp[4711]: ${text}`)
  }
  const exchange = (number: number, discover: boolean) => {
    const [mac, address] = [macOf(number), addressOf(number)]
    if (discover) {
      say(`DHCPDISCOVER(br-lan) ${mac} `)
      say(`DHCPOFFER(br-lan) ${address} ${mac} `)
    }
    say(`DHCPREQUEST(br-lan) ${address} ${mac} `)
    say(`DHCPACK(br-lan) ${address} ${mac} ${number % 5 === 0 ? "" : `client-${number}`}`)
  }
  while (lines.length < options.events) {
    const draw = random()
    if (known.length < options.systems && draw < 0.45) {
      known.push(known.length)
      exchange(known.length - 1, true)
    } else {
      const number = known[Math.floor(random() * known.length)]
      if (number === undefined) continue
      if (draw > 0.95) say(`DHCPRELEASE(br-lan) ${addressOf(number)} ${macOf(number)} `)
      else exchange(number, draw > 0.9)
    }
  }
  return lines.slice(0, options.events)
}

/** Everything that the events decide, in a form that two databases can be compared by. */
export async function stateOf(system: Pick<System, "query">): Promise<Readonly<Record<string, ReadonlyArray<object>>>> {
  return {
    systems: await system.query(
      "SELECT mac, name, name_source, host(address) AS address, first_seen::text, last_seen::text, client_name FROM systems ORDER BY mac"
    ),
    sightings: await system.query(
      "SELECT server, host(address) AS address, at::text, event_id, mac, held FROM sightings ORDER BY at, event_id"
    ),
    history: await system.query(
      "SELECT server, host(address) AS address, mac, during::text FROM address_history ORDER BY address, during"
    ),
    reservations: await system.query(
      "SELECT mac, host(address) AS address, name, source FROM reservations ORDER BY address"
    )
  }
}
