/** The port of the registry's API: the usual one, or any where another process has that one already. */
import { createServer } from "node:net"

const usual = 50_551

const tryPort = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(undefined))
    server.listen(port, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined))
    })
  })

/** @param wanted what the environment says */
export const freeApiPort = async (wanted: string | undefined): Promise<number> => {
  if (wanted !== undefined && /^\d{1,5}$/u.test(wanted) && wanted !== "0") return Number(wanted)
  return (wanted === "0" ? undefined : await tryPort(usual)) ?? await tryPort(0) ?? usual
}
