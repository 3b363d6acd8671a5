/**
 * A port of loopback for a server that is started a moment later, or again on the same one.
 *
 * It is none of those from which the kernel takes the ports of outgoing connections: such a one may be gone by then.
 */
import { randomInt } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createServer } from "node:net"

const lowest = 10_240
const attempts = 100

/** Nobody has it at this moment: the wanted port, or any. Fails when somebody has the wanted one. */
export async function freePort(wanted = 0): Promise<number> {
  if (wanted !== 0) return probe(wanted)
  const end = await firstEphemeral()
  if (end <= lowest) return probe(0)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await probe(randomInt(lowest, end)).catch(() => undefined)
    if (found !== undefined) return found
  }
  return probe(0)
}

const probe = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(port, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Elsewhere than on Linux, the usual one. */
const firstEphemeral = async (): Promise<number> => {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "32768")
  return Number.parseInt(range, 10)
}
