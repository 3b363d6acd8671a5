/** `policy`: how systems are named. */
import { NameConflict } from "@leasehold/registry-api"
import { Effect, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, told } from "../changes.ts"
import { misused } from "../domain/Failure.ts"
import { nameDifferenceColumns, policyColumns } from "../domain/views/policy.ts"
import { counted } from "../domain/words.ts"
import { printOne, printRows } from "../print.ts"
import { longCallTimeout, Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"
import { dryRun, limit, onOff, text, texts, toggle } from "./flags.ts"

const conflicts = {
  "first-wins": NameConflict.FIRST_WINS,
  "last-wins": NameConflict.LAST_WINS,
  reject: NameConflict.REJECT
} as const

const subnet = Argument.String("subnet").pipe(
  Argument.withDescription("CIDR or name; the default policy where it is left out"),
  Argument.optional
)

const fieldFlags = {
  pattern: text("pattern", "PATTERN", "Text with {mac} {mac:6} {ip} {ip:dashed} {vendor} {subnet} {seq}"),
  forbid: texts("forbid", "NAME", "A name that no client may take, in place of those of now; empty for none"),
  conflict: Flag.Literals("conflict", ["first-wins", "last-wins", "reject"]).pipe(
    Flag.withDescription("Who gets a name that two want"),
    Flag.optional
  ),
  clientNames: toggle("client-names", "Use what clients call themselves, or with --no-client-names do not"),
  domain: text("domain", "DOMAIN", "Domain of the subnet; empty for none")
}

type Given =
  & {
    readonly [Name in keyof typeof fieldFlags]: (typeof fieldFlags)[Name] extends Flag.Flag<infer A> ? A : never
  }
  & { readonly subnet: Option.Option<string> }

const readPolicy = Effect.fnUntraced(function*(given: Given) {
  const present: ReadonlyArray<readonly [path: string, isGiven: boolean]> = [
    ["pattern", Option.isSome(given.pattern)],
    ["forbidden", given.forbid.length > 0],
    ["conflict", Option.isSome(given.conflict)],
    ["client_names", Option.isSome(given.clientNames)],
    ["domain", Option.isSome(given.domain)]
  ]
  const paths = present.flatMap(([path, isGiven]) => (isGiven ? [path] : []))
  if (paths.length === 0) {
    return yield* misused("nothing to set", "Give --pattern, --forbid, --conflict, --client-names or --domain.")
  }
  return {
    policy: {
      subnet: Option.getOrElse(given.subnet, () => ""),
      pattern: Option.getOrElse(given.pattern, () => ""),
      forbidden: given.forbid.filter((name) => name !== ""),
      conflict: Option.match(given.conflict, {
        onNone: () => NameConflict.UNSPECIFIED,
        onSome: (name) => conflicts[name]
      }),
      clientNames: Option.getOrElse(given.clientNames, () => false),
      domain: Option.getOrElse(given.domain, () => "")
    },
    updateMask: { paths }
  }
})

const nameOf = (subnet: Option.Option<string>) => Option.getOrElse(subnet, () => "the default policy")

const list = Command.make(
  "list",
  {},
  Effect.fn("policy.list")(function*() {
    const registry = yield* Registry
    const { policies } = yield* registry.call((client, context) => client.policy.listPolicies({}, context))
    yield* printRows(policyColumns, Stream.fromIterable(policies), "there is no policy")
  })
).pipe(
  Command.withDescription("List the default policy, and those of subnets that have their own"),
  Command.withExamples([{ command: "ipmanager policy list", description: "All of them" }])
)

const show = Command.make(
  "show",
  { subnet },
  Effect.fn("policy.show")(function*(input) {
    const registry = yield* Registry
    const { policy } = yield* registry.call((client, context) =>
      client.policy.getPolicy({ subnet: Option.getOrElse(input.subnet, () => "") }, context)
    )
    if (policy !== undefined) yield* printOne(policyColumns, policy)
  })
).pipe(
  Command.withDescription("Show the policy that names the systems of a subnet"),
  Command.withExamples([{ command: "ipmanager policy show office", description: "Its own, or the default one" }])
)

const set = Command.make(
  "set",
  { subnet, ...fieldFlags, apply: onOff("apply", "Rename what exists as well"), dryRun },
  Effect.fn("policy.set")(function*(input) {
    const registry = yield* Registry
    const request = yield* readPolicy(input)
    if (input.apply && !input.dryRun) yield* confirm("Rename the systems that this policy names otherwise?")
    const { change, policy, renamed } = yield* registry.call((client, context) =>
      client.policy.updatePolicy({ ...request, apply: input.apply, dryRun: input.dryRun }, {
        ...context,
        timeoutMs: longCallTimeout
      })
    )
    if (policy === undefined) return
    yield* told(
      `${nameOf(input.subnet)} is changed${input.apply ? `, ${counted(renamed, "system")} renamed` : ""}`,
      change,
      input.dryRun
    )
    yield* printOne(policyColumns, policy)
  })
).pipe(
  Command.withDescription("Change a policy; a subnet without one of its own gets a copy of the default one first"),
  Command.withExamples([
    { command: "ipmanager policy set office --pattern 'pc-{mac:6}' --no-client-names", description: "From now on" },
    { command: "ipmanager policy set --forbid copier --apply --dry-run", description: "How many would be renamed?" }
  ])
)

const test = Command.make(
  "test",
  { subnet, ...fieldFlags, limit },
  Effect.fn("policy.test")(function*(input) {
    const registry = yield* Registry
    const screen = yield* Screen
    const request = yield* readPolicy(input)
    const answer = yield* registry.call((client, context) =>
      client.policy.testPolicy({ ...request, limit: Option.getOrElse(input.limit, () => 0) }, {
        ...context,
        timeoutMs: longCallTimeout
      })
    )
    yield* printRows(nameDifferenceColumns, Stream.fromIterable(answer.differences), "no name would change")
    yield* screen.err(`${answer.changed} of ${answer.systems} names would change\n`)
  })
).pipe(
  Command.withDescription("Try a policy on what was seen: which names would change. Changes nothing"),
  Command.withExamples([
    { command: "ipmanager policy test office --pattern '{vendor}-{mac:4}'", description: "Before setting it" }
  ])
)

const rm = Command.make(
  "rm",
  { subnet: Argument.String("subnet").pipe(Argument.withDescription("CIDR or name")), dryRun },
  Effect.fn("policy.rm")(function*({ dryRun, subnet }) {
    const registry = yield* Registry
    if (!dryRun) yield* confirm(`Give ${subnet} back to the default policy?`)
    const { change } = yield* registry.call((client, context) =>
      client.policy.deletePolicy({ subnet, dryRun }, context)
    )
    yield* told(`${subnet} is named by the default policy`, change, dryRun)
  })
).pipe(
  Command.withDescription("Give a subnet back to the default policy; renames nothing"),
  Command.withExamples([{ command: "ipmanager policy rm office", description: "Asks first" }])
)

export const policy = Command.make("policy").pipe(
  Command.withDescription("Naming policies: what systems are called"),
  Command.withExamples([{ command: "ipmanager policy show", description: "The default one" }]),
  Command.withSubcommands([list, show, set, test, rm])
)
