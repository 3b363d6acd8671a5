/** What every command understands: how to reach the registry, and in which form to answer. */
import { Config, Option } from "effect"
import { Flag, GlobalFlag } from "effect/cli"

const optionalPath = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("FILE"), Flag.withDescription(description), Flag.optional)

export const Server = GlobalFlag.Setting("server")({
  flag: Flag.String("server").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("The registry: http:// or https:// (IPMANAGER_SERVER; default http://127.0.0.1:50551)"),
    Flag.withFallbackConfig(Config.String("IPMANAGER_SERVER")),
    Flag.withDefault("http://127.0.0.1:50551")
  )
})

export const TokenFile = GlobalFlag.Setting("token-file")({
  flag: optionalPath("token-file", "File that holds the token (IPMANAGER_TOKEN_FILE; or the token in IPMANAGER_TOKEN)")
})
export const tokenFileSetting = Config.option(Config.String("IPMANAGER_TOKEN_FILE"))
export const tokenSetting = Config.option(Config.Redacted("IPMANAGER_TOKEN"))

export const Ca = GlobalFlag.Setting("ca")({
  flag: optionalPath("ca", "Certificate (PEM) of the authority that signed the registry's")
})
export const Cert = GlobalFlag.Setting("cert")({
  flag: optionalPath("cert", "Certificate (PEM) that says who you are; needs --key")
})
export const Key = GlobalFlag.Setting("key")({ flag: optionalPath("key", "Key (PEM) of --cert") })

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON: an array for lists, an object a line for what goes on"),
    Flag.withDefault(false)
  )
})

export const Csv = GlobalFlag.Setting("csv")({
  flag: Flag.Boolean("csv").pipe(Flag.withDescription("Print CSV"), Flag.withDefault(false))
})

export const Yes = GlobalFlag.Setting("yes")({
  flag: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Do not ask before what removes something"),
    Flag.withDefault(false)
  )
})

export const globals = [Server, TokenFile, Ca, Cert, Key, Json, Csv, Yes] as const

/** An option that says nothing where it was not given. */
export const orUndefined = <A>(option: Option.Option<A>): A | undefined => Option.getOrUndefined(option)
