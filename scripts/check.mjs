/** Every static check, in the order in which a person wants to hear of them. Ends at the first that fails. */
import { spawnSync } from "node:child_process"

const steps = [
  ["format", "dprint", ["check"]],
  ["lint", "oxlint", []],
  ["types", "nx", ["run-many", "-t", "typecheck", "--outputStyle=stream-without-prefixes"]],
  ["types of scripts and tests", "tsc", ["-p", "tsconfig.json"]],
  ["module boundaries", process.execPath, ["scripts/check-boundaries.ts"]],
  ["API definition", process.execPath, ["scripts/generate-api.ts", "--check"]],
  ["generated files", process.execPath, ["scripts/generate.ts", "--check"]]
]
for (const [what, command, args] of steps) {
  process.stdout.write(`\n# ${what}\n`)
  const { status } = spawnSync(command, args, { stdio: "inherit" })
  if (status !== 0) {
    process.stderr.write(`${what}: failed\n`)
    process.exit(status ?? 1)
  }
}
