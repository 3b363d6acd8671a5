/**
 * The tokens that dnsmasq prints, recognised in place. Plain functions over char codes: each takes the position of the
 * token's first character and gives the position after its last, or -1. All are linear and never look behind.
 */

export const SPACE = 0x20
export const COLON = 0x3a
export const DOT = 0x2e
export const DASH = 0x2d
export const OPEN_BRACKET = 0x5b
export const CLOSE_BRACKET = 0x5d

const NULL_OCTETS = "<null>"

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

export const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a

export const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a

/** Lower case only: dnsmasq prints no other. */
const isHex = (code: number): boolean => (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66)

export const skipSpaces = (text: string, from: number): number => {
  let at = from
  while (text.charCodeAt(at) === SPACE) at++
  return at
}

/** At most `most` digits. */
export const digitsEnd = (text: string, from: number, most: number): number => {
  let at = from
  while (at - from < most && isDigit(text.charCodeAt(at))) at++
  return at === from ? -1 : at
}

/** The value of the digits between two positions. */
export const number = (text: string, from: number, to: number): number => {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + text.charCodeAt(at) - 0x30
  return value
}

/** A canonical dotted quad, as `inet_ntop` prints it. */
export const ipv4End = (text: string, from: number): number => {
  let at = from
  let dots = 0
  let digits = 0
  let value = 0
  for (;; at++) {
    const code = text.charCodeAt(at)
    if (isDigit(code)) {
      if (digits > 0 && value === 0) return -1
      value = value * 10 + code - 0x30
      if (value > 255) return -1
      digits++
    } else if (code === DOT && digits > 0 && dots < 3) {
      dots++
      digits = 0
      value = 0
    } else return dots === 3 && digits > 0 ? at : -1
  }
}

/** Two-digit octets joined by colons: a hardware address or a DUID. */
export const octetsEnd = (text: string, from: number): number => {
  let at = from
  while (isHex(text.charCodeAt(at)) && isHex(text.charCodeAt(at + 1))) {
    at += 2
    if (text.charCodeAt(at) !== COLON) return at
    at++
  }
  return -1
}

/** What dnsmasq prints for an address of no octets. */
export const nullEnd = (text: string, from: number): number =>
  text.startsWith(NULL_OCTETS, from) ? from + NULL_OCTETS.length : -1

const isHostnameCode = (code: number): boolean =>
  isLower(code) || isDigit(code) || isUpper(code) || code === DASH || code === DOT || code === 0x5f

/** Whether the whole stretch is made of characters that dnsmasq lets through in a name. */
export const isHostname = (text: string, from: number, to: number): boolean => {
  if (to <= from || to - from > 255) return false
  for (let at = from; at < to; at++) if (!isHostnameCode(text.charCodeAt(at))) return false
  return true
}

const isPlain = (code: number): boolean => code >= SPACE && code < 0x7f

/** Whether the text is printable ASCII: nothing to decode, nothing to replace. */
export const isPlainAscii = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (!isPlain(text.charCodeAt(at))) return false
  return true
}

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** Control characters and line separators become U+FFFD, so that no text can move a terminal or end a line. */
export const withoutControls = (text: string): string =>
  isPlainAscii(text) ? text : text.replace(CONTROLS, "\ufffd").toWellFormed()
