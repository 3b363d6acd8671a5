/**
 * What dnsmasq's log says about a file of reservations.
 *
 * Anchored: time, host and tag stand before the message, and a message counts only when it is nothing but words and the
 * path. Text of a client's (a vendor class, a decline message, the name in a DNS query) can be neither. The words may
 * be translated, so they are not looked at.
 */

export type FileReport =
  /** The whole file was read. */
  | { readonly _tag: "Read"; readonly pid: number | undefined }
  /** A line was skipped. */
  | { readonly _tag: "LineRefused"; readonly line: number; readonly message: string }
  /** The file could not be read at all. */
  | { readonly _tag: "Unreadable"; readonly message: string }

const stamp = "(?:[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d |\\d{4}-\\d\\d-\\d\\dT[\\d:.,+Z-]+ )"
const host = "(?:[A-Za-z0-9._:-]*[A-Za-z0-9] )"
const framed = new RegExp(`^(?:<\\d{1,3}>)?(?:${stamp}${host}?)?dnsmasq(-dhcp)?(?:\\[(\\d{1,10})\\])?: (.*)$`, "u")

const words = /^[\p{L}\p{M}' ]{0,60}$/u
/** How DNS lines begin, with the numbers that `log-queries=extra` puts first; their names come from anywhere. */
const dnsLine = /^(?:\d+ \S+ )?(?:query\[|reply |forwarded |cached|config |auth |dnssec|validation |nameserver )/u

/** The message without the path, where the path stands by itself: at an end, before a colon, or between blanks. */
const around = (message: string, paths: ReadonlySet<string>): readonly [string, string] | undefined => {
  for (const path of paths) {
    const at = message.indexOf(path)
    const after = message.charAt(at + path.length)
    const before = message.charAt(at - 1)
    if (at === -1 || (before !== "" && before !== " ") || !["", " ", ":"].includes(after)) continue
    return [message.slice(0, at), message.slice(at + path.length)]
  }
  return undefined
}

export const readReport = (line: string, paths: ReadonlySet<string>): FileReport | undefined => {
  const [, dhcp, pid, text = ""] = framed.exec(line) ?? []
  // A directory that is configured with a slash at its end is named with two.
  const message = text.replaceAll(/\/{2,}/gu, "/").trimEnd()
  const parts = around(message, paths)
  if (parts === undefined) return undefined
  const rest = parts.join(" ").trim()
  if (dhcp !== undefined) {
    return words.test(rest) ? { _tag: "Read", pid: pid === undefined ? undefined : Number(pid) } : undefined
  }
  if (dnsLine.test(message)) return undefined
  const number = /(\d+)\D*$/u.exec(parts[0])?.[1] ?? /^\D*(\d+)/u.exec(parts[1])?.[1]
  return number === undefined || parts[1].startsWith(":")
    ? { _tag: "Unreadable", message }
    : { _tag: "LineRefused", line: Number(number), message }
}
