/** What the registry's API is measured against: a Connect server that answers a system out of its memory. */
import { connectNodeAdapter } from "@connectrpc/connect-node"
import { NameSource, SystemState, WatcherService } from "@leasehold/registry-api"
import { createServer } from "node:http2"

const at = { seconds: 1_795_000_000n, nanos: 55_763_000 }
const server = createServer(connectNodeAdapter({
  routes: (router) =>
    void router.service(WatcherService, {
      getSystem: ({ key }) => ({
        system: {
          mac: key,
          name: "host4711",
          nameSource: NameSource.CLIENT,
          state: SystemState.KNOWN,
          firstSeen: at,
          lastSeen: at,
          server: "lab",
          clientName: "host0",
          vendor: "Xensource, Inc."
        }
      })
    })
}))
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`)
})
process.once("SIGTERM", () => process.exit(0))
