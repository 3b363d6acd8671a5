/**
 * Reads requests in JSON strictly: what the library would ignore is refused, and a value that an enum does not have is told with the
 * field that it is in, the names that there are, and what was given. The library would name the enum's type alone.
 */
import type { DescEnum, DescField, DescMessage, DescService } from "@bufbuild/protobuf"
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect"
import { ApiError } from "./ApiError.ts"
import { enumNames } from "./enumNames.ts"
import { toConnectError } from "./implement.ts"

/** The library ignores what it does not know: a misspelt dry_run would be a change. */
export const strict = { ignoreUnknownFields: false }

/** Registers a service, of which each method reads its own requests. */
export const strictly = <S extends DescService>(
  router: ConnectRouter,
  service: S,
  implementation: Partial<ServiceImpl<S>>
): void => {
  for (const method of service.methods) {
    const one: S = { ...service, methods: [method] }
    router.service(one, implementation, { jsonOptions: jsonOptions(method.input) })
  }
}

const jsonOptions = (input: DescMessage) => ({
  ...strict,
  ...(hasEnum(input, new Set()) ? { textDecoder: { decode: decoding(input) } } : {})
})

const hasEnum = (message: DescMessage, seen: Set<DescMessage>): boolean => {
  if (seen.has(message)) return false
  seen.add(message)
  return message.fields.some((field) =>
    field.enum !== undefined || (field.message !== undefined && hasEnum(field.message, seen))
  )
}

/** Where the library asks for the text, the request can be refused in our words. */
const decoding = (input: DescMessage) => (bytes?: Uint8Array): string => {
  const text = new TextDecoder().decode(bytes)
  const problem = problemIn(input, parsed(text), "")
  if (problem !== undefined) throw toConnectError(problem)
  return text
}

/** What is no JSON is told by the library. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const problemIn = (message: DescMessage, json: unknown, path: string): ApiError | undefined => {
  if (typeof json !== "object" || json === null) return undefined
  for (const field of message.fields) {
    for (const key of new Set([field.jsonName, field.name])) {
      const problem = Object.hasOwn(json, key)
        ? problemOf(field, Reflect.get(json, key), `${path}${field.name}`)
        : undefined
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

const problemOf = (field: DescField, json: unknown, path: string): ApiError | undefined => {
  if (field.fieldKind === "enum") return problemWith(field.enum, json, path)
  if (field.fieldKind === "message") return problemIn(field.message, json, `${path}.`)
  if (field.fieldKind !== "list" || !Array.isArray(json)) return undefined
  for (const [index, item] of json.entries()) {
    const at = `${path}[${index}]`
    const problem = field.listKind === "enum"
      ? problemWith(field.enum, item, at)
      : field.listKind === "message"
      ? problemIn(field.message, item, `${at}.`)
      : undefined
    if (problem !== undefined) return problem
  }
  return undefined
}

const problemWith = (desc: DescEnum, json: unknown, path: string): ApiError | undefined =>
  json === null || Number.isInteger(json) || desc.values.some(({ name }) => name === json)
    ? undefined
    : ApiError.invalid(path, enumNames(desc), json)
