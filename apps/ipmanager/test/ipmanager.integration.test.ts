import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { acts, hostile } from "./hostile.ts"
import { type Answer, type Running, startRegistry, type Terminal } from "./RunningRegistry.ts"

let registry: Running
let directory = ""
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ipmanager-"))
  registry = await startRegistry()
  const office = ["10.0.0.0/24", "--name", "office", "--range", "10.0.0.100-10.0.0.199", "--gateway", "10.0.0.1"]
  await done("subnet", "add", ...office, "--domain", "lan", "--dhcp-server", "lab", "--lease-time", "12h")
})
afterAll(async () => {
  await registry?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Each test begins without hosts, whatever became of the one before. */
afterEach(async () => {
  for (const host of await list("host", "list")) await run(["host", "rm", String(host["id"]), "--yes"])
})

const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const run = (words: ReadonlyArray<string>, terminal?: Terminal): Promise<Answer> => registry.run(words, terminal)

/** Fails where the command does. */
const done = async (...words: ReadonlyArray<string>): Promise<string> => {
  const { code, err, out } = await run(words)
  assert.strictEqual(code, 0, `${words.join(" ")}: ${err}`)
  return out
}
const json = async (...words: ReadonlyArray<string>): Promise<Record<string, unknown>> =>
  JSON.parse(await done(...words, "--json"))
const list = async (...words: ReadonlyArray<string>): Promise<ReadonlyArray<Record<string, unknown>>> =>
  JSON.parse(await done(...words, "--json"))
const refused = async (code: number, says: RegExp, ...words: ReadonlyArray<string>): Promise<void> => {
  const answer = await run(words)
  assert.strictEqual(answer.code, code, answer.err)
  assert.match(answer.err, says)
  assert.strictEqual(answer.out, "")
}
const mac = (number: number) => `00:16:3e:00:00:${number.toString(16).padStart(2, "0")}`

describe("hosts", () => {
  it("are added, shown, changed, moved and removed, and each step can be taken back", async () => {
    const added = await json("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas", "--comment", "Rack 3")
    assert.include(added, { address: "10.0.0.7", name: "nas", subnet: "10.0.0.0/24", enabled: true, comment: "Rack 3" })
    assert.deepStrictEqual(added["macs"], [mac(1)])
    assert.deepStrictEqual(added["servers"], ["lab"])

    for (const key of ["10.0.0.7", "nas", "nas.lan", mac(1), String(added["id"])]) {
      assert.strictEqual((await json("host", "show", key))["name"], "nas", key)
    }
    const changed = await json("host", "set", "nas", "--name", "files", "--lease-time", "infinite", "--add-mac", mac(2))
    assert.include(changed, { name: "files", lease_time: "infinite", comment: "Rack 3" })
    assert.deepStrictEqual(changed["macs"], [mac(1), mac(2)])
    const back = await json("host", "set", "files", "--lease-time", "default", "--remove-mac", mac(2), "--no-enabled")
    assert.include(back, { lease_time: null, enabled: false })
    assert.deepStrictEqual(back["macs"], [mac(1)])
    await done("host", "set", "files", "--enabled", "--comment", "")

    await refused(3, /no such subnet/u, "host", "move", "files", "10.0.0.8", "--subnet", "nowhere")
    const free = (await json("next-free", "office", "--dry-run"))["address"]
    assert.strictEqual((await json("host", "move", "files", "next"))["address"], free)
    assert.strictEqual((await json("host", "move", "files", "10.0.0.8"))["address"], "10.0.0.8")
    assert.strictEqual((await json("next-free", "office", "--dry-run"))["address"], free)
    await done("host", "rm", "files", "--yes")
    await refused(3, /no reservation/u, "host", "show", "files")
    const [last] = await list("log", "files", "--limit", "1")
    assert.include(last, { actor: "local:tester", action: "host rm" })
    await done("undo", String(last?.["id"]))
    assert.include(await json("host", "show", "files"), { address: "10.0.0.8", comment: null })
  })

  it("are told apart where they have no address, and their MACs read in every spelling", async () => {
    const added = await json("host", "add", "0016.3e00.0001", "00163E000002", "--subnet", "office", "--name", "phone")
    assert.deepStrictEqual(added["macs"], [mac(1), mac(2)])
    await done("host", "add", "00-16-3E-00-00-03", "--subnet", "office", "--ignore")
    assert.match(await done("host", "list"), /^name only +phone .*\n?^ignored +00:16:3e:00:00:03/mu)
    await refused(1, /phone has no 00:16:3e:00:00:09/u, "host", "set", "phone", "--remove-mac", mac(9))
    const { err } = await run(["host", "set", "phone", "--name", "phone"])
    assert.strictEqual(err, "nothing had to be changed\n")
    await done("host", "set", "phone", "--lease-time", "infinite")
    const fields = await list("log", "phone", "--fields", "--limit", "1")
    assert.include(fields.find(({ after }) => after === "infinite"), { before: null })
  })

  it("change nothing in a dry run, and say so", async () => {
    const { code, err, out } = await run(["host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas", "--dry-run"])
    assert.strictEqual(code, 0)
    assert.match(out, /10\.0\.0\.7/u)
    assert.match(err, /dry run: .*nothing was changed/u)
    await refused(3, /./u, "host", "show", "10.0.0.7")
  })

  it("get the next free address, and no other caller the same", async () => {
    const names = ["a1", "a2", "a3", "a4", "a5", "a6"]
    const added = await Promise.all(
      names.map((name, index) =>
        json("host", "add", mac(10 + index), "--address", "next", "--subnet", "office", "--name", name)
      )
    )
    const told = await json("next-free", "office")
    const addresses = new Set([told["address"], ...added.map(({ address }) => address)])
    assert.strictEqual(addresses.size, names.length + 1)
    assert.match(String(told["held_until"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/u)
  })

  it("can be looked up by the number of their change, as each command tells it", async () => {
    const { err } = await run(["host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas"])
    const [, number = ""] = /ipmanager undo (\d+)$/mu.exec(err) ?? []
    await done("host", "set", "nas", "--name", "files")
    const told = await list("log", "--change", number)
    assert.deepStrictEqual(told.map(({ action, id }) => [action, String(id)]), [["host add", number]])
    assert.include((await list("log", "--change", number, "--fields"))[0], {
      change: Number(number),
      entity: "reservation"
    })
    await refused(3, /no such change: 999999/u, "log", "--change", "999999")
    await refused(2, /--change: expected the number/u, "log", "--change", "last")
    await done("host", "rm", "files", "--yes")
    const [last] = await list("log", "--limit", "1")
    const undone = await run(["undo", String(last?.["id"])])
    const [, undoing = ""] = /ipmanager undo (\d+)$/mu.exec(undone.err) ?? []
    assert.include((await list("log", "--change", undoing))[0], { undoes: last?.["id"] })
  })

  it("are named where they are missing by where to look for them, in words of the command line", async () => {
    await refused(
      3,
      /^ipmanager: no reservation is called so\n {2}→ See `ipmanager host list`/u,
      "host",
      "show",
      "nope"
    )
    await refused(3, /^ipmanager: no such change\n {2}→ See `ipmanager log`/u, "undo", "999999")
    await refused(3, /no system has this MAC\n {2}→ .*ipmanager system register/u, "system", "block", mac(99))
    await refused(1, /^ipmanager: macs: expected a MAC/u, "host", "add", "zz", "--address", "10.0.0.7")
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
    await refused(1, /^ipmanager: lease_time: expected[^;]*$/u, "host", "set", "nas", "--lease-time", "1s")
    assert.strictEqual((await run(["log", "nothing-of-that-name"])).err, "no change matches\n")
  })

  it("are read to the end or not by whoever reads: a pipe that is closed early is no failure", async () => {
    const lines = Array.from(
      { length: 250 },
      (_, n) => `00:16:3e:01:00:${n.toString(16).padStart(2, "0")},,n${n},office\n`
    )
    const path = file("many.csv", `mac,address,name,subnet\n${lines.join("")}`)
    await done("import", path, "--yes")
    for (
      const words of [["host", "list"], ["host", "list", "--json"], ["export", "--format", "csv"], ["log", "--fields"]]
    ) {
      const { code, err, out } = await registry.head(words, 1)
      assert.strictEqual(code, 0, `${words.join(" ")}: ${err}`)
      assert.notInclude(err, "ipmanager:")
      assert.lengthOf(out.trimEnd().split("\n"), 1)
    }
    const [change] = await list("log", "--limit", "1")
    const number = String(change?.["id"])
    // People are told what a line has room for, and how much there is besides.
    assert.match(await done("log", "--change", number), /(?:\+ reservation \S+ \S+, ){3}and 247 more$/mu)
    assert.lengthOf(Object(change?.["rows"]), 101)
    const { err } = await run(["log", "--change", number, "--fields"])
    assert.strictEqual(err, `note: change ${number} has 250 rows, of which 100 are told\n`)
    assert.match(await done("undo", number), /^rows .*, and 247 more$/mu)
  })

  it("tell what they take from automatic reservations", async () => {
    await registry.query(
      `INSERT INTO reservations (mac, address, name, source)
       VALUES ('${mac(1)}', '10.0.0.7', 'cam', 'auto'), ('${mac(2)}', '10.0.0.8', 'tv', 'auto')`
    )
    const words = ["host", "add", mac(3), "--address", "10.0.0.7", "--name", "tv"]
    const { code, err } = await run(words)
    assert.strictEqual(code, 0, err)
    assert.include(err, "\ntakes 10.0.0.7 from cam (automatic)\n")
    assert.match(err, /^renames 10\.0\.0\.8 from tv to \S+$/mu)
  })

  it("can have a name only, or be ignored", async () => {
    assert.include(await json("host", "add", mac(1), "--subnet", "office", "--name", "phone"), {
      address: null,
      name: "phone"
    })
    assert.include(await json("host", "add", mac(2), "--subnet", "office", "--ignore"), { ignore: true, name: null })
    assert.strictEqual(
      await done("export", "--dhcp-server", "lab", "--format", "hosts"),
      `${mac(2).toUpperCase()},ignore\n${mac(1).toUpperCase()},phone,12h\n`.split("\n").toSorted().join("\n").trim() +
        "\n"
    )
  })

  it("are refused with the field, the holder and what to do", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
    await refused(1, /10\.0\.0\.7.*nas/su, "host", "add", mac(2), "--address", "10.0.0.7", "--name", "other")
    await refused(1, /name/u, "host", "add", mac(2), "--address", "10.0.0.8", "--name", "nas")
    await refused(1, /macs/u, "host", "add", "nonsense", "--address", "10.0.0.8")
    await refused(1, /address/u, "host", "add", mac(2), "--address", "10.0.0.1", "--name", "router")
    await refused(1, /10\.9\.0\.1/u, "host", "add", mac(2), "--address", "10.9.0.1", "--name", "far")
    await refused(3, /no reservation/u, "host", "rm", "none", "--yes")
  })

  it("are removed only when somebody says yes", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
    await refused(1, /nobody to ask.*--yes/su, "host", "rm", "nas")
    const no = await run(["host", "rm", "nas"], { answers: [false] })
    assert.strictEqual(no.code, 1)
    assert.match(no.err, /Remove 10\.0\.0\.7 nas\?/u)
    assert.strictEqual((await run(["host", "rm", "nas"], { answers: [true] })).code, 0)
    await refused(3, /./u, "host", "show", "nas")
  })

  it("with hostile text are refused, or shown harmlessly", async () => {
    for (const [what, text] of Object.entries(hostile)) {
      const address = "10.0.0.7"
      const named = await run(["host", "add", mac(1), "--address", address, `--name=${text}`])
      assert.strictEqual(named.code, 1, `a name that is ${what}`)
      const noted = await run(["host", "add", mac(1), "--address", address, "--name", "nas", `--comment=${text}`])
      for (const { err, out } of [named, noted]) {
        assert.notMatch(err + out, acts, what)
      }
      if (noted.code !== 0) continue
      const csv = await done("host", "list", "--csv")
      assert.notMatch(csv, /,"?\s*[=+@-]/u, what)
      // Half a character has no UTF-8.
      assert.include(await json("host", "show", "nas"), { comment: text.toWellFormed() })
      await done("host", "rm", "nas", "--yes")
    }
  })
})

describe("subnets", () => {
  it("are added, changed, shown by an address in them, and removed with what is in them", async () => {
    await done(
      "subnet",
      "add",
      "10.5.0.0/24",
      "--name",
      "lab",
      "--policy",
      "auto",
      "--auto-share",
      "0.5",
      "--auto-keep",
      "7d"
    )
    await done(
      "subnet",
      "set",
      "lab",
      "--range",
      "10.5.0.10-10.5.0.20",
      "--exclude",
      "10.5.0.2-10.5.0.9",
      "--dns",
      "10.5.0.2"
    )
    const shown = await json("subnet", "show", "10.5.0.77")
    assert.include(shown, {
      cidr: "10.5.0.0/24",
      policy: "auto",
      auto_share: 0.5,
      auto_keep: "7d",
      range: "10.5.0.10-10.5.0.20"
    })
    assert.deepStrictEqual(shown["excluded"], ["10.5.0.2-10.5.0.9"])
    await done("subnet", "set", "lab", "--range", "", "--exclude", "")
    assert.include(await json("subnet", "show", "lab"), { range: null })
    await done("host", "add", mac(1), "--address", "10.5.0.7", "--name", "inside")
    await refused(1, /reservation/u, "subnet", "rm", "lab", "--yes")
    const removed = await json("subnet", "rm", "lab", "--with-reservations", "--yes")
    assert.strictEqual(removed["reservations"], 1)
    assert.deepStrictEqual((await list("subnet", "list")).map(({ name }) => name), ["office"])
    await refused(1, /overlap/u, "subnet", "add", "10.0.0.0/25")
  })
})

describe("an import", () => {
  const conf = () =>
    file(
      "d.conf",
      `log-dhcp\ndhcp-host=${mac(1)},10.0.0.7,nas\ndhcp-host=${mac(2)},${mac(3)},10.0.0.8,laptop,infinite\n`
    )

  it("shows what it would do, does all of it when it is told yes, and can be taken back at once", async () => {
    const trial = await run(["import", conf(), "--dry-run"])
    assert.strictEqual(trial.code, 0, trial.err)
    assert.notInclude(trial.err, "take these lines out")
    assert.strictEqual(trial.out, `+ 10.0.0.7 nas ${mac(1)}\n+ 10.0.0.8 laptop ${mac(2)},${mac(3)}\n`)
    const counts = "created,changed,unchanged,removed,change\r\n"
    assert.strictEqual(await done("import", conf(), "--dry-run", "--csv"), `${counts}2,0,0,0,\r\n`)
    await refused(1, /Import 2 hosts\?.*nobody to ask/su, "import", conf())
    assert.deepStrictEqual(await list("host", "list"), [])

    const imported = await run(["import", conf()], { answers: [true], progress: true })
    assert.strictEqual(imported.code, 0, imported.err)
    assert.match(imported.err, /\[#{30}\] 2 of 2/u)
    assert.include(imported.err, `now take these lines out of ${conf()}:2-3, or dnsmasq will not start`)
    assert.deepStrictEqual((await list("host", "list")).map(({ name, source }) => [name, source]), [
      ["nas", "import"],
      ["laptop", "import"]
    ])
    const again = await run(["import", conf(), "--yes"])
    assert.strictEqual(again.code, 0)
    assert.match(again.err, /nothing had to be changed\nnow take these lines out of /u)
    assert.strictEqual(await done("import", conf(), "--yes", "--csv"), `${counts}0,0,2,0,\r\n`)
    const [change] = await list("log", "--limit", "1")
    await done("undo", String(change?.["id"]))
    assert.deepStrictEqual(await list("host", "list"), [])
  })

  it("does nothing at all while one line is wrong, and tells every one with its file and line", async () => {
    const bad = file(
      "bad.conf",
      `dhcp-host=${mac(1)},10.0.0.7,nas\ndhcp-host=zz,10.0.0.8\n\ndhcp-host=${mac(2)},10.77.0.1,far\ndhcp-host=${
        mac(3)
      },10.0.0.9,wpad\n`
    )
    const { code, err, out } = await run(["import", bad, "--yes"])
    assert.strictEqual(code, 1)
    assert.strictEqual(out, "")
    assert.match(err, /bad\.conf:4 {2}address: no subnet has 10\.77\.0\.1/u)
    assert.match(err, /bad\.conf:5 {2}name: /u)
    assert.deepStrictEqual(await list("host", "list"), [])
    const told = await run(["import", bad, "--json", "--dry-run"])
    assert.strictEqual(told.code, 1)
    const report: { readonly problems: ReadonlyArray<{ readonly line: number }> } = JSON.parse(told.out)
    assert.includeMembers(report.problems.map(({ line }) => line), [4, 5])
  })

  it("of hostile text is refused by line, and nothing of it acts upon the terminal", async () => {
    const cell = (text: string) => `"${text.replaceAll("\"", "\"\"")}"`
    const rows = Object.values(hostile).map((text, index) =>
      `${mac(index)},10.0.0.${index + 10},${cell(text)},${cell(text)}\n`
    )
    const path = file("hostile.csv", `mac,address,name,comment\n${rows.join("")}`)
    for (const flags of [[], ["--json"]]) {
      const { code, err, out } = await run(["import", path, "--dry-run", ...flags])
      assert.strictEqual(code, 1)
      assert.notMatch(err + out, acts)
    }
    const dnsmasq = file(
      "hostile.conf",
      Object.values(hostile).map((text) => `dhcp-host=${mac(1)},10.0.0.7,${text}\n`).join("")
    )
    const { code, err } = await run(["import", dnsmasq, "--dry-run"])
    assert.strictEqual(code, 1)
    assert.notMatch(err, acts)
  })

  it("adds, updates or replaces", async () => {
    await done("import", conf(), "--yes")
    const other = file("other.csv", `mac,address,name\n${mac(1)},10.0.0.7,files\n${mac(4)},10.0.0.9,new\n`)
    await refused(1, /other\.csv:2 {2}name: .*--mode update/su, "import", other, "--yes")
    const trial = await run(["import", other, "--mode", "replace", "--dry-run"])
    assert.match(trial.out, /^~ 10\.0\.0\.7 files .*name: nas → files$/mu)
    assert.match(trial.out, /^\+ 10\.0\.0\.9 new/mu)
    assert.match(trial.out, /^- 10\.0\.0\.8 laptop/mu)
    const updated = await run(["import", other, "--mode", "update", "--yes", "--json"])
    assert.notInclude(updated.err, "take these lines out")
    assert.include(JSON.parse(updated.out), { created: 1, changed: 1, removed: 0 })
    assert.include(await json("import", other, "--mode", "replace", "--yes"), { created: 0, unchanged: 2, removed: 1 })
    assert.deepStrictEqual((await list("host", "list")).map(({ name }) => name), ["files", "new"])
  })

  it("of what was exported changes nothing, and gives an empty registry the same again", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas", "--lease-time", "1d")
    await done("host", "add", mac(2), mac(3), "--address", "10.0.0.8", "--name", "laptop", "--lease-time", "infinite")
    await done("host", "add", mac(4), "--subnet", "office", "--name", "phone")
    await done("host", "add", mac(5), "--subnet", "office", "--ignore")
    const plain = await done("export", "--format", "dnsmasq")
    await done("host", "set", "nas", "--comment", "=SUM(\"a\",1); O'Neill, ''x")
    await done("host", "set", "laptop", "--no-enabled", "--comment", "'quoted'")
    const csv = await done("export", "--format", "csv")
    const kept = (text: string) =>
      text.split("\r\n").map((line) =>
        line.replace(/,(?:administrator|import),/u, ",").replace(/,\d+,[^,]*,[^,]*$/u, "")
      )

    for (const [name, text, format] of [["x.csv", csv, "csv"], ["x.conf", plain, "dnsmasq"]] as const) {
      const path = file(name, text)
      if (format === "csv") {
        const { err } = await run(["import", path, "--mode", "replace", "--dry-run"])
        assert.match(err, /0 to add, 0 to change, 0 to remove, 4 as they are/u)
      }
      for (const number of [1, 2, 4, 5]) await done("host", "rm", mac(number), "--yes")
      await done("import", path, "--yes", "--subnet", "office")
      const back = await done("export", "--format", format)
      if (format === "csv") assert.deepStrictEqual(kept(back), kept(csv))
      else assert.strictEqual(back, plain)
    }
  })

  it("leaves automatic reservations that were exported automatic, and shows where one becomes an import's", async () => {
    await registry.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${mac(1)}', '10.0.0.7', 'cam', 'auto')`
    )
    for (const format of ["csv", "json"]) {
      const path = file(`auto.${format}`, await done("export", "--format", format))
      const { err } = await run(["import", path, "--mode", "replace", "--dry-run"])
      assert.match(err, /0 to add, 0 to change, 0 to remove, 1 as they are/u, format)
    }
    const named = file("named.csv", `mac,address,name\n${mac(1)},10.0.0.7,cam\n`)
    const shown = await done("import", named, "--mode", "update", "--dry-run")
    assert.strictEqual(shown, `~ 10.0.0.7 cam ${mac(1)}  source: auto → import\n`)
  })

  it("leaves out what Leasehold itself wrote for dnsmasq, in either form, and says so", async () => {
    await registry.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${mac(1)}', '10.0.0.7', 'cam', 'auto')`
    )
    const header = "# Written by Leasehold for lab; changes are overwritten"
    const lines = [`${mac(1)},10.0.0.7,cam`, `${mac(3)},10.0.0.9,printer`]
    const conf = file("01-leasehold.conf", [header, ...lines.map((line) => `dhcp-host=${line}`), ""].join("\n"))
    const hosts = file("leasehold.hosts", [header, ...lines, ""].join("\n"))
    const byHand = `dhcp-host=${mac(2)},10.0.0.8,printer`
    const path = file("main.conf", `${byHand}\nconf-file=${conf}\ndhcp-hostsfile=${hosts}\n`)
    const { code, err } = await run(["import", path, "--yes"])
    assert.strictEqual(code, 0, err)
    for (const own of [conf, hosts]) assert.include(err, `left out  ${own}:1  file: Leasehold wrote this file`)
    assert.deepStrictEqual((await list("host", "list")).map(({ name, source }) => [name, source]), [
      ["cam", "auto"],
      ["printer", "import"]
    ])
    await refused(1, /there is no host to import/u, "import", hosts, "--yes")
  })

  it("of entries of two subnets without addresses finds their subnets in what dnsmasq's export says", async () => {
    await done("subnet", "add", "10.6.0.0/24", "--name", "hall")
    for (const [number, subnet] of [[1, "office"], [2, "hall"], [3, "office"]] as const) {
      await done("host", "add", mac(number), "--subnet", subnet, "--name", `h${number}`)
    }
    await done("host", "add", mac(4), "--subnet", "hall", "--ignore")
    for (const format of ["dnsmasq", "hosts"]) {
      const path = file(`two.${format}`, await done("export", "--format", format))
      const { err } = await run(["import", path, "--mode", "replace", "--dry-run"])
      assert.match(err, /0 to add, 0 to change, 0 to remove, 4 as they are/u)
    }
    await done("subnet", "rm", "hall", "--with-reservations", "--yes")
  })

  it("takes more at once than one message or page has", async () => {
    await done("subnet", "add", "10.64.0.0/16", "--name", "large")
    const rows = Array.from(
      { length: 1500 },
      (_, index) =>
        `02:16:3e:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")},`
        + `10.64.${1 + Math.floor(index / 250)}.${(index % 250) + 1},h${index}`
    )
    const path = file("large.csv", `mac,address,name\n${rows.join("\n")}\n`)
    assert.include(await json("import", path, "--yes"), { created: 1500 })
    assert.strictEqual((await list("host", "list", "--subnet", "large")).length, 1500)
    assert.strictEqual((await list("host", "list", "--subnet", "large", "--limit", "1200")).length, 1200)
    assert.include(await json("subnet", "rm", "large", "--with-reservations", "--yes"), { reservations: 1500 })
  })
})

describe("systems", () => {
  it("are registered, named, approved, ignored, blocked, and explained", async () => {
    const trial = await run(["system", "register", mac(1), "lab", "nas", "--dry-run"])
    assert.match(trial.err, /would be registered/u)
    const known = await json("system", "register", mac(1), "lab", "nas", "--address", "10.0.0.120")
    assert.include(known, { mac: mac(1), address: "10.0.0.120", state: "known" })
    assert.include(await json("system", "rename", mac(1), "files"), { name: "files", name_source: "administrator" })
    await done("system", "block", mac(1))
    assert.match((await run(["system", "approve", mac(1), "--dry-run"])).err, /note: 00:16:3e:00:00:01 stays blocked/u)
    await done("system", "unblock", mac(1))
    assert.include(await json("system", "approve", mac(1)), { address: "10.0.0.120", name: "files" })
    assert.deepStrictEqual((await list("system", "list", "--reserved")).map((system) => system["mac"]), [mac(1)])
    assert.include(await json("system", "block", mac(1)), { state: "blocked" })
    assert.include(await json("system", "unblock", mac(1)), { state: "known" })
    assert.include(await json("system", "ignore", mac(1)), { state: "ignored" })
    assert.deepStrictEqual((await list("system", "list", "--state", "known")).length, 0)
    await done("system", "known", mac(1))
    const [holding] = await list("who-had", "10.0.0.120")
    assert.include(holding, { mac: mac(1), server: "lab", until: null })
    assert.deepStrictEqual(await list("who-had", "10.0.0.120", "--at", "1d ago"), [])
    await done("system", "register", mac(20), "lab", "other")
    const other = await run(["system", "rename", mac(20), "files2"])
    assert.match(other.err, /^\S+ files2 is renamed; take it back with: ipmanager undo \d+\n$/u)
    await done("system", "register", mac(21), "lab", "third")
    const taken = await run(["system", "rename", mac(20), "third"])
    assert.match(taken.err, /^renames 00:16:3e:00:00:15 from third to \S+$/mu)
    await refused(1, /is called files already/u, "system", "rename", mac(20), "files")
    const why = await json("system", "why", mac(1))
    assert.hasAllKeys(why, ["system", "reasons", "evidence"])
    const text = await done("system", "why", mac(1))
    assert.match(text, /files/u)
    await refused(3, /./u, "system", "show", mac(99))
  })

  it("are watched as lines of JSON until the reader goes away", async () => {
    const child = registry.begin(["system", "watch", "--json"])
    const seen: Array<string> = []
    for await (const line of child.lines) {
      const event: Record<string, unknown> = JSON.parse(line)
      seen.push(String(event["change"]))
      assert.isString(event["resume_token"])
      if (event["change"] === "snapshot-end") await done("system", "register", mac(50), "lab", "watched")
      if (event["change"] === "discovered" && event["mac"] === mac(50)) break
    }
    assert.strictEqual(await child.end(), 130)
    assert.include(seen, "snapshot")
  })
})

describe("what else an administrator does", () => {
  it("sets, tries and gives back naming policies", async () => {
    assert.include(await json("policy", "show"), { subnet: "default" })
    const set = await json(
      "policy",
      "set",
      "office",
      "--pattern",
      "pc-{mac:6}",
      "--no-client-names",
      "--forbid",
      "printer"
    )
    assert.include(set, { subnet: "10.0.0.0/24", pattern: "pc-{mac:6}", client_names: false })
    assert.deepStrictEqual(set["forbidden"], ["printer"])
    assert.isArray(await list("policy", "test", "office", "--pattern", "x-{mac:4}"))
    assert.strictEqual((await list("policy", "list")).length, 2)
    await refused(1, /pattern/u, "policy", "set", "office", "--pattern", "{oops}")
    await refused(1, /--yes/u, "policy", "set", "office", "--pattern", "y-{mac:6}", "--apply")
    await done("policy", "rm", "office", "--yes")
    assert.strictEqual((await list("policy", "list")).length, 1)
  })

  it("configures and sees what is watched, and the servers", async () => {
    await done("watcher", "configure", "lab", "--log-file", "/var/log/a.log", "--log-file", "/var/log/b.log")
    assert.include(await json("watcher", "configure", "lab", "--zone", "Europe/Berlin"), { zone: "Europe/Berlin" })
    const [shown] = await list("watcher", "configure")
    assert.deepStrictEqual(shown?.["log_files"], ["/var/log/a.log", "/var/log/b.log"])
    assert.deepStrictEqual(await list("watcher", "status"), [])
    assert.include(await json("server", "show", "lab"), { server: "lab", status: "never rendered" })
    assert.strictEqual((await list("server", "list")).length, 1)
  })

  it("does not take a DHCP server that nobody knows for one that has nothing", async () => {
    const conf = file("unknown.conf", "log-dhcp\n")
    await refused(3, /no such server; there are lab/u, "check", "--dnsmasq-conf", conf, "--dhcp-server", "nope")
    await refused(3, /no such server/u, "watcher", "status", "nope")
    for (
      const words of [
        ["watcher", "configure", "nope", "--log-file", "/var/log/a.log", "--dry-run"],
        ["system", "register", mac(9), "nope", "--dry-run"]
      ]
    ) {
      const { code, err } = await run(words)
      assert.strictEqual(code, 0, err)
      assert.match(err, /no DHCP server "nope" is known/u)
    }
    assert.notInclude((await run(["system", "register", mac(9), "lab", "--dry-run"])).err, "is known;")
  })

  it("reviews the registry and dnsmasq's configuration, and ends with 5 where something is wrong", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
    const main = file(
      "dnsmasq.conf",
      `quiet-dhcp\ndhcp-range=10.0.0.50,10.0.0.60\ndhcp-host=${
        mac(2)
      },10.0.0.7,hand\nconf-file=${directory}/none.conf\n`
    )
    const { code, out } = await run(["check", "--dnsmasq-conf", main, "--dhcp-server", "lab", "--json"])
    assert.strictEqual(code, 5)
    const findings: ReadonlyArray<{ readonly code: string; readonly advice: string }> = JSON.parse(out)
    assert.includeMembers(findings.map((finding) => finding.code), [
      "quiet-dhcp",
      "no-log-dhcp",
      "range-differs",
      "address-by-hand",
      "unreadable"
    ])
    for (const { advice } of findings) assert.notStrictEqual(advice, "")

    const gone = await run(["check", "--dnsmasq-conf", `${directory}/none.conf`, "--dhcp-server", "lab", "--json"])
    const told: ReadonlyArray<{ readonly code: string }> = JSON.parse(gone.out)
    const codes = told.map(({ code }) => code)
    assert.include(codes, "unreadable")
    for (const absent of ["no-log-dhcp", "subnet-without-dhcp-range"]) assert.notInclude(codes, absent)

    const empty = join(directory, "empty.d")
    mkdirSync(empty)
    const nothing = await run(["check", "--dnsmasq-conf", empty, "--json"])
    assert.strictEqual(nothing.code, 5)
    const only: ReadonlyArray<{ readonly code: string; readonly subject: string }> = JSON.parse(nothing.out)
    assert.deepStrictEqual(only.filter(({ subject }) => subject === empty).map(({ code }) => code), ["nothing-read"])
    assert.notInclude(only.map(({ code }) => code), "subnet-without-dhcp-range")
  })

  it("makes, lists and revokes tokens, and tells a secret once", async () => {
    assert.strictEqual(await done("token", "create", "backup", "--dry-run"), "")
    await refused(3, /no token/u, "token", "revoke", "backup", "--dry-run")
    const secret = (await done("token", "create", "backup", "--scope", "operate", "--expires", "30d")).trim()
    assert.match(secret, /^lh_[\w-]{43}$/u)
    const path = file("token", `${secret}\n`)
    const env = { IPMANAGER_TOKEN_FILE: path }
    assert.include(JSON.parse((await run(["whoami", "--json"], { env })).out), {
      actor: "token:backup",
      scope: "operate"
    })
    const denied = await run(["token", "list"], { env })
    assert.strictEqual(denied.code, 4)
    assert.match(denied.err, /higher scope/u)
    assert.notInclude(await done("token", "list", "--json"), secret)
    await refused(1, /another token has this name/u, "token", "create", "backup", "--dry-run")
    await done("token", "revoke", "backup", "--yes")
    const revoked = await run(["whoami"], { env: { IPMANAGER_TOKEN: secret } })
    assert.strictEqual(revoked.code, 4)
    assert.match(revoked.err, /IPMANAGER_TOKEN/u)
    assert.deepStrictEqual(await list("token", "list"), [])
  })

  it("shows tables that fit the terminal, and says on stderr where there is nothing", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas", "--comment", "x".repeat(200))
    const { out } = await run(["host", "list"], { width: 80, colour: true })
    const narrow = await run(["host", "list"], { width: 60 })
    assert.match(narrow.err, /^(?:1 column does|\d columns do) not fit: use --json, or a wider terminal\n$/u)
    const lines = out.trimEnd().split("\n").map((line) => line.replaceAll(/\u001b\[\d+m/gu, ""))
    for (const line of lines) assert.isAtMost(line.length, 80)
    assert.match(out, /\u001b\[1m/u)
    assert.notInclude(await done("host", "list"), "\u001b")
    await done("host", "rm", "nas", "--yes")
    const none = await run(["host", "list"])
    assert.deepStrictEqual(none, { code: 0, out: "", err: "no reservation matches\n" })
    assert.strictEqual(await done("host", "list", "--json"), "[]\n")
    assert.match(await done("host", "list", "--csv"), /^address,name,macs,[\w,]+\r\n$/u)
  })

  it("is asked at a terminal, and can say yes, or go away", async () => {
    await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
    const gone = await registry.atTerminal(["host", "rm", "nas"], "\u0003")
    assert.strictEqual(gone.code, 130, gone.out)
    // A terminal that does not know its width shows everything.
    assert.match((await registry.atTerminal(["host", "list"], "", 0)).out, /COMMENT/u)
    const { code, out } = await registry.atTerminal(["host", "rm", "nas"], "y\r")
    assert.strictEqual(code, 0, out)
    assert.match(out, /Remove 10\.0\.0\.7 nas\? \[y\/N\]/u)
    assert.include(out, "\u001b[1mname")
    assert.deepStrictEqual(await list("host", "list"), [])
  })

  it("does all of it as a process, too", async () => {
    const added = await registry.spawn(["host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas", "--json"])
    assert.strictEqual(added.code, 0, added.err)
    assert.strictEqual(JSON.parse(added.out).name, "nas")
    const again = await registry.spawn(["host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas"])
    assert.strictEqual(again.code, 1)
    assert.strictEqual(again.out, "")
  })
})
