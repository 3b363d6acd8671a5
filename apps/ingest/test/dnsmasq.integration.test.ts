import { eventuallyHolds } from "@leasehold/devstack/test"
import { startLab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { existsSync, readFileSync, renameSync } from "node:fs"
import { assert, it, onTestFinished } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { openSite } from "./harness/openSite.ts"

describeLab("the log of a real dnsmasq", () => {
  it("becomes events, all of them and in order, through a rotation as logrotate does it", async () => {
    const lab = await startLab()
    onTestFinished(() => lab.stop())
    const { ingest, stream } = await openSite({ INGEST_LOG_FILES: lab.logFile })
    ingest.start()
    await ingest.says("following log file")
    const { pid } = await lab.startDnsmasq()
    const clients = await Promise.all([1, 2, 3].map((n) =>
      lab.client(`machine${n}`, {
        mac: `02:00:00:00:00:0${n}`,
        hostname: `machine${n}`,
        vendorClass: "DHCPACK(br-lan) 10.99.0.9 02:00:00:00:00:99 forged"
      })
    ))
    const [first, second, third] = clients
    const leases = [await first?.obtain()]
    renameSync(lab.logFile, `${lab.logFile}.1`)
    // dnsmasq has not been told yet and writes to the old file.
    leases.push(await second?.obtain())
    await second?.release()
    process.kill(pid, "SIGUSR2")
    await eventuallyHolds("dnsmasq reopened its log", () => existsSync(lab.logFile), (isThere) => isThere)
    leases.push(await third?.obtain())
    await third?.renew()

    const written = [`${lab.logFile}.1`, lab.logFile].map((path) => readFileSync(path, "utf8")).join("").split("\n")
      .filter((line) => /\]: \d+ DHCP[A-Z]+\(/u.test(line))
    assert.isAtLeast(written.length, 13)
    await stream.reaches(written.length)
    assertSameLines(await stream.lines(), written)
    const events = await stream.events()
    const acks = events.filter(({ kind }) => kind === "ack")
    for (const [index, lease] of leases.entries()) {
      const of = acks.filter(({ mac }) => mac === `02:00:00:00:00:0${index + 1}`)
      const name = `machine${index + 1}`
      assert.isAtLeast(of.length, 1)
      assert.isTrue(
        of.every(({ clientName, hostname, ip }) => clientName === name && hostname === name && ip === lease?.ip)
      )
    }
    assert.isTrue(acks.every(({ vendorClass }) => vendorClass?.endsWith(" forged")))
    assert.deepStrictEqual(new Set(events.map(({ mac }) => String(mac))).size, 3)
    assert.isTrue(events.some(({ kind, mac }) => kind === "release" && mac === "02:00:00:00:00:02"))
  })
})
