import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, it, onTestFinished } from "vitest"
import { describeLab } from "../../src/lab/describeLab.ts"
import { addressBytes, type DnsmasqSettings, type Lab, startLab } from "../../src/lab/index.ts"

const started = async (settings?: DnsmasqSettings): Promise<Lab> => {
  const lab = await startLab(settings)
  onTestFinished(() => lab.stop())
  await lab.startDnsmasq()
  return lab
}
const shell = (command: string) => promisify(execFile)("sh", ["-c", command])
const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "no failure", (error: unknown) => error instanceof Error ? error.message : String(error))

describeLab("a lab", () => {
  it("gives a real client a dynamic address, and dnsmasq logs it", async () => {
    const lab = await started()
    const client = await lab.client("printer", {
      mac: "02:00:00:00:00:01",
      hostname: "printer",
      vendorClass: "thing 1.0"
    })
    const lease = await client.obtain()
    assert.match(lease.ip, /^10\.99\.0\.1\d\d$/)
    assert.strictEqual(lease.leaseSeconds, 3600)
    assert.strictEqual(lease.serverId, "10.99.0.1")
    const line = await lab.logged(/DHCPACK/)
    assert.isTrue(line.endsWith(`DHCPACK(br-lan) ${lease.ip} 02:00:00:00:00:01 printer`), line)
    await lab.logged(/vendor class: thing 1\.0$/)
    assert.match(await readFile(lab.leaseFile, "utf8"), new RegExp(`02:00:00:00:00:01 ${lease.ip} printer`))
  })

  it("leaves alone the labs that start while it ends", async () => {
    const lane = async () => {
      for (let number = 0; number < 20; number++) {
        const lab = await startLab()
        try {
          await lab.startDnsmasq()
          await lab.restartDnsmasq()
        } finally {
          await lab.stop()
        }
      }
    }
    await Promise.all([lane(), lane(), lane(), lane()])
  })

  it("lets a client renew, release, vanish and come back", async () => {
    const lab = await started()
    const client = await lab.client("phone", { mac: "02:00:00:00:00:01" })
    const lease = await client.obtain()
    assert.strictEqual((await client.renew()).ip, lease.ip)
    await client.release()
    await lab.logged(new RegExp(`DHCPRELEASE\\(br-lan\\) ${lease.ip} 02:00:00:00:00:01`))
    assert.match(await rejection(client.renew()), /has no address/)
    await client.obtain()
    await client.vanish()
    assert.notStrictEqual(await readFile(lab.leaseFile, "utf8"), "")
    await client.remove()
  })

  it("moves a client that renews after its reservation changed", async () => {
    const lab = await started({ hosts: true })
    const client = await lab.client("nas", { mac: "02:00:00:00:00:01" })
    const before = await client.obtain()
    await writeFile(join(lab.hostsDir, "generation-1"), "02:00:00:00:00:01,10.99.0.50,nas\n")
    await lab.hup()
    await lab.logged(/read .*\/hosts\/generation-1$/)
    const after = await client.renew()
    assert.notStrictEqual(before.ip, after.ip)
    assert.deepStrictEqual([after.ip, after.hostname], ["10.99.0.50", "nas"])
  })

  it("restarts dnsmasq by a shell command, which fails when the new one does not start", async () => {
    const lab = await started()
    const first = (await readFile(lab.pidFile, "utf8")).trim()
    const conf = join(lab.confDir, "01-test.conf")
    await writeFile(conf, "dhcp-host=02:00:00:00:00:01,10.99.0.50,nas\n")
    await shell(lab.restartCommand)
    const second = (await readFile(lab.pidFile, "utf8")).trim()
    assert.notStrictEqual(first, second)
    const client = await lab.client("nas", { mac: "02:00:00:00:00:01" })
    assert.strictEqual((await client.obtain()).ip, "10.99.0.50")
    await writeFile(conf, "dhcp-host=02:00:00:00:00:0x,10.99.0.50\n")
    assert.match(await rejection(shell(lab.restartCommand)), /bad hex constant at line 1 of .*01-test\.conf/)
    assert.isFalse(existsSync(`/proc/${second}/exe`))
    await rm(conf)
    await shell(lab.restartCommand)
  })

  it("starts dnsmasq again after it was killed", async () => {
    const lab = await started()
    await lab.killDnsmasq()
    await lab.startDnsmasq()
    await lab.killDnsmasq()
    await lab.restartDnsmasq()
    assert.match(await rejection(lab.startDnsmasq()), /dnsmasq runs already/)
  })

  it("forgets leases", async () => {
    const lab = await started()
    const raw = await lab.raw()
    await raw.obtain({ mac: "02:00:00:00:00:01" })
    await lab.forgetLeases()
    assert.strictEqual(await readFile(lab.leaseFile, "utf8"), "")
  })

  it("keeps two labs apart", async () => {
    const [one, other] = await Promise.all([started(), started({ range: "10.99.7.10,10.99.7.20,255.255.0.0,2h" })])
    const mac = "02:00:00:00:00:01"
    const clients = await Promise.all([
      one.client("a", { mac, hostname: "a" }),
      other.client("b", { mac, hostname: "b" })
    ])
    const [first, second] = await Promise.all(clients.map((client) => client.obtain()))
    assert.match(first?.ip ?? "", /^10\.99\.0\./)
    assert.match(second?.ip ?? "", /^10\.99\.7\./)
    assert.notMatch(await one.log(), /DHCPACK\(br-lan\) 10\.99\.7\./)
  })

  it("sends crafted packets as any machine and returns the answers", async () => {
    const lab = await started()
    const raw = await lab.raw()
    const forged = "DHCPACK(br-lan) 10.9.9.9 66:66:66:66:66:66 forged"
    const mac = "02:00:00:00:00:01"
    const ack = await raw.obtain({ mac, hostname: "plain", options: [[60, forged], [77, forged]] })
    assert.strictEqual(ack.type, "ack")
    assert.isTrue((await lab.logged(/vendor class/)).endsWith(`vendor class: ${forged}`))
    assert.strictEqual((await raw.exchange({ type: "request", mac, ciaddr: ack.yiaddr }))?.type, "ack")
    assert.strictEqual((await raw.exchange({ type: "inform", mac, ciaddr: "10.99.0.77" }))?.type, "ack")
    assert.strictEqual(
      (await raw.exchange({ type: "request", mac, options: [[50, addressBytes("192.0.2.1")]] }))?.type,
      "nak"
    )
    const server = [54, addressBytes("10.99.0.1")] as const
    raw.send({ type: "decline", mac, options: [[50, addressBytes(ack.yiaddr)], server, [56, forged]] })
    assert.isTrue((await lab.logged(/DHCPDECLINE/)).endsWith(forged))
  })

  it("carries hundreds of exchanges", async () => {
    const lab = await started({ logDhcp: false, range: "10.99.1.0,10.99.9.255,255.255.0.0,1h" })
    const raw = await lab.raw()
    const addresses = new Set<string>()
    for (let client = 0; client < 300; client++) {
      const reply = await raw.obtain({ mac: `02000000${client.toString(16).padStart(4, "0")}` })
      addresses.add(reply.yiaddr)
    }
    assert.strictEqual(addresses.size, 300)
  })
})
