/**
 * Why a command did not do what it was asked, with what to do next, and the exit code that says so to a program.
 */
import { Data } from "effect"
import { harmless } from "./output/harmless.ts"

export const exitCodes = {
  /** Refused, by the registry or by us; or failed on the way. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** What it is about does not exist. */
  "not-found": 3,
  /** The registry cannot be reached, or does not know the caller, or does not let it. */
  unreachable: 4,
  /** `check` found something that is wrong. */
  findings: 5
} as const

export type FailureReason = keyof typeof exitCodes

export class Failure extends Data.TaggedError("Failure")<{
  readonly reason: FailureReason
  readonly message: string
  /** More of it, a line each. */
  readonly details?: ReadonlyArray<string>
  /** What to do next. */
  readonly advice?: string | undefined
}> {}

/** As it stands on stderr. */
export const formatFailure = ({ advice, details = [], message }: Failure): string =>
  [
    `ipmanager: ${harmless(message)}`,
    ...details.map((detail) => `  ${harmless(detail)}`),
    ...(advice === undefined ? [] : [`  → ${harmless(advice)}`])
  ].join("\n")

export const failed = (message: string, advice?: string): Failure => new Failure({ reason: "failed", message, advice })
export const misused = (message: string, advice = "Add --help to the command to see what it takes."): Failure =>
  new Failure({ reason: "usage", message, advice })
