/** A DHCP server, and what became of its file. */
import { ApplyResult, type DhcpServer } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { applyWord } from "../words.ts"
import { orNone } from "./orNone.ts"

const status = ({ appliedGeneration, result, wantedGeneration }: DhcpServer): string => {
  if (result === ApplyResult.FAILED) return "failed"
  if (result === ApplyResult.UNSPECIFIED) return "never rendered"
  return appliedGeneration >= wantedGeneration ? "current" : "behind"
}

export const serverColumns: ReadonlyArray<Column<DhcpServer>> = [
  { key: "server", keep: true, value: ({ server }) => server },
  {
    key: "status",
    keep: true,
    value: status,
    colour: (server) => ({ failed: "red" as const, current: "green" as const })[status(server)] ?? "yellow"
  },
  { key: "wanted", value: ({ wantedGeneration }) => wantedGeneration },
  { key: "applied", value: ({ appliedGeneration }) => appliedGeneration },
  { key: "applied_at", value: ({ appliedAt }) => appliedAt },
  { key: "reservations", value: ({ appliedReservations }) => appliedReservations },
  { key: "subnets", value: ({ subnets }) => subnets },
  { key: "last_event_at", value: ({ lastEventAt }) => lastEventAt },
  { key: "result", value: ({ result }) => applyWord(result), detail: true },
  { key: "error", value: ({ error }) => orNone(error), detail: true, colour: () => "red" },
  { key: "attempted", value: ({ attemptedGeneration }) => attemptedGeneration, detail: true },
  { key: "attempted_at", value: ({ attemptedAt }) => attemptedAt, detail: true },
  { key: "hash", value: ({ appliedHash }) => orNone(appliedHash), detail: true }
]
