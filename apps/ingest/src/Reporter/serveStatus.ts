/**
 * The ingest as a NATS service: `$SRV.PING`, `INFO` and `STATS` find it, and it answers with its report when it is asked.
 *
 * Every ingest of a server answers, not one for all. Without the right to listen there is no service, and nothing else is
 * the matter.
 */
import { type InstanceId, type ServerId, statusSubject } from "@leasehold/events"
import { attemptNats } from "@leasehold/runtime/Nats"
import { Svcm } from "@nats-io/services"
import { Duration, Effect } from "effect"
import { Bus } from "../Bus.ts"
import { VERSION } from "../version.ts"

/** How long to wait before listening again where that was refused. */
const again = Duration.minutes(5)

export const serveStatus = Effect.fnUntraced(
  function*(server: ServerId, instance: InstanceId, report: Effect.Effect<string>) {
    const bus = yield* Bus
    const context = yield* Effect.context()
    const serving = Effect.gen(function*() {
      const { connection } = yield* bus.connected
      const service = yield* Effect.acquireRelease(
        attemptNats("serve status", () =>
          new Svcm(connection).add({
            name: "ingest",
            version: VERSION,
            description: "Follows the logs of a dnsmasq",
            metadata: { server, instance },
            queue: ""
          })),
        // Its end is not waited for: the connection ends with it.
        (service) => Effect.sync(() => void service.stop().catch(() => undefined))
      )
      service.addEndpoint("status", {
        subject: statusSubject(server),
        metadata: { schema: "ingest.v1.status" },
        handler: (error, message) => {
          if (error !== null) return
          Effect.runForkWith(context)(Effect.map(report, (body) => void message.respond(body)))
        }
      })
      yield* attemptNats("serve status", () => service.stopped)
    })
    yield* Effect.scoped(serving).pipe(
      Effect.ignore,
      Effect.andThen(Effect.sleep(again)),
      Effect.forever,
      Effect.forkScoped
    )
  }
)
