/** A client of NATS that is not ours, nothing but a socket, injects events by hand and by request. */
import { type Lab, startLab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { eventually } from "@leasehold/devstack/test"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type LabSystem, lineOf, startLabSystem } from "./harness/labSystem.ts"

/** The NATS protocol by hand: CONNECT, PUB, SUB, MSG and HMSG. */
class PlainNats {
  readonly #socket: Socket
  #received = ""

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding("utf8").on("data", (chunk) => {
      this.#received += String(chunk)
      if (String(chunk).includes("PING\r\n")) socket.write("PONG\r\n")
    })
  }

  static async open(port: number): Promise<PlainNats> {
    const socket = connect(port, "127.0.0.1")
    await once(socket, "connect")
    const nats = new PlainNats(socket)
    socket.write("CONNECT {\"verbose\":false,\"pedantic\":true,\"headers\":true}\r\n")
    return nats
  }

  publish(subject: string, body: string, reply = ""): void {
    this.#socket.write(`PUB ${subject}${reply === "" ? "" : ` ${reply}`} ${Buffer.byteLength(body)}\r\n${body}\r\n`)
  }

  subscribe(subject: string, sid: number): void {
    this.#socket.write(`SUB ${subject} ${sid}\r\n`)
  }

  /** Waits for text that matches anywhere in what was received. */
  heard(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      `NATS says ${pattern}; it said ${this.#received}`,
      () => Promise.resolve(pattern.exec(this.#received) ?? undefined)
    )
  }

  close(): void {
    this.#socket.destroy()
  }
}

describeLab("injection", () => {
  let lab: Lab
  let system: LabSystem
  let plain: PlainNats
  beforeAll(async () => {
    lab = await startLab()
    await lab.startDnsmasq()
    system = await startLabSystem(lab, "conf")
    await eventually("the registry serves injections", async () => (await system.query("SELECT 1 FROM subnets"))[0])
    plain = await PlainNats.open(system.natsPort)
  })
  afterAll(async () => {
    plain?.close()
    await system?.stop()
    await lab?.stop()
  })

  it("takes a good event all the way into the file", async () => {
    plain.subscribe("discovery.v1.>", 1)
    plain.publish(
      "dhcp.v1.event.lab.ack",
      "{\"mac\":\"52:54:00:12:34:56\",\"ip\":\"10.99.0.150\",\"hostname\":\"nas\"}"
    )
    await plain.heard(/discovery\.v1\.system\.discovered\.52:54:00:12:34:56/u)
    const line = await eventually("the file has its line", async () => lineOf(await system.file(), "52:54:00:12:34:56"))
    assert.strictEqual(line, "52:54:00:12:34:56,10.99.0.150,nas")
    await plain.heard(/discovery\.v1\.server\.applied\.lab/u)
  })

  it("shows a bad event in REJECTED, with field, expectation and finding", async () => {
    plain.subscribe("dhcp.v1.rejected.>", 2)
    plain.publish("dhcp.v1.event.lab.ack", "{\"mac\":\"52:54:00:12:34\",\"ip\":\"10.99.0.151\"}")
    const [told] = await plain.heard(/HMSG dhcp\.v1\.rejected\.lab 2[\s\S]*?"ip":"10\.99\.0\.151"/u)
    assert.match(told, /mac/u)
    assert.include(told, "a MAC address of six octets")
    assert.include(told, "52:54:00:12:34")
  })

  it("answers requests: the sequence of what is accepted, the error of what is not", async () => {
    plain.subscribe("_INBOX.plain.>", 3)
    plain.publish(
      "dhcp.v1.inject.lab",
      "{\"kind\":\"ack\",\"mac\":\"52:54:00:12:34:57\",\"ip\":\"10.99.0.152\"}",
      "_INBOX.plain.good"
    )
    await plain.heard(/_INBOX\.plain\.good 3[\s\S]*?\{"accepted":true,"id":"[^"]+","seq":\d+/u)
    plain.publish("dhcp.v1.inject.lab", "{\"kind\":\"ack\",\"mac\":\"52:54:00:12:34:58\"}", "_INBOX.plain.bad")
    const [refused] = await plain.heard(/_INBOX\.plain\.bad 3[\s\S]*?\{"accepted":false[^\r]*/u)
    assert.include(refused, "\"field\":\"ip\"")
    assert.include(refused, "\"actual\":\"missing\"")
    plain.publish("$SRV.PING", "", "_INBOX.plain.ping")
    await plain.heard(/_INBOX\.plain\.ping[\s\S]*?"type":"io\.nats\.micro\.v1\.ping_response"/u)
    await eventually(
      "the accepted one is known",
      async () => (await system.query("SELECT 1 FROM systems WHERE mac = '52:54:00:12:34:57'"))[0]
    )
  })
})
