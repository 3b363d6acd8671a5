/**
 * `npm run bench [-- NAME …]`: the figures that the design promises, each against a limit measured in the same run.
 *
 * Not a test: figures depend on the machine, ratios hardly. It exits with 1 when a figure is missed.
 */
import { availableParallelism, cpus } from "node:os"
import type { BenchRow } from "./BenchRow.ts"

const benches: Readonly<Record<string, () => Promise<ReadonlyArray<BenchRow>>>> = {
  parse: async () => (await import("./parse.ts")).parseRows(),
  ingest: async () => (await import("./ingest.ts")).ingestRows(),
  registry: async () => (await import("./registry.ts")).registryRows(),
  import: async () => (await import("./import.ts")).importRows(),
  renderer: async () => (await import("./renderer.ts")).rendererRows(),
  latency: async () => (await import("./latency.ts")).latencyRows(),
  api: async () => (await import("./api.ts")).apiRows()
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`no bench called ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}\n`)
  process.exit(1)
}

const columns = ["what", "ours", "limit", "ratio", "reach", ""] as const
const rows: Array<BenchRow> = []
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stderr.write(`[bench] ${name}\n`)
  rows.push(...await bench())
}

const cells = rows.map((
  row
) => [row.what, row.ours, row.limit, row.ratio.toFixed(2), row.reach, row.met ? "met" : "MISSED"])
const widths = columns.map((column, index) => Math.max(column.length, ...cells.map((cell) => cell[index]?.length ?? 0)))
const line = (cell: ReadonlyArray<string>) =>
  `| ${cell.map((text, index) => text.padEnd(widths[index] ?? 0)).join(" | ")} |\n`
process.stdout.write(
  `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, Node ${process.versions.node}\n\n`
)
process.stdout.write(line(columns) + line(widths.map((width) => "-".repeat(width))) + cells.map(line).join(""))
for (const { note, what } of rows) if (note !== undefined) process.stdout.write(`\n${what}: ${note}`)
process.stdout.write("\n")
process.exitCode = rows.every(({ met }) => met) ? 0 : 1
