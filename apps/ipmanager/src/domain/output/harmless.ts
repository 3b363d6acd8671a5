/**
 * The one place where text from outside becomes fit for a terminal, a file or a cell.
 *
 * What could move a cursor, end a line, turn the writing direction, or be there unseen is shown as its escape (`\x1b`, `\u202e`), so that
 * evidence stays readable. It is what the registry refuses in text that people write.
 */

// C0, DEL, C1, line and paragraph separators, bidirectional marks, overrides and isolates, what has neither width nor
// shape (but for joiners, which scripts and pictures need), and surrogates without a partner.
const harmful =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|\p{Surrogate}/gu

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

export const harmless = (text: string): string => text.replace(harmful, escaped)

/** For JSON, whose own escapes lose nothing. */
export const harmlessJson = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
