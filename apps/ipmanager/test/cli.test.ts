import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { runProgram, spawnProgram } from "./RunningRegistry.ts"

const run = (...words: ReadonlyArray<string>) => runProgram(words, {})

describe("help", () => {
  it("is a result where it is asked for, and ends with 0", async () => {
    const { code, err, out } = await run("host", "add", "--help")
    assert.strictEqual(code, 0)
    assert.strictEqual(err, "")
    assert.include(out, "EXAMPLES")
    assert.include(out, "--dry-run")
  })

  it("goes to stderr where it was not asked for, and ends with 2", async () => {
    const { code, err, out } = await run("host")
    assert.strictEqual(code, 2)
    assert.strictEqual(out, "")
    assert.include(err, "SUBCOMMANDS")
  })

  it("says which version it is of", async () => {
    const { code, out } = await run("--version")
    assert.strictEqual(code, 0)
    assert.match(out, /^\d+\.\d+\.\d+\n$/u)
  })

  it("completes commands and the flags of every command in each shell", async () => {
    for (const shell of ["bash", "zsh", "fish", "powershell"]) {
      const { code, out } = await run("completions", shell)
      assert.strictEqual(code, 0)
      assert.include(out, "next-free")
      assert.include(out, "token-file")
    }
  })
})

describe("completion in bash", () => {
  it("offers files where nothing of ours fits", async () => {
    const { out } = await run("completions", "bash")
    assert.match(out, /^complete -o bashdefault -o default -F _ipmanager ipmanager$/mu)
  })
})

describe("a command line that is wrong", () => {
  const wrong: Readonly<Record<string, readonly [words: ReadonlyArray<string>, says: RegExp]>> = {
    "a command that is misspelt": [["hots", "list"], /Did you mean this\?\n\s*host/u],
    "a flag that there is not": [["host", "list", "--jsn"], /--jsn/u],
    "an argument that is missing": [["host", "show"], /host/u],
    "a value that is none of those allowed": [["import", "x", "--mode", "all"], /add.*update.*replace/u],
    "two forms of one answer": [["host", "list", "--json", "--csv"], /Give one of them/u],
    "a server that is no URL": [["host", "list", "--server", "lab"], /--dhcp-server/u],
    "a URL with a user": [["host", "list", "--server", "http://a:b@localhost"], /IPMANAGER_TOKEN/u],
    "a certificate without its key": [["host", "list", "--cert", "/etc/hostname"], /--key/u],
    "a limit of nothing": [["host", "list", "--limit", "0"], /from 1/u],
    "a time that is none": [["who-had", "10.0.0.7", "--at", "yesterday"], /--at: expected a time such as/u],
    "a number for an end, which may be a year": [
      ["token", "create", "t", "--expires", "2030"],
      /--expires: expected a time/u
    ],
    "a span that is none": [
      ["host", "add", "52:54:00:00:00:01", "--address", "10.0.0.7", "--lease-time", "long"],
      /12h/u
    ],
    "a change that is no number": [["undo", "last"], /ipmanager log/u],
    "nothing to set": [["host", "set", "nas"], /--name/u],
    "an address for what is ignored": [
      ["host", "add", "52:54:00:00:00:01", "--ignore", "--address", "10.0.0.7"],
      /--ignore/u
    ],
    "next without a subnet": [["host", "add", "52:54:00:00:00:01", "--address", "next"], /--subnet/u],
    "a subnet that never ends": [["subnet", "add", "10.0.0.0/24", "--lease-time", "infinite"], /infinite/u],
    "a range that is none": [["subnet", "add", "10.0.0.0/24", "--range", "10.0.0.1-10.0.0.2-10.0.0.3"], /--range/u],
    "neither a name nor --automatic": [["system", "rename", "52:54:00:00:00:01"], /--automatic/u],
    "a server without its configuration": [["check", "--dhcp-server", "lab"], /--dnsmasq-conf/u]
  }
  for (const [what, [words, says]] of Object.entries(wrong)) {
    it(`ends with 2 and says what to do: ${what}`, async () => {
      const { code, err, out } = await runProgram(words, { IPMANAGER_SERVER: "http://127.0.0.1:9" })
      assert.strictEqual(code, 2, err)
      assert.strictEqual(out, "")
      assert.match(err, says)
      assert.include(err, "→")
    })
  }

  it("would tell a token to everybody on the way", async () => {
    const { code, err } = await runProgram(["whoami", "--server", "http://192.0.2.1:50551"], {
      IPMANAGER_TOKEN: "lh_x"
    })
    assert.strictEqual(code, 2)
    assert.match(err, /https:\/\//u)
    assert.notInclude(err, "lh_x")
  })

  it("does not repeat a token that is none", async () => {
    const { code, err } = await runProgram(["whoami"], { IPMANAGER_TOKEN: "lh_secret\nlh_other" })
    assert.strictEqual(code, 2)
    assert.match(err, /IPMANAGER_TOKEN: this is no token/u)
    assert.notInclude(err, "lh_secret")
  })

  it("is told harmlessly, whatever it holds", async () => {
    const { err } = await run("\u001b[31mhost", "list")
    assert.notInclude(err, "\u001b")
  })
})

describe("a registry that cannot be reached", () => {
  let directory = ""
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ipmanager-"))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  it("ends with 4 and says what to do", async () => {
    const { code, err, out } = await run("host", "list", "--server", "http://127.0.0.1:9", "--json")
    assert.strictEqual(code, 4)
    assert.strictEqual(out, "")
    assert.match(err, /cannot reach the registry at http:\/\/127\.0\.0\.1:9.*\n  → Is the registry running/u)
  })

  it("ends with 4 where something else listens there", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-x\r\n")).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const { code, err } = await spawnProgram(["host", "list", "--server", `http://127.0.0.1:${port}`])
    server.close()
    assert.strictEqual(code, 4, err)
    assert.match(err, /^ipmanager: .*\n {2}→ .*--server/u)
  })

  it("is not asked where a file of credentials cannot be read, and why is told", async () => {
    for (
      const [flag, path, why] of [["--token-file", "none", "it does not exist"], ["--ca", ".", "it is a directory"]]
    ) {
      const { code, err } = await run("host", "list", `${flag}`, join(directory, `${path}`))
      assert.strictEqual(code, 2)
      assert.include(err, `${flag}: cannot read`)
      assert.include(err, `: ${why}`)
    }
  })

  it("is not asked with a file that is no certificate, or no key", async () => {
    const text = join(directory, "text")
    writeFileSync(text, "lh_secret\n")
    const pem = join(directory, "cert.pem")
    writeFileSync(pem, "-----BEGIN CERTIFICATE-----\n")
    const wrong: ReadonlyArray<readonly [words: ReadonlyArray<string>, says: string]> = [
      [["--ca", text], `--ca: ${text} has no certificate in PEM`],
      [["--cert", text, "--key", text], `--cert: ${text} has no certificate in PEM`],
      [["--cert", pem, "--key", text], `--key: ${text} has no key in PEM`]
    ]
    for (const [words, says] of wrong) {
      const { code, err } = await run("whoami", "--server", "https://127.0.0.1:9", ...words)
      assert.strictEqual(code, 2)
      assert.include(err, says)
      assert.notInclude(err, "lh_secret")
    }
  })

  it("is told apart from one that speaks no TLS", async () => {
    const server = createHttpServer((_, response) => response.end()).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const { code, err } = await spawnProgram(["whoami", "--server", `https://127.0.0.1:${port}`])
    server.close()
    assert.strictEqual(code, 4, err)
    assert.match(err, /speaks no TLS\n {2}→ .*http:\/\//u)
  })

  it("does not keep an import from saying that it found nothing", async () => {
    const file = join(directory, "empty.conf")
    writeFileSync(file, "log-dhcp\n")
    const { code, err } = await run("import", file, "--yes")
    assert.strictEqual(code, 1)
    assert.match(err, /there is no host to import/u)
  })
})

