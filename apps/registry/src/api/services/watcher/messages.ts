/** Evidence, history and what watchers are told, as messages. Control characters never leave the registry. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { sanitizeText } from "@leasehold/events"
import {
  type AddressHoldingSchema,
  type EvidenceSchema,
  SystemChange,
  type WatchSystemsResponseSchema
} from "@leasehold/registry-api"
import type { AddressHolding } from "../../../systems/AddressHistory.ts"
import type { Evidence } from "../../../systems/Explanation.ts"
import type { Change, Watched } from "../../../systems/Watching.ts"
import { optionalTimestamp, toTimestamp } from "../../messages.ts"
import { systemMessage } from "./systemMessage.ts"

const changes = {
  "snapshot": SystemChange.SNAPSHOT,
  "snapshot-end": SystemChange.SNAPSHOT_END,
  "discovered": SystemChange.DISCOVERED,
  "address-changed": SystemChange.ADDRESS_CHANGED,
  "renamed": SystemChange.RENAMED,
  "name-conflict": SystemChange.NAME_CONFLICT,
  "state-changed": SystemChange.STATE_CHANGED
} as const satisfies Record<Change, SystemChange>

export const watchedMessage = (
  { at, change, previous, resumeToken, system }: Watched
): MessageInitShape<typeof WatchSystemsResponseSchema> => ({
  change: changes[change],
  ...(system === undefined ? {} : { system: systemMessage(system) }),
  previous,
  ...optionalTimestamp("at", at ?? null),
  resumeToken
})

export const evidenceMessage = (
  { address, at, eventId, held, kind, line, position, server, source }: Evidence
): MessageInitShape<typeof EvidenceSchema> => ({
  at: toTimestamp(at),
  server,
  kind,
  address,
  held,
  source: sanitizeText(source ?? ""),
  position: sanitizeText(position ?? ""),
  line: sanitizeText(line ?? ""),
  eventId
})

export const holdingMessage = (
  { address, mac, name, server, since, until }: AddressHolding
): MessageInitShape<typeof AddressHoldingSchema> => ({
  mac,
  address,
  server,
  since: toTimestamp(since),
  ...optionalTimestamp("until", until),
  name: name ?? ""
})
