/** `registry token create`: a token without asking the API, for whoever may write to its database anyway. */
import { Postgres } from "@leasehold/runtime"
import { Console, Effect, Layer } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Administration } from "../administration/Administration.ts"
import { Tokens } from "../api/access/Tokens.ts"
import { scopes } from "../api/Caller.ts"

const create = Command.make(
  "create",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Who will have it, e.g. alice or backup")),
    scope: Flag.Literals("scope", scopes).pipe(
      Flag.withDescription("What it may do; each scope includes those before it"),
      Flag.withDefault("administer" as const)
    )
  },
  Effect.fn("token create")(function*({ name, scope }) {
    const tokens = yield* Tokens
    const { result } = yield* tokens.create(
      { actor: "registry token create", scope: "administer" },
      { name, scope, expiresAt: undefined },
      false
    )
    yield* Console.log(result.secret)
  })
).pipe(
  Command.withDescription("Make a token and print it: it is kept nowhere else"),
  Command.provide(
    Tokens.layer.pipe(Layer.provide(Administration.layer), Layer.provide(Postgres.layer("registry", 1)))
  ),
  Command.withExamples([{
    command: "DATABASE_URL=postgres://… registry token create alice --scope administer",
    description: "The first token, before anybody can call the API"
  }])
)

export const token = Command.make("token").pipe(
  Command.withDescription("Tokens for callers of the API; all others are made with ipmanager token create"),
  Command.withSubcommands([create])
)
