import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Running, startRegistry } from "./RunningRegistry.ts"

let directory = ""
let registry: Running
const path = (name: string) => join(directory, name)

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ipmanager-tls-"))
  const openssl = (line: string, ...more: ReadonlyArray<string>) =>
    execFileSync("openssl", [...line.split(" "), ...more], { cwd: directory, stdio: "pipe" })
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
  openssl(
    `req -x509 ${key} -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext`,
    "subjectAltName=IP:127.0.0.1"
  )
  openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca`)
  openssl(`req ${key} -keyout noc.key -out noc.csr -subj /CN=noc`)
  openssl("x509 -req -in noc.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out noc.pem")
  registry = await startRegistry({
    REGISTRY_API_TLS_CERT: path("cert.pem"),
    REGISTRY_API_TLS_KEY: path("key.pem"),
    REGISTRY_API_CLIENT_CA: path("ca.pem"),
    REGISTRY_API_TOKENS: "required"
  })
})
afterAll(async () => {
  await registry?.stop()
  rmSync(directory, { recursive: true, force: true })
})

describe("a registry with TLS", () => {
  it("is not believed without the authority of its certificate", async () => {
    const { code, err } = await registry.run(["whoami"])
    assert.strictEqual(code, 4)
    assert.match(err, /is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT\n {2}→ .*--ca/u)
  })

  it("is not taken for one without, nor the other way round", async () => {
    const plain = await registry.spawn(["whoami", "--server", registry.api.replace("https:", "http:")])
    assert.strictEqual(plain.code, 4, plain.err)
    assert.match(plain.err, /→ .*--server/u)
  })

  it("wants to know who calls", async () => {
    const { code, err } = await registry.run(["whoami", "--ca", path("cert.pem")])
    // Who nobody is may be asked; what there is may not.
    const list = await registry.run(["token", "list", "--ca", path("cert.pem")])
    assert.strictEqual(code, 4, err)
    assert.strictEqual(list.code, 4, list.err)
    assert.match(list.err, /→ Put a token into IPMANAGER_TOKEN/u)
  })

  it("knows a caller by a client certificate", async () => {
    const words = ["--ca", path("cert.pem"), "--cert", path("noc.pem"), "--key", path("noc.key")]
    const { code, err, out } = await registry.run(["whoami", ...words, "--json"])
    assert.strictEqual(code, 0, err)
    assert.deepStrictEqual(JSON.parse(out), { actor: "certificate:noc", scope: "operate" })
    const other = ["--ca", path("cert.pem"), "--cert", path("noc.pem"), "--key", path("ca.key")]
    const mismatched = await registry.run(["whoami", ...other])
    assert.strictEqual(mismatched.code, 4)
    assert.match(
      mismatched.err,
      /the certificates that were given cannot be used: .*\n {2}→ --key has to be the key of --cert/u
    )
  })
})
