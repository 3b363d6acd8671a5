/** `completions`: what a shell needs to complete commands and flags. */
import { Effect, Option } from "effect"
import { Argument, Command, Completions } from "effect/cli"
import { Screen } from "../Screen.ts"

type Flag = Completions.FlagDescriptor

const file = { _tag: "Path", pathType: "file" } as const
const flag = (name: string, description: string, type: Flag["type"] = { _tag: "Boolean" }): Flag => ({
  name,
  aliases: [],
  description,
  type,
  negation: false
})

/** What every command understands; the tree does not say it. */
const everywhere: ReadonlyArray<Flag> = [
  flag("help", "Show help information"),
  flag("json", "Print JSON"),
  flag("csv", "Print CSV"),
  flag("yes", "Do not ask"),
  flag("server", "The registry's URL", { _tag: "String" }),
  flag("token-file", "File that holds the token", file),
  flag("ca", "Certificate of the authority", file),
  flag("cert", "Certificate that says who you are", file),
  flag("key", "Key of the certificate", file)
]

const completed = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags, ...everywhere],
  subcommands: command.subcommands.map(completed)
})

/** @param root asked for late: the tree that is described has this command in it */
export const completions = (root: () => Command.Command.Any) =>
  Command.make(
    "completions",
    {
      shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
        Argument.withDescription("The shell that shall complete"),
        Argument.optional
      )
    },
    Effect.fn("completions")(function*(input) {
      const screen = yield* Screen
      const shell = Option.getOrElse(input.shell, () => "bash" as const)
      const script = Completions.generate("ipmanager", shell, completed(Completions.fromCommand(root())))
      const named = script.replaceAll("ipmanager --completions", "ipmanager completions")
      // Where nothing of ours fits, a file may be meant.
      const withFiles = named.replace(/^complete -F/mu, "complete -o bashdefault -o default -F")
      yield* screen.out(`${shell === "bash" ? withFiles : named}\n`)
    })
  ).pipe(
    Command.withDescription("Print the completion script of a shell"),
    Command.withExamples([
      {
        command: "ipmanager completions bash > /usr/share/bash-completion/completions/ipmanager",
        description: "For everybody on this machine"
      }
    ])
  )
