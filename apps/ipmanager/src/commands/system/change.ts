/** `system approve|ignore|block|unblock|known|register|rename`: what an administrator decides about a machine. */
import { SystemState } from "@leasehold/registry-api"
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { told, toldOthers } from "../../changes.ts"
import { misused } from "../../domain/Failure.ts"
import { plainMac } from "../../domain/imports/ImportItem.ts"
import { harmless } from "../../domain/output/harmless.ts"
import { systemColumns } from "../../domain/views/system.ts"
import { printOne } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { Screen } from "../../Screen.ts"
import { argument, dryRun, onOff, text } from "../flags.ts"
import { warnUnlessKnown } from "../knownServer.ts"

const mac = argument("mac", "MAC of the machine")

export const systemApprove = Command.make(
  "approve",
  {
    mac,
    address: text("address", "ADDRESS", "Another address than the one it holds; `next` for the next free one"),
    name: text("name", "NAME", "Another name than the one it has"),
    dryRun
  },
  Effect.fn("system.approve")(function*(input) {
    const registry = yield* Registry
    const answer = yield* registry.call((client, context) =>
      client.watcher.approveSystem({
        mac: input.mac,
        address: Option.getOrElse(input.address, () => ""),
        name: Option.getOrElse(input.name, () => ""),
        dryRun: input.dryRun
      }, context)
    )
    yield* told(`${answer.address} is reserved for ${input.mac} as ${answer.name}`, answer.change, input.dryRun)
    yield* toldOthers(answer.change, [plainMac(input.mac)])
    const { system } = yield* registry.call((client, context) => client.watcher.getSystem({ key: input.mac }, context))
    if (system?.state === SystemState.BLOCKED) {
      yield* (yield* Screen).err(
        `note: ${harmless(system.mac)} stays blocked: no DHCP server answers it before \`ipmanager system unblock\`\n`
      )
    }
    yield* printOne([
      { key: "mac", value: () => input.mac },
      { key: "address", value: () => answer.address },
      { key: "name", value: () => answer.name },
      { key: "reservation_id", value: () => (answer.reservationId === 0n ? undefined : answer.reservationId) }
    ], {})
  })
).pipe(
  Command.withDescription("Reserve for a machine the address that it holds"),
  Command.withExamples([
    { command: "ipmanager system approve 52:54:00:12:34:56", description: "As it is" },
    {
      command: "ipmanager system approve 52:54:00:12:34:56 --address next --name plotter",
      description: "With another address and name"
    }
  ])
)

const update = Effect.fnUntraced(function*(
  request: { readonly mac: string; readonly name?: string; readonly state?: SystemState },
  dryRun: boolean,
  done: string
) {
  const registry = yield* Registry
  const { change, system } = yield* registry.call((client, context) =>
    client.watcher.updateSystem({ ...request, dryRun }, context)
  )
  if (system === undefined) return
  yield* told(`${system.mac} ${system.name} is ${done}`, change, dryRun)
  yield* toldOthers(change, [system.mac])
  yield* printOne(systemColumns, system)
})

const stateCommand = <const Name extends string>(
  name: Name,
  state: SystemState,
  done: string,
  description: string,
  example: string
) =>
  Command.make(
    name,
    { mac, dryRun },
    Effect.fn(`system.${name}`)(({ dryRun, mac }) => update({ mac, state }, dryRun, done))
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `ipmanager system ${name} 52:54:00:12:34:56`, description: example }])
  )

export const systemIgnore = stateCommand(
  "ignore",
  SystemState.IGNORED,
  "ignored",
  "Record a machine, and never reserve for it automatically",
  "A guest's phone"
)
export const systemBlock = stateCommand(
  "block",
  SystemState.BLOCKED,
  "blocked",
  "Have no DHCP server answer a machine",
  "Its lease ends when it ends; it gets no other"
)
export const systemUnblock = stateCommand(
  "unblock",
  SystemState.KNOWN,
  "known again",
  "Have DHCP servers answer a machine again",
  "Takes `block` back"
)
export const systemKnown = stateCommand(
  "known",
  SystemState.KNOWN,
  "known",
  "Treat a machine as any other, after `ignore` or `block`",
  "Takes `ignore` back"
)

/** It is an event, and no change that could be taken back. */
const toldOfRegistration = (mac: string, created: boolean, dryRun: boolean) =>
  dryRun
    ? `dry run: ${mac} ${
      created ? "would be registered" : "is known already, and would be seen again"
    }; nothing was changed`
    : `${mac} ${created ? "is registered" : "was known already"}`

export const systemRegister = Command.make(
  "register",
  {
    mac,
    dhcpServer: argument("dhcp-server", "Name of the DHCP server that it is registered at"),
    address: text("address", "ADDRESS", "The address that it has"),
    clientName: Argument.String("client-name").pipe(
      Argument.withDescription("What it is called, as a client would say it: policies apply"),
      Argument.optional
    ),
    dryRun
  },
  Effect.fn("system.register")(function*(input) {
    const registry = yield* Registry
    const screen = yield* Screen
    yield* warnUnlessKnown(input.dhcpServer)
    const { created, system } = yield* registry.call((client, context) =>
      client.watcher.registerSystem({
        mac: input.mac,
        server: input.dhcpServer,
        address: Option.getOrElse(input.address, () => ""),
        clientName: Option.getOrElse(input.clientName, () => ""),
        dryRun: input.dryRun
      }, context)
    )
    if (system === undefined) return
    yield* screen.err(`${toldOfRegistration(harmless(system.mac), created, input.dryRun)}\n`)
    yield* printOne(systemColumns, system)
  })
).pipe(
  Command.withDescription("Register a machine by hand, as if a DHCP server had told of it"),
  Command.withExamples([
    {
      command: "ipmanager system register 52:54:00:12:34:56 lab plotter --address 10.0.0.7",
      description: "With address and name"
    }
  ])
)

export const systemRename = Command.make(
  "rename",
  {
    mac,
    name: Argument.String("name").pipe(Argument.withDescription("Its name from now on"), Argument.optional),
    automatic: onOff("automatic", "Give the name back to the rules"),
    dryRun
  },
  Effect.fn("system.rename")(function*(input) {
    if (Option.isSome(input.name) === input.automatic) {
      return yield* misused("a name, or --automatic", "Give one of the two.")
    }
    const name = Option.getOrElse(input.name, () => "")
    yield* update({ mac: input.mac, name }, input.dryRun, "renamed")
  })
).pipe(
  Command.withDescription("Name a machine; its name is then locked against clients and policies"),
  Command.withExamples([
    { command: "ipmanager system rename 52:54:00:12:34:56 plotter", description: "A name of your choice" },
    { command: "ipmanager system rename 52:54:00:12:34:56 --automatic", description: "As the rules name it" }
  ])
)
