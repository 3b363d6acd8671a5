/**
 * How many columns of a terminal a text takes, and where to cut it. Two for East Asian wide characters and pictures, none
 * for marks that join the character before them.
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" })

const wide = new RegExp(
  "[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\u33ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\ua000-\\ua4cf\\ua960-\\ua97f"
    + "\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6\\u{1b000}-\\u{1b2ff}"
    + "\\u{1f200}-\\u{1f2ff}\\u{20000}-\\u{3fffd}]|\\p{Emoji_Presentation}|\\ufe0f",
  "u"
)
const nothing = /^[\p{M}\p{Cf}]*$/u
const ascii = /^[\x20-\x7e]*$/u

const widthOf = (grapheme: string): number => {
  if (nothing.test(grapheme)) return 0
  return wide.test(grapheme) ? 2 : 1
}

export const textWidth = (text: string): number => {
  if (ascii.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += widthOf(segment)
  return width
}

/** At most so wide; what is cut ends in `…`. */
export const truncate = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text
  let taken = ""
  let room = width - 1
  for (const { segment } of segmenter.segment(text)) {
    room -= widthOf(segment)
    if (room < 0) break
    taken += segment
  }
  return width < 1 ? "" : `${taken}…`
}

export const padEnd = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - textWidth(text)))
export const padStart = (text: string, width: number): string => " ".repeat(Math.max(0, width - textWidth(text))) + text
