/**
 * Free text from a client or a log: at most 8,192 characters, none of which can move a terminal's cursor, end a line
 * or reverse the writing direction.
 */
import { Schema } from "effect"

// C0, DEL, C1, line and paragraph separators, bidirectional overrides and isolates, and surrogates without a partner.
const harmful = "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
const oneHarmful = new RegExp(`[${harmful}]`, "gu")

export const Text = Schema.String.check(
  Schema.isPattern(new RegExp(`^[^${harmful}]{0,8192}$`, "u"), {
    expected: "at most 8192 characters without control characters"
  })
).annotate({ description: "Printable text" })
export type Text = typeof Text.Type

/** Any text made fit for `Text`: each harmful character becomes U+FFFD, what is too long is cut. */
export const sanitizeText = (text: string): Text =>
  (text.length > 8192 ? text.slice(0, 8192) : text).replace(oneHarmful, "\uFFFD")
