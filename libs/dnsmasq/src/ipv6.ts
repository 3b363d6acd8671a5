/** IPv6 addresses in text, as `inet_pton` accepts them: no zone, no prefix length. Plain code, for the log's hot path. */
import { COLON, DOT, ipv4End } from "./tokens.ts"

const LONGEST = 45

const isHex = (code: number) =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46)

/** Whether the text is an IPv6 address. */
export const isIpv6 = (text: string): boolean => {
  if (text.length > LONGEST) return false
  let groups = 0
  let gap = false
  let at = 0
  if (text.startsWith("::")) {
    gap = true
    at = 2
  }
  while (at < text.length) {
    const start = at
    while (at - start < 5 && isHex(text.charCodeAt(at))) at++
    if (text.charCodeAt(at) === DOT) return ipv4End(text, start) === text.length && (gap ? groups <= 5 : groups === 6)
    if (at === start || at - start > 4) return false
    groups++
    if (at === text.length) break
    if (text.charCodeAt(at) !== COLON) return false
    at++
    if (text.charCodeAt(at) === COLON) {
      if (gap) return false
      gap = true
      at++
    } else if (at === text.length) return false
  }
  return gap ? groups <= 7 : groups === 8
}
