/**
 * The pattern of a naming policy: literal text and placeholders. Nothing in it is evaluated; what is not known is
 * refused with its name.
 */
import { Result } from "effect"

export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "mac"; readonly digits: number }
  | { readonly type: "ip" | "vendor" | "subnet" | "seq" }

export interface Pattern {
  readonly text: string
  readonly parts: ReadonlyArray<Part>
  readonly hasMac: boolean
  readonly hasNumber: boolean
}

export interface PatternProblem {
  readonly expected: string
  readonly actual: string
}

/** What the column `naming_policies.pattern` begins with, and what stands in for a pattern that cannot be read. */
export const defaultPattern = "host-{mac:6}"

const longest = 120

const refuse = (expected: string, actual: string): Result.Result<never, PatternProblem> =>
  Result.fail({ expected, actual })

const placeholders = "{mac}, {mac:1} to {mac:12}, {ip}, {ip:dashed}, {vendor}, {subnet} or {seq}"

const placeholder = (name: string): Part | undefined => {
  switch (name) {
    case "mac":
      return { type: "mac", digits: 12 }
    case "ip":
    case "ip:dashed":
      return { type: "ip" }
    case "vendor":
    case "subnet":
    case "seq":
      return { type: name }
    default: {
      const digits = /^mac:([1-9]|1[0-2])$/u.exec(name)?.[1]
      return digits === undefined ? undefined : { type: "mac", digits: Number(digits) }
    }
  }
}

export const parsePattern = (text: string): Result.Result<Pattern, PatternProblem> => {
  if (text.length > longest) return refuse(`at most ${longest} characters`, `${text.length} characters`)
  const parts: Array<Part> = []
  for (const [whole, name] of text.matchAll(/\{([^{}]*)\}|[^{}]+|[{}]/gu)) {
    if (name !== undefined) {
      const part = placeholder(name)
      if (part === undefined) return refuse(placeholders, whole)
      parts.push(part)
    } else if (whole === "{" || whole === "}") {
      return refuse("braces only around a placeholder", text)
    } else {
      const stranger = /[^a-z0-9-]/iu.exec(whole)?.[0]
      if (stranger !== undefined) return refuse("letters, digits and hyphens besides placeholders", stranger)
      parts.push({ type: "text", text: whole.toLowerCase() })
    }
  }
  if (parts.filter(({ type }) => type === "seq").length > 1) return refuse("{seq} once", text)
  if (!parts.some((part) => part.type !== "text" || /[^-]/u.test(part.text))) {
    return refuse("something that a name can be made of", text)
  }
  return Result.succeed({
    text,
    parts,
    hasMac: parts.some(({ type }) => type === "mac"),
    hasNumber: parts.some(({ type }) => type === "seq")
  })
}
