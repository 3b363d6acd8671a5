/** A system as it is shown, what changes of it, and the evidence of it. */
import {
  type AddressHolding,
  type Evidence,
  type System,
  SystemState,
  type WatchSystemsResponse
} from "@leasehold/registry-api"
import type { Colour, Column } from "../output/Column.ts"
import { harmless } from "../output/harmless.ts"
import { formatLocal } from "../time.ts"
import { changeWord, nameSourceWord, stateWord } from "../words.ts"
import { orNone } from "./orNone.ts"

const stateColour = ({ state }: System): Colour | undefined =>
  state === SystemState.BLOCKED ? "red" : state === SystemState.IGNORED ? "dim" : undefined

export const systemColumns: ReadonlyArray<Column<System>> = [
  { key: "mac", keep: true, value: ({ mac }) => mac },
  { key: "name", keep: true, value: ({ name }) => orNone(name) },
  { key: "address", keep: true, value: ({ address }) => orNone(address) },
  { key: "state", value: ({ state }) => stateWord(state), colour: stateColour },
  { key: "last_seen", value: ({ lastSeen }) => lastSeen },
  { key: "vendor", value: ({ vendor }) => orNone(vendor) },
  { key: "server", value: ({ server }) => orNone(server) },
  { key: "reserved_addresses", value: ({ reservedAddresses }) => reservedAddresses, detail: true },
  { key: "name_source", value: ({ nameSource }) => nameSourceWord(nameSource), detail: true },
  { key: "subnet", value: ({ subnet }) => orNone(subnet), detail: true },
  { key: "first_seen", value: ({ firstSeen }) => firstSeen, detail: true },
  { key: "interface", value: (system) => orNone(system.interface), detail: true },
  { key: "client_name", value: ({ clientName }) => orNone(clientName), detail: true },
  { key: "vendor_class", value: ({ vendorClass }) => orNone(vendorClass), detail: true },
  { key: "user_class", value: ({ userClass }) => orNone(userClass), detail: true },
  { key: "randomised", value: ({ randomised }) => randomised, detail: true }
]

export const watchColumns: ReadonlyArray<Column<WatchSystemsResponse>> = [
  { key: "at", value: ({ at }) => at },
  { key: "change", value: ({ change }) => changeWord(change) },
  { key: "previous", value: ({ previous }) => orNone(previous) },
  ...systemColumns.map(({ key, value }): Column<WatchSystemsResponse> => ({
    key,
    value: ({ system }) => (system === undefined ? undefined : value(system))
  })),
  { key: "resume_token", value: ({ resumeToken }) => orNone(resumeToken) }
]

/** A change as one line for people. */
export const watchLine = ({ at, change, previous, system }: WatchSystemsResponse, zone?: string): string =>
  harmless(
    [
      at === undefined ? "" : formatLocal(at, zone),
      changeWord(change) ?? "change",
      system?.mac ?? "",
      system?.name ?? "",
      system?.address ?? "",
      system === undefined ? "" : stateWord(system.state) ?? "",
      previous === "" ? "" : `(was ${previous})`
    ].filter((part) => part !== "").join("  ")
  )

export const evidenceColumns: ReadonlyArray<Column<Evidence>> = [
  { key: "at", value: ({ at }) => at },
  { key: "server", value: ({ server }) => server },
  { key: "kind", value: ({ kind }) => kind },
  { key: "address", value: ({ address }) => orNone(address) },
  { key: "held", value: ({ held }) => held },
  { key: "source", value: ({ source }) => orNone(source) },
  { key: "position", value: ({ position }) => orNone(position) },
  { key: "line", value: ({ line }) => orNone(line) },
  { key: "event_id", value: ({ eventId }) => orNone(eventId), detail: true }
]

export const holdingColumns: ReadonlyArray<Column<AddressHolding>> = [
  { key: "address", keep: true, value: ({ address }) => address },
  { key: "mac", keep: true, value: ({ mac }) => mac },
  { key: "name", value: ({ name }) => orNone(name) },
  { key: "since", keep: true, value: ({ since }) => since },
  { key: "until", value: ({ until }) => until },
  { key: "server", value: ({ server }) => orNone(server) }
]
