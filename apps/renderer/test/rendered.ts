/** What is rendered for the server `lab` of a database, and whether dnsmasq takes it. */
import { Postgres } from "@leasehold/runtime"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { spawnSync } from "node:child_process"
import { RendererConfig } from "../src/RendererConfig.ts"
import { Reservations } from "../src/Reservations.ts"
import { confIn, type Environment, environment } from "./configured.ts"
import { type TestDatabase } from "./testDatabase.ts"

export const reservationsOf = ({ url }: TestDatabase, env: Environment = confIn("/x/01.conf")) =>
  Effect.map(
    Layer.build(
      Reservations.layer.pipe(
        Layer.provide(Postgres.layer("renderer", 1)),
        Layer.provide(RendererConfig.layer),
        Layer.provideMerge(environment({ ...env, DATABASE_URL: url }))
      )
    ),
    (context) => Context.get(context, Reservations)
  )

/** Without the first line. */
export const linesOf = (content: Buffer) => content.toString("utf8").split("\n").slice(1)
/** In either form. */
export const dnsmasqTakes = (content: Buffer) => {
  const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" }
  const { error, status, stderr } = spawnSync("dnsmasq", ["--test", "-C", "-"], {
    env,
    input: content.toString().replaceAll(/^(?=[0-9A-F])/gmu, "dhcp-host="),
    encoding: "utf8"
  })
  if (error !== undefined) process.stderr.write(`not tried on dnsmasq, which is not installed: ${error.message}\n`)
  else assert.strictEqual(status, 0, stderr)
}
