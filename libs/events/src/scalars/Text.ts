/**
 * Free text from a client or a log: at most 8,192 characters, none of which can move a terminal's cursor, end a line,
 * reverse the writing direction or hide.
 */
import { Schema } from "effect"

/**
 * What no text of anybody may hold, as the inside of a character class: C0, DEL, C1, line and paragraph separators, marks,
 * overrides and isolates of the writing direction, what has no width (the joiners apart, which scripts need), and
 * surrogates without a partner. The database's `is_plain_text` says the same.
 */
export const harmfulCharacters =
  "\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2064" +
  "\\u2066-\\u2069\\ufeff\\ud800-\\udfff"
const oneHarmful = new RegExp(`[${harmfulCharacters}]`, "gu")

export const Text = Schema.String.check(
  Schema.isPattern(new RegExp(`^[^${harmfulCharacters}]{0,8192}$`, "u"), {
    expected: "at most 8192 characters without control characters"
  })
).annotate({ description: "Printable text" })
export type Text = typeof Text.Type

/** Any text made fit for `Text`: each harmful character becomes U+FFFD, what is too long is cut. */
export const sanitizeText = (text: string): Text =>
  (text.length > 8192 ? text.slice(0, 8192) : text).replace(oneHarmful, "\uFFFD")