describe("the process", () => {
  /** Its code, and what it said on the other stream, where one of its streams takes nothing more. */
  const withFull = async (stream: "stdout" | "stderr", ...words: ReadonlyArray<string>) => {
    const full = openSync("/dev/full", "w")
    try {
      return await spawnProgram(words, {}, stream === "stdout" ? [full, "pipe"] : ["pipe", full])
    } finally {
      closeSync(full)
    }
  }

  it("says so where its result cannot be written", async () => {
    const { code, err } = await withFull("stdout", "--version")
    assert.strictEqual(code, 1)
    assert.match(err, /^ipmanager: the result cannot be written: ENOSPC/u)
  })

  it("ends with the same code where nobody can be told why", async () => {
    assert.strictEqual((await withFull("stderr", "host", "lst")).code, 2)
    assert.strictEqual((await withFull("stderr", "whoami", "--server", "http://127.0.0.1:9")).code, 4)
  })

  it("takes relative paths from where its user is, whom npm brought to the root of the clone", async () => {
    const [user, other] = ["user-", "other-"].map((name) => mkdtempSync(join(tmpdir(), name)))
    assert.isDefined(user)
    writeFileSync(join(user, "empty.conf"), "log-dhcp\n")
    const from = async (cwd: string | undefined) =>
      (await spawnProgram(["import", "empty.conf", "--yes"], { INIT_CWD: user }, ["pipe", "pipe"], cwd)).err
    const [byNpm, elsewhere] = await Promise.all([from(join(import.meta.dirname, "../../..")), from(other)])
    for (const one of [user, other]) rmSync(`${one}`, { recursive: true })
    assert.include(byNpm, "there is no host to import in empty.conf")
    assert.include(elsewhere, "cannot read empty.conf: it does not exist")
  })

  it("starts, answers on stdout, and ends with the code", async () => {
    const [version, unreachable] = await Promise.all([
      spawnProgram(["--version"]),
      spawnProgram(["whoami"], { IPMANAGER_SERVER: "http://127.0.0.1:9" })
    ])
    assert.strictEqual(version.code, 0)
    assert.match(version.out, /^\d+\.\d+\.\d+\n$/u)
    assert.strictEqual(unreachable.code, 4)
    assert.strictEqual(unreachable.out, "")
  })
})
