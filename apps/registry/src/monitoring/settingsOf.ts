/** What an administrator asks to be watched, checked: the first field that is wrong is named as the API calls it. */
import { rejectionOf, ServerId, WatcherSettings } from "@leasehold/events"
import { Effect, Result, Schema } from "effect"
import { ApiError } from "../api/ApiError.ts"

export interface WantedConfiguration {
  readonly server: string
  /** Those of the ingest's start where there is none. */
  readonly logFiles: ReadonlyArray<string>
  /** That of the ingest's start where it is empty. */
  readonly zone: string
}

const decodeServer = Schema.decodeUnknownResult(ServerId)
const decodeSettings = Schema.decodeUnknownResult(WatcherSettings)

const fieldOf = (field: string): string =>
  `configuration.${
    field.replace(/^logFiles(?:\.(\d+))?/u, (_, index) => index === undefined ? "log_files" : `log_files[${index}]`)
  }`

export const settingsOf = Effect.fnUntraced(function*({ logFiles, server, zone }: WantedConfiguration) {
  const id = decodeServer(server)
  if (Result.isFailure(id)) {
    return yield* ApiError.invalid(
      "configuration.server",
      "a server id of 1 to 63 lower-case letters, digits and dashes",
      server
    )
  }
  const wanted = { logFiles, ...(zone === "" ? {} : { zone }) }
  const settings = decodeSettings(wanted)
  if (Result.isFailure(settings)) {
    const { expected, field } = rejectionOf(settings.failure.issue, wanted)
    const [, index] = /^logFiles\.(\d+)$/u.exec(field) ?? []
    const actual = index === undefined ? field === "zone" ? zone : undefined : logFiles[Number(index)]
    return yield* ApiError.invalid(fieldOf(field), expected, actual)
  }
  return { server: id.success, settings: settings.success }
})
