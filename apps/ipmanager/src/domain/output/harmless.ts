/**
 * The one place where text from outside becomes fit for a terminal, a file or a cell.
 *
 * What could move a cursor, end a line, or turn the writing direction is shown as its escape (`\x1b`, `\u202e`), so that
 * evidence stays readable. It is what the registry refuses in text that people write.
 */

// C0, DEL, C1, line and paragraph separators, bidirectional overrides and isolates, and surrogates without a partner.
const harmful = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

export const harmless = (text: string): string => text.replace(harmful, escaped)

/** For JSON, whose own escapes lose nothing. */
export const harmlessJson = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
