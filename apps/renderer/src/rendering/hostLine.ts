/**
 * The one shape of a line that may reach a file: `AA:BB:CC:DD:EE:FF,10.0.0.1,name[,lease time]` and a newline.
 *
 * It takes what `formatDhcpHost` of libs/dnsmasq gives, and nothing that its parser would doubt (a test compares them),
 * read from bytes without making anything: plain functions for the hot path. Each takes where a field begins and returns
 * where it ends, or -1 when the bytes there are no such field.
 */

const COMMA = 0x2c
const DASH = 0x2d
const DOT = 0x2e
const COLON = 0x3a
const NEWLINE = 0x0a
const ZERO = 0x30

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39
const isLetter = (byte: number) => byte >= 0x61 && byte <= 0x7a
const isHex = (byte: number) => isDigit(byte) || (byte >= 0x41 && byte <= 0x46)
const byteAt = (bytes: Uint8Array, at: number) => bytes[at] ?? 0

const wordAt = (bytes: Uint8Array, at: number, word: string): boolean => {
  for (let index = 0; index < word.length; index++)
    if (byteAt(bytes, at + index) !== word.charCodeAt(index)) return false
  return true
}

export const prefixEnd = (bytes: Uint8Array, at: number, prefix: string): number =>
  wordAt(bytes, at, prefix) ? at + prefix.length : -1

const macLength = 17

export const macEnd = (bytes: Uint8Array, from: number): number => {
  for (let at = from; at < from + macLength; at += 3) {
    if (!isHex(byteAt(bytes, at)) || !isHex(byteAt(bytes, at + 1))) return -1
    if (at + 2 < from + macLength && byteAt(bytes, at + 2) !== COLON) return -1
  }
  return from + macLength
}

const hexValue = (byte: number) => (byte > 0x40 ? byte - 0x37 : byte - ZERO)

/** The MAC at a place, as a number below 2^48. */
export const macNumber = (bytes: Uint8Array, from: number): number => {
  let number = 0
  for (let at = from; at < from + macLength; at += 3) {
    number = number * 256 + hexValue(byteAt(bytes, at)) * 16 + hexValue(byteAt(bytes, at + 1))
  }
  return number
}

const octetEnd = (bytes: Uint8Array, from: number): number => {
  let value = 0
  let at = from
  while (isDigit(byteAt(bytes, at)) && at - from < 3) value = value * 10 + byteAt(bytes, at++) - ZERO
  return at === from || value > 255 || (byteAt(bytes, from) === ZERO && at - from > 1) ? -1 : at
}

export const ipv4End = (bytes: Uint8Array, from: number): number => {
  let at = octetEnd(bytes, from)
  for (let octet = 1; octet < 4; octet++) {
    if (at === -1 || byteAt(bytes, at) !== DOT) return -1
    at = octetEnd(bytes, at + 1)
  }
  return at
}

/** The IPv4 address at a place, as a number below 2^32. */
export const ipv4Number = (bytes: Uint8Array, from: number, end: number): number => {
  let number = 0
  let octet = 0
  for (let at = from; at < end; at++) {
    const byte = byteAt(bytes, at)
    if (byte === DOT) {
      number = number * 256 + octet
      octet = 0
    } else octet = octet * 10 + byte - ZERO
  }
  return number * 256 + octet
}

/** Seconds of `w d h m s`; 0 for what is no unit. */
const unitOf = (byte: number): number => {
  switch (byte) {
    case 0x77:
      return 604_800
    case 0x64:
      return 86_400
    case 0x68:
      return 3_600
    case 0x6d:
      return 60
    case 0x73:
      return 1
    default:
      return 0
  }
}

const digitsEnd = (bytes: Uint8Array, from: number) => {
  let at = from
  while (isDigit(byteAt(bytes, at))) at++
  return at
}

/** Words that dnsmasq reads as keywords or lease times where a name should be. */
const isKeyword = (bytes: Uint8Array, from: number, end: number): boolean => {
  const digits = digitsEnd(bytes, from)
  if (digits === end || (digits > from && digits === end - 1 && unitOf(byteAt(bytes, digits)) > 0)) return true
  return (end - from === 6 && wordAt(bytes, from, "ignore")) || (end - from === 8 && wordAt(bytes, from, "infinite"))
}

export const nameEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  let byte = byteAt(bytes, at)
  if (byte === DASH) return -1
  while (isLetter(byte) || isDigit(byte) || byte === DASH) byte = byteAt(bytes, ++at)
  const length = at - from
  return length === 0 || length > 63 || byteAt(bytes, at - 1) === DASH || isKeyword(bytes, from, at) ? -1 : at
}

/** What dnsmasq takes without raising it, and counts without an overflow. */
const isLeaseTime = (seconds: number) => seconds >= 120 && seconds <= 0x7fff_ffff

export const leaseTimeEnd = (bytes: Uint8Array, from: number): number => {
  if (wordAt(bytes, from, "infinite")) return from + 8
  if (byteAt(bytes, from) === ZERO) return -1
  let number = 0
  let at = from
  while (isDigit(byteAt(bytes, at)) && at - from < 10) number = number * 10 + byteAt(bytes, at++) - ZERO
  return isLeaseTime(number * unitOf(byteAt(bytes, at))) ? at + 1 : -1
}

export const isComma = (bytes: Uint8Array, at: number): boolean => byteAt(bytes, at) === COMMA
export const isNewline = (bytes: Uint8Array, at: number): boolean => byteAt(bytes, at) === NEWLINE
