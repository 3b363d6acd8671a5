import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { readConfTree } from "../src/ConfFiles.ts"

let directory = ""
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "conf-"))
  for (const name of ["conf.d", "hosts.d", "more"]) mkdirSync(join(directory, name))
  const put = (name: string, ...lines: ReadonlyArray<string>) =>
    writeFileSync(join(directory, name), lines.map((line) => `${line.replaceAll("@", directory)}\n`).join(""))
  put(
    "main.conf",
    "conf-dir=@/conf.d,*.conf",
    "dhcp-hostsfile=@/one.hosts",
    "dhcp-hostsdir=@/hosts.d # more of them",
    "conf-file=@/none.conf",
    "conf-file=@/more/*.part",
    "conf-dir=@/nowhere"
  )
  put("one.hosts", "52:54:00:00:00:01,10.0.0.7")
  put("conf.d/10-a.conf", "conf-file=@/main.conf", "log-dhcp")
  put("conf.d/20-b.conf", "quiet-dhcp")
  for (const name of ["x.bak", ".hidden.conf", "c.conf~", "#d.conf#"]) put(`conf.d/${name}`, "bad")
  put("hosts.d/gen-7", "52:54:00:00:00:02,10.0.0.8")
  put("hosts.d/.tmp", "bad")
  put("more/a.part", "domain=lan")
  put("more/a.other", "bad")
})
afterAll(() => rmSync(directory, { recursive: true }))

const read = (...paths: ReadonlyArray<string>) =>
  Effect.runPromise(readConfTree(paths).pipe(Effect.provide(NodeServices.layer)))

describe("a configuration with what it includes", () => {
  it("is read as dnsmasq reads it: each file once, in order, without what it leaves alone", async () => {
    const { files } = await read(join(directory, "main.conf"))
    assert.deepStrictEqual(files.map(({ kind, path }) => `${kind} ${relative(directory, path)}`), [
      "conf main.conf",
      "conf conf.d/10-a.conf",
      "conf conf.d/20-b.conf",
      "hosts one.hosts",
      "hosts hosts.d/gen-7",
      "conf more/a.part"
    ])
  })

  it("tells what cannot be read, and which line names it", async () => {
    const { unreadable } = await read(join(directory, "main.conf"), join(directory, "gone.conf"))
    assert.deepStrictEqual(
      unreadable.map(({ from, path, reason }) => [relative(directory, path), from?.line, reason]),
      [
        ["none.conf", 4, "it does not exist"],
        ["nowhere", 6, "it does not exist"],
        ["gone.conf", undefined, "it does not exist"]
      ]
    )
  })

  it("may be a directory", async () => {
    const { files } = await read(join(directory, "more"))
    assert.deepStrictEqual(files.map(({ path }) => relative(directory, path)), ["more/a.other", "more/a.part"])
  })

  it("has nothing of a directory but its regular files, as dnsmasq: nothing below, and no pipe that nobody writes", async () => {
    const place = join(directory, "deep")
    mkdirSync(join(place, "below"), { recursive: true })
    execFileSync("mkfifo", [join(place, "pipe")])
    writeFileSync(join(place, "a.conf"), `conf-file=${place}/*\n`)
    writeFileSync(join(place, "below", "b.conf"), "bad\n")
    const { files, unreadable } = await read(place)
    assert.deepStrictEqual(files.map(({ path }) => relative(directory, path)), ["deep/a.conf"])
    assert.deepStrictEqual(unreadable, [])
  })
})
