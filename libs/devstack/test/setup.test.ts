import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it, onTestFinished } from "vitest"

const script = new URL("../../../scripts/setup.mjs", import.meta.url).href
const debian = "ID=debian\n"

/** A directory that takes the place of the whole PATH, with the programs given. */
const machine = (programs: Record<string, string>) => {
  const path = mkdtempSync(join(tmpdir(), "setup-"))
  onTestFinished(() => rmSync(path, { recursive: true }))
  for (const [name, body] of Object.entries(programs))
    writeFileSync(join(path, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return path
}
const ensure = (given: { readonly path: string; readonly uid: number; readonly osRelease: string }) => {
  const code = `import(${JSON.stringify(script)}).then((setup) => console.log(JSON.stringify(setup.ensurePackages(${
    JSON.stringify(given)
  }))))`
  const done = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" })
  return { stdout: done.stdout.trim(), stderr: done.stderr }
}
const utilLinux = { unshare: "", nsenter: "", setpriv: "", flock: "" }
/** Records its arguments; installs (makes the programs) once the lists were fetched. */
const aptGet = (path: string) => `
printf '%s\\n' "$*" >> ${path}/calls
case "$*" in
*" update") /usr/bin/touch ${path}/lists ;;
*) [ -e ${path}/lists ] || { echo "E: Unable to locate package udhcpc" >&2; exit 100; }
   for program in dnsmasq udhcpc ip; do printf '#!/bin/sh\\n' > ${path}/$program; /bin/chmod +x ${path}/$program; done ;;
esac`

it("says nothing and calls nothing when everything is there", () => {
  const path = machine({ dnsmasq: "", udhcpc: "", ip: "", ...utilLinux, "apt-get": "echo called >&2" })
  assert.deepStrictEqual(ensure({ path, uid: 0, osRelease: debian }), { stdout: "{\"missing\":[]}", stderr: "" })
})

it("installs what is missing as root on Debian, and fetches the package lists only when it must", () => {
  const path = machine(utilLinux)
  writeFileSync(join(path, "apt-get"), `#!/bin/sh${aptGet(path)}`, { mode: 0o755 })
  const { stderr, stdout } = ensure({ path, uid: 0, osRelease: debian })
  assert.strictEqual(stdout, "{\"missing\":[]}")
  const calls = readFileSync(join(path, "calls"), "utf8").trim().split("\n")
  assert.deepStrictEqual(calls.map((call) => call.replace(/^(-\S+ (\S+::\S+ )?)+/, "")), [
    "install --yes --no-install-recommends --no-upgrade dnsmasq-base udhcpc iproute2",
    "update",
    "install --yes --no-install-recommends --no-upgrade dnsmasq-base udhcpc iproute2"
  ])
  assert.match(stderr, /^\[setup\] installing dnsmasq-base, udhcpc, iproute2 with apt-get$/m)
  assert.isTrue(stderr.trim().split("\n").every((line) => line.startsWith("[setup] ")))
})

it("tells an ordinary user what is missing, what is skipped and how to install it", () => {
  const path = machine({ dnsmasq: "", ip: "", ...utilLinux, "apt-get": "echo called >&2" })
  const { stderr, stdout } = ensure({ path, uid: 1000, osRelease: debian })
  assert.strictEqual(stdout, "{\"missing\":[\"udhcpc\"]}")
  assert.match(stderr, /^\[setup\] missing: udhcpc$/m)
  assert.match(stderr, /^\[setup\] skipped because of it: every test with a real dnsmasq/m)
  assert.match(stderr, /^\[setup\] to have them: sudo apt-get install --no-install-recommends udhcpc$/m)
  assert.notMatch(stderr, /called/)
})

it("goes on when apt-get fails, and says that it did", () => {
  const path = machine({ ...utilLinux, "apt-get": "echo 'E: no network' >&2; exit 100" })
  const { stderr, stdout } = ensure({ path, uid: 0, osRelease: "ID=ubuntu\nID_LIKE=debian\n" })
  assert.strictEqual(stdout, "{\"missing\":[\"dnsmasq\",\"udhcpc\",\"ip\"]}")
  assert.match(stderr, /^\[setup\] E: no network$/m)
  assert.match(stderr, /^\[setup\] apt-get install failed \(status 100\)$/m)
})

it("leaves other systems to their own package manager", () => {
  const path = machine(utilLinux)
  const { stderr } = ensure({ path, uid: 0, osRelease: "ID=fedora\n" })
  assert.match(stderr, /with this system's package manager/)
})
