/**
 * What the terminal shows, as text: a pure function of what is known.
 *
 * Every value is made harmless first, whoever chose it: no control character reaches the terminal but ours.
 */
import { sanitizeText } from "@leasehold/events"
import { stripVTControlCharacters } from "node:util"

export interface SystemRow {
  readonly name: string
  readonly mac: string
  readonly address: string | undefined
  readonly reserved: string | undefined
  readonly source: string | undefined
  /** Seconds since 1970. */
  readonly lastSeen: number
}

export interface FileState {
  readonly path: string
  readonly lines: number | undefined
  readonly wanted: number
  readonly applied: number | undefined
  readonly appliedAt: string | undefined
  readonly error: string | undefined
}

export interface Told {
  /** Local time of day. */
  readonly time: string
  readonly text: string
  readonly tone: "plain" | "good" | "bad" | "story"
}

export interface Shown {
  readonly title: string
  readonly upSeconds: number
  readonly servers: ReadonlyArray<string>
  readonly apps: ReadonlyArray<
    {
      readonly name: string
      readonly state: "starting" | "running" | "restarting" | "stopped"
      readonly restarts: number
    }
  >
  readonly counts: ReadonlyMap<string, number>
  readonly file: FileState | undefined
  readonly systems: ReadonlyArray<SystemRow>
  readonly systemCount: number
  readonly told: ReadonlyArray<Told>
  readonly hints: ReadonlyArray<string>
  /** Seconds since 1970. */
  readonly now: number
}

export interface Size {
  readonly columns: number
  readonly rows: number
  readonly colour: boolean
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
type Style = keyof typeof codes

const paint = (size: Size) => (style: Style, text: string): string =>
  size.colour ? `\u001b[${codes[style]}m${text}\u001b[0m` : text

/** One line's worth of harmless text. */
export const harmless = (text: string): string => sanitizeText(text)

const fit = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width)

/** Cuts a painted line to the width, counting only what is seen. */
const clip = (line: string, columns: number): string => {
  if (stripVTControlCharacters(line).length <= columns) return line
  let seen = 0
  let cut = ""
  for (const part of line.split(/(\u001b\[\d+m)/u)) {
    if (part.startsWith("\u001b[")) cut += part
    else {
      cut += part.slice(0, Math.max(0, columns - seen))
      seen += part.length
    }
  }
  return cut
}

const duration = (seconds: number): string => {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`
}

const ago = (seconds: number): string => seconds < 1 ? "now" : `${duration(seconds)} ago`

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

export const fileLine = (file: FileState): string => {
  const lines = file.lines === undefined ? "not written yet" : plural(file.lines, "reservation")
  const state = file.error !== undefined
    ? `NOT in use: ${harmless(file.error)}`
    : file.applied === undefined
    ? "waiting for the first generation"
    : file.applied < file.wanted
    ? `generation ${file.applied} in use, ${file.wanted} on its way`
    : `generation ${file.applied} in use${file.appliedAt === undefined ? "" : ` since ${file.appliedAt}`}`
  return `${file.path}: ${lines}, ${state}`
}

const kindsShown = ["discover", "offer", "request", "ack", "nak", "decline", "release", "inform", "gap", "rejected"]

export const countsLine = (counts: ReadonlyMap<string, number>): string => {
  const all = [...counts].toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
  return all.length === 0 ? "none yet" : all.map(([kind, count]) => `${kind} ${count}`).join("   ")
}
const rank = (kind: string): number => {
  const at = kindsShown.indexOf(kind)
  return at < 0 ? kindsShown.length : at
}

/** The whole screen, exactly as many lines as fit. */
export function screen(shown: Shown, size: Size): ReadonlyArray<string> {
  const style = paint(size)
  const head = [
    `${style("bold", shown.title)}   ${style("dim", `up ${duration(shown.upSeconds)}   Ctrl-C stops everything`)}`,
    style("dim", shown.servers.join("   ")),
    shown.apps.map(({ name, restarts, state }) =>
      `${style(state === "running" ? "green" : "yellow", "●")} ${name} ${
        style("dim", restarts > 0 ? `${state}, restarted ${restarts}×` : state)
      }`
    ).join("   "),
    "",
    `${style("cyan", "EVENTS")}   ${countsLine(shown.counts)}`,
    ...(shown.file === undefined
      ? []
      : [
        `${style("cyan", "FILE")}     ${style(shown.file.error === undefined ? "green" : "red", fileLine(shown.file))}`
      ]),
    ""
  ]
  const tail = ["", style("cyan", "TRY"), ...shown.hints.map((hint) => `  ${hint}`)]
  const room = Math.max(4, size.rows - 1 - head.length - tail.length - 3)
  const toldRoom = Math.min(shown.told.length, Math.max(2, Math.min(12, Math.floor(room / 2))))
  const told = shown.told.slice(-toldRoom)
  const tableRoom = Math.max(1, room - told.length)
  const body = [
    ...table(shown, size, tableRoom),
    "",
    style("cyan", "WHAT HAPPENED"),
    ...told.map(({ text, time, tone }) =>
      `  ${style("dim", time)}  ${
        tone === "plain" ? text : style(tone === "good" ? "green" : tone === "bad" ? "red" : "bold", text)
      }`
    )
  ]
  return [...head, ...body, ...tail].slice(0, Math.max(1, size.rows - 1)).map((line) => clip(line, size.columns))
}

function table(shown: Shown, size: Size, room: number): ReadonlyArray<string> {
  const style = paint(size)
  const nameWidth = Math.min(30, Math.max(12, ...shown.systems.map(({ name }) => name.length)))
  const rows = shown.systems.slice(0, shown.systemCount > room ? room - 1 : room).map((system) => {
    const since = shown.now - system.lastSeen
    const reserved = system.reserved === undefined ? "" : `${system.reserved} (${system.source ?? ""})`
    const moved = system.reserved !== undefined && system.address !== undefined && system.reserved !== system.address
    return [
      " ",
      style("bold", fit(harmless(system.name), nameWidth)),
      fit(system.mac, 17),
      style(moved ? "yellow" : "green", fit(system.address ?? "-", 15)),
      fit(reserved, 29),
      style("dim", ago(Math.max(0, since)))
    ].join(" ")
  })
  const more = shown.systemCount - rows.length
  return [
    style(
      "dim",
      [" ", fit("SYSTEM", nameWidth), fit("MAC", 17), fit("ADDRESS", 15), fit("RESERVED", 29), "LAST SEEN"].join(" ")
    ),
    ...(rows.length === 0 ? [style("dim", "  no system seen yet")] : rows),
    ...(more > 0 ? [style("dim", `  and ${more} more`)] : [])
  ]
}
