/** `docs/configuration.md` names every setting of the apps, and no other. */
import { globSync, readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"

const root = new URL("../", import.meta.url).pathname

/**
 * Settings as the sources read them: the name in capitals that a `Config` constructor is given, below the `Config.nested("PREFIX")` of
 * the same module. `OPS_*` of libs/runtime gets its prefix from each app.
 */
const settingsOf = (path: string): ReadonlyArray<string> => {
  const text = readFileSync(root + path, "utf8")
  const prefix = /Config\.nested\(\s*"([A-Z]+)"\s*\)/u.exec(text)?.[1]
  const names = [...text.matchAll(/\b(?:Config\.[A-Za-z]+|positive|atLeast)\([^()]*?"([A-Z][A-Z_]*)"/gu)].map((
    [, name = ""]
  ) => name)
  return names.filter((name) => name !== prefix).map((name) => prefix === undefined ? name : `${prefix}_${name}`)
}

const inCode = () => {
  const all = globSync("{apps,libs}/*/src/**/*.ts", { cwd: root }).filter((path) => !path.includes("/devstack/"))
    .flatMap(settingsOf)
  const ops = all.filter((name) => name.startsWith("OPS_"))
  const apps = ["INGEST", "REGISTRY", "RENDERER"]
  return new Set([
    ...all.filter((name) => !name.startsWith("OPS_")),
    ...apps.flatMap((app) => ops.map((name) => `${app}_${name}`))
  ])
}

const inDocs = () =>
  new Set(
    [...readFileSync(`${root}docs/configuration.md`, "utf8").matchAll(/^\| `([A-Z][A-Z_]*)` \|/gmu)].map((
      [, name = ""]
    ) => name)
  )

describe("docs/configuration.md", () => {
  it("has a row for each setting that the code reads", () => {
    assert.deepStrictEqual([...inCode()].filter((name) => !inDocs().has(name)), [])
  })

  it("has no row for a setting that the code does not read", () => {
    assert.deepStrictEqual([...inDocs()].filter((name) => !inCode().has(name)), [])
  })
})
