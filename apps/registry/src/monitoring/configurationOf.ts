/** A row of `monitoring_configs` as what it means; a row that somebody wrote by hand may mean nothing. */
import { type Rejection, rejectionOf, ServerId, WatcherConfig } from "@leasehold/events"
import { Result, Schema } from "effect"

export interface ConfigurationRow {
  readonly server: string
  readonly config: object
  readonly revision: string
  readonly updatedAt: string
}

export interface WatcherConfiguration extends WatcherConfig {
  readonly server: ServerId
  readonly updatedAt: string
}

const Stored = Schema.Struct({ server: ServerId, ...WatcherConfig.fields })
const decode = Schema.decodeUnknownResult(Stored)

export const configurationOf = (
  { config, revision, server, updatedAt }: ConfigurationRow
): Result.Result<WatcherConfiguration, Rejection> => {
  const stored = { ...config, server, revision: Number(revision) }
  return Result.mapBoth(decode(stored), {
    onSuccess: (configuration) => ({ ...configuration, updatedAt }),
    onFailure: ({ issue }) => rejectionOf(issue, stored)
  })
}
