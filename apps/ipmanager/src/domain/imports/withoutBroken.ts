/**
 * Lines that are no UTF-8 are refused where anything of them would be used: a comment, or a line that an import passes
 * over, may hold what it likes.
 */
import { brokenMessage, type DecodedText } from "../decodeText.ts"
import { confLines, includesOf, uncommented } from "../review/confLines.ts"
import type { ImportFormat } from "./detectFormat.ts"
import { type Gathered, refuse } from "./ImportItem.ts"

const isDamaged = (text: string) => text.includes("\ufffd")

const isUsed = (format: ImportFormat, line: string): boolean => {
  switch (format) {
    case "dnsmasq": {
      const lines = confLines("", line)
      return isDamaged(uncommented(line))
        && (includesOf(lines).length > 0 || lines.some(({ keyword }) => keyword === "dhcp-host"))
    }
    case "hosts":
      return isDamaged(uncommented(line))
    case "ethers":
    case "etc-hosts":
      return isDamaged(line.replace(/#.*$/su, ""))
    default:
      return true
  }
}

/** @param read what was made of the text, with its broken lines */
export const withoutBroken = (
  file: string,
  { broken, text }: DecodedText,
  format: ImportFormat,
  read: Gathered
): Gathered => {
  if (broken.length === 0) return read
  const lines = text.split("\n")
  const used = broken.filter(({ line }) => isUsed(format, lines[line - 1] ?? ""))
  const refused = new Set(used.map(({ line }) => line))
  return {
    items: read.items.filter(({ place }) => !refused.has(place.line)),
    // What else is wrong with such a line comes of it.
    problems: [
      ...used.map((one) => refuse({ file, line: one.line }, "line", brokenMessage(one))),
      ...read.problems.filter(({ place }) => !refused.has(place.line))
    ]
  }
}
