/**
 * Sends DHCP packets with any content, as any MAC, and reads the answers.
 *
 * All packets leave one machine by broadcast from its own fixed address; answers are told apart by transaction id.
 * One after another, clients obtain some 600 leases a second. Overlapping ones are not quicker: to DISCOVERs that come
 * before a REQUEST dnsmasq offers the same free address, and refuses all but one of the clients.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { labEnvironment, run } from "./command.ts"
import { type Machine } from "./Machine.ts"
import { addressBytes, decodeReply, encodeMessage, type RawMessage, type RawReply } from "./packet.ts"

export interface RawClient {
  readonly mac: string
  readonly hostname?: string
  /** Asks for this address (option 50) in its DISCOVER. */
  readonly wanted?: string
  /** Added to DISCOVER and REQUEST. */
  readonly options?: RawMessage["options"]
}

export interface RawSender {
  send(message: RawMessage): void
  /** Sends and waits for the answer; undefined when none came in time. */
  exchange(message: RawMessage, withinMs?: number): Promise<RawReply | undefined>
  /** DISCOVER, OFFER, REQUEST and the server's last word, ACK or NAK; a lost packet is sent again. */
  obtain(client: RawClient): Promise<RawReply>
  close(): Promise<void>
}

const relay = fileURLToPath(new URL("relay.ts", import.meta.url))

export async function openRawSender(machine: Machine, address: string): Promise<RawSender> {
  await run(
    [...machine.on, "ip", "-batch", "-"],
    `addr add ${address}/16 dev eth0\nroute add 255.255.255.255/32 dev eth0\n`
  )
  const [file = "", ...args] = [...machine.on, process.execPath, relay]
  const child = spawn(file, args, {
    env: labEnvironment(),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced"
  })
  const waiting = new Map<number, (reply: RawReply) => void>()
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", () => reject(new Error("the sender of raw packets did not start")))
    child.once("message", () => resolve())
  })
  child.on("message", (packet) => {
    const reply = packet instanceof Uint8Array ? decodeReply(packet) : undefined
    if (reply !== undefined) waiting.get(reply.xid)?.(reply)
  })

  const addresses = new Set<string>()
  /** A server answers a client that has an address there, and nowhere else. */
  const answerAt = async (ip: string) => {
    if (addresses.has(ip)) return
    addresses.add(ip)
    await run([...machine.on, "ip", "addr", "add", `${ip}/32`, "dev", "eth0"])
  }
  const xidOf = (message: RawMessage) => message.xid ?? randomBytes(4).readUInt32BE()
  const send = (message: RawMessage, xid: number) => void child.send(encodeMessage(message, xid))
  const exchange = async (message: RawMessage, withinMs = 5_000): Promise<RawReply | undefined> => {
    if (message.ciaddr !== undefined && message.type !== "inform") await answerAt(message.ciaddr)
    const xid = xidOf(message)
    try {
      return await new Promise<RawReply | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), withinMs)
        waiting.set(xid, (reply) => {
          clearTimeout(timer)
          resolve(reply)
        })
        send(message, xid)
      })
    } finally {
      waiting.delete(xid)
    }
  }
  const insist = async (message: RawMessage): Promise<RawReply> => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const reply = await exchange(message, 1_000)
      if (reply !== undefined) return reply
    }
    throw new Error(`no answer to ${message.type} of ${message.mac}`)
  }
  const obtain = async (client: RawClient): Promise<RawReply> => {
    const own = [...(client.hostname === undefined ? [] : [[12, client.hostname] as const]), ...(client.options ?? [])]
    const wanted = client.wanted === undefined ? [] : [[50, addressBytes(client.wanted)] as const]
    const offer = await insist({ type: "discover", mac: client.mac, options: [...own, ...wanted] })
    if (offer.type !== "offer") return offer
    const server = offer.options.get(54) ?? new Uint8Array()
    const chosen = [[50, addressBytes(offer.yiaddr)], [54, server]] as const
    return insist({ type: "request", mac: client.mac, xid: offer.xid, options: [...chosen, ...own] })
  }
  return {
    send: (message) => send(message, xidOf(message)),
    exchange,
    obtain,
    close: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve))
      if (child.connected) child.disconnect()
      if (child.exitCode === null && child.signalCode === null) await gone
      await machine.unplug()
    }
  }
}
