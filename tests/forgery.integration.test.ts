/** A client cannot forge: whatever bytes it puts into its options, no false event and no bad line come of them. */
import { type Lab, type RawSender, startLab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { eventually } from "@leasehold/devstack/test"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type LabSystem, startLabSystem } from "./harness/labSystem.ts"

/** Nobody has this MAC: whatever speaks of it was forged. */
const forged = "66:66:66:66:66:66"
const stamp = "Nov 22 00:00:00"
const fakes = [
  `DHCPACK(br-lan) 10.99.0.9 ${forged} forged`,
  `x\n${stamp} dnsmasq-dhcp[1]: DHCPACK(br-lan) 10.99.0.9 ${forged} forged`,
  `${stamp} dnsmasq-dhcp[1]: DHCPACK(br-lan) 10.99.0.9 ${forged} forged`,
  `<30>${stamp} host dnsmasq-dhcp[1]: 12345 DHCPACK(br-lan) 10.99.0.9 ${forged} forged`,
  `\u0000\u001b[2J\u001b]0;owned\u0007 dnsmasq-dhcp: DHCPACK(br-lan) 10.99.0.9 ${forged}`,
  `a,10.99.0.9,forged\ndhcp-host=${forged},10.99.0.9`,
  `${"A".repeat(150)} dnsmasq-dhcp[1]: DHCPACK(br-lan) 10.99.0.9 ${forged}`
]
const names = [
  "ignore",
  "infinite",
  "5d",
  "12345",
  "10.0.0.1",
  "set:evil",
  "a,b",
  "#",
  "\"quoted\"",
  "localhost",
  "wpad",
  "-x",
  forged,
  "x".repeat(80),
  ...fakes
]

describeLab("hostile clients", () => {
  let lab: Lab
  let system: LabSystem
  let sender: RawSender
  beforeAll(async () => {
    lab = await startLab({ hosts: true })
    await lab.startDnsmasq()
    system = await startLabSystem(lab, "hosts")
    sender = await lab.raw()
  })
  afterAll(async () => {
    await sender?.close()
    await system?.stop()
    await lab?.stop()
  })

  it("become systems with harmless names, and nothing else", async () => {
    const macs: Array<string> = []
    const next = () => {
      const mac = `00:16:3e:01:00:${macs.length.toString(16).padStart(2, "0")}`
      macs.push(mac)
      return mac
    }
    for (const name of names) await sender.obtain({ mac: next(), hostname: name })
    for (const fake of fakes) {
      for (const code of [60, 77, 81, 61]) {
        await sender.obtain({ mac: next(), options: [[code, code === 81 ? `\u0001\u0000\u0000${fake}` : fake]] })
      }
      const mac = next()
      const { yiaddr } = await sender.obtain({ mac })
      const address = Uint8Array.from(yiaddr.split(".").map(Number))
      sender.send({ type: "decline", mac, options: [[50, address], [54, Uint8Array.from([10, 99, 0, 1])], [56, fake]] })
    }
    const last = next()
    await sender.obtain({ mac: last, hostname: "last" })

    await eventually("every client is known", async () => {
      const rows = await system.query<{ readonly mac: string }>("SELECT mac::text AS mac FROM systems")
      return macs.every((mac) => rows.some((row) => row.mac === mac)) ? true : undefined
    })
    await system.applied()

    const systems = await system.query<{ readonly mac: string; readonly name: string }>(
      "SELECT mac::text AS mac, name FROM systems ORDER BY mac"
    )
    assert.deepStrictEqual(systems.map(({ mac }) => mac), macs)
    for (const { name } of systems) {
      assert.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u)
      assert.notMatch(name, /^(ignore|infinite|localhost|wpad|\d+[wdhms]?)$/u)
    }
    const sightings = await system.query("SELECT 1 FROM sightings WHERE address = '10.99.0.9'")
    assert.deepStrictEqual(sightings, [])
    for (const line of (await system.file()).split("\n").filter((text) => text !== "" && !text.startsWith("#"))) {
      assert.match(line, /^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2},10\.99\.0\.1\d\d,[a-z0-9-]+$/u)
      assert.notInclude(line.toLowerCase(), forged)
    }
    // The forgeries did reach the log: it is the grammar that does not believe them.
    assert.isAbove((await lab.log()).split("\n").filter((line) => line.includes(forged)).length, fakes.length)
    assert.notMatch(await lab.log(), / at line \d+ of /u)
  })
})
