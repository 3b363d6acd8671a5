/**
 * Where a command's words go: results to stdout, everything else to stderr, questions to whoever sits at the terminal.
 *
 * Only what a program may read is ever written to stdout. What is written here was made harmless before.
 */
import { Context, type Effect } from "effect"

export class Screen extends Context.Service<Screen, {
  /** Results. */
  out(text: string): Effect.Effect<void>
  /** Messages and progress. */
  err(text: string): Effect.Effect<void>
  /** Asks for yes or no; only where `interactive`. */
  ask(question: string): Effect.Effect<boolean>
  /** Columns of the terminal that stdout is; undefined where it is none. */
  readonly width: number | undefined
  /** stdout may be coloured. */
  readonly colour: boolean
  /** stderr is a terminal: progress can be drawn and redrawn. */
  readonly progress: boolean
  /** A person can be asked. */
  readonly interactive: boolean
  /** IANA zone for times that people read; the machine's where there is none. */
  readonly zone: string | undefined
  /** Who runs the command, by the operating system. */
  readonly user: string
}>()("ipmanager/Screen") {}
