/** A connection to NATS with the settings that the apps have: `NATS_USER`, `NATS_PASSWORD`, and the others. */
import { configProblem } from "@leasehold/runtime/configProblem"
import { explain } from "@leasehold/runtime/explain"
import { NatsConfig, optionsOf, withoutSecret } from "@leasehold/runtime/Nats/NatsConfig"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"

/** Fails with words for the person at the terminal. `servers` goes before what the environment says. */
export async function connectNats(name: string, servers?: string): Promise<NatsConnection> {
  const settings = await Effect.runPromise(
    Effect.match(NatsConfig, { onFailure: configProblem, onSuccess: (config) => config })
  )
  if ("variable" in settings) throw new Error(`${settings.variable} ${settings.problem}`)
  const config = { ...settings, servers: servers?.split(",") ?? settings.servers }
  try {
    return await connect({ ...optionsOf(name, config), timeout: 5_000 })
  } catch (cause) {
    const problem = explain(cause)
    const advice = /authorization|authentication/iu.test(problem)
      ? " (NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_CREDS say who we are)"
      : ""
    const where = config.servers.map(withoutSecret).join(",")
    throw new Error(`nats ${where}: ${problem}${advice}`, { cause })
  }
}
