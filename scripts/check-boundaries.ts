/**
 * Fails when a package imports what its place does not allow: the directions of the architecture, kept by a machine.
 *
 * It reads import specifiers as text, in `src/` of each package. Tests may import what they like.
 */
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

interface Rule {
  /** Packages besides the own ones; `node:` stands for every built-in. */
  readonly only?: ReadonlyArray<string>
  readonly never?: ReadonlyArray<string>
  readonly why: string
}

const rules: Readonly<Record<string, Rule>> = {
  "@leasehold/events": { only: ["effect"], why: "the contract is pure" },
  "@leasehold/dnsmasq": {
    only: ["effect", "@leasehold/events"],
    why: "the languages of dnsmasq are pure: no I/O, no clock"
  },
  "@leasehold/ingest": { never: ["pg", "pg-listen"], why: "ingest does not touch PostgreSQL" },
  "@leasehold/renderer": { never: ["@nats-io/"], why: "the renderer reads nothing but PostgreSQL" }
}

/** What single modules may import although their package may not. */
const exceptions: ReadonlyMap<string, string> = new Map([
  ["libs/events/src/EventId.ts", "node:crypto"],
  ["libs/devstack/src/context.ts", "vitest"],
  ["libs/devstack/src/lab/describeLab.ts", "vitest"]
])

const root = new URL("../", import.meta.url).pathname
const read = (path: string) => readFileSync(join(root, path), "utf8")

interface Package {
  readonly name: string
  readonly directory: string
  readonly declared: ReadonlySet<string>
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {}
const packages: ReadonlyArray<Package> = globSync("{apps,libs}/*/package.json", { cwd: root }).map((path) => {
  const manifest = record(JSON.parse(read(path)))
  return {
    name: String(manifest["name"]),
    directory: dirname(path),
    declared: new Set([
      ...Object.keys(record(manifest["dependencies"])),
      ...Object.keys(record(manifest["optionalDependencies"]))
    ])
  }
})
const apps = new Set(packages.filter(({ directory }) => directory.startsWith("apps/")).map(({ name }) => name))

/** `import … from "x"`, `export … from "x"`, `import "x"` at the start of a line, and `import("x")` anywhere. */
const specifiers = /^(?:import|export)\b[\w\s{},*]*?(?:\bfrom\s+)?"([^"\n]+)"|\bimport\(\s*"([^"\n]+)"/gmu

const packageOf = (specifier: string) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

const faultsOf = ({ declared, directory, name }: Package, path: string): ReadonlyArray<string> => {
  const text = read(path)
  const rule = rules[name]
  const isEdge = ["main.ts", "cli.ts"].includes(basename(path)) || path.includes("/src/commands/")
  const faults: Array<string> = []
  for (const match of text.matchAll(specifiers)) {
    const specifier = match[1] ?? match[2] ?? ""
    if (specifier.startsWith(".")) {
      if (!join(dirname(path), specifier).startsWith(`${directory}/src/`))
        faults.push(`imports ${specifier}, outside its package`)
      continue
    }
    if (specifier.startsWith("node:")) {
      if (rule?.only !== undefined && exceptions.get(path) !== specifier)
        faults.push(`imports ${specifier}: ${rule.why}`)
      continue
    }
    const target = packageOf(specifier)
    if (exceptions.get(path) === target) continue
    if (!declared.has(target)) faults.push(`imports ${target}, which ${directory}/package.json does not declare`)
    if (apps.has(target)) faults.push(`imports the app ${target}: apps meet in events, in PostgreSQL, or over gRPC`)
    if (rule?.only !== undefined && !rule.only.includes(target)) faults.push(`imports ${target}: ${rule.why}`)
    if (rule?.never?.some((prefix) => target.startsWith(prefix)) === true) faults.push(`imports ${target}: ${rule.why}`)
  }
  if (apps.has(name) && !isEdge && /\bNodeRuntime\b|\bprocess\.(?:env|exit|argv|stdout)\b/u.test(text)) {
    faults.push("touches the process: only main.ts, cli.ts and commands/ do")
  }
  return faults.map((fault) => `${path} ${fault}`)
}

const sources = packages.flatMap((one) =>
  globSync(`${one.directory}/src/**/*.ts`, { cwd: root }).map((path) => ({ one, path }))
)
const faults = sources.flatMap(({ one, path }) => faultsOf(one, path))
if (faults.length > 0) {
  process.stderr.write(`${faults.join("\n")}\n`)
  process.exitCode = 1
} else {
  process.stdout.write(`${sources.length} modules of ${packages.length} packages keep to the boundaries\n`)
}
