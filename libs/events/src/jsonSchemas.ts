/** The JSON Schemas (draft 2020-12) of everything on the bus, by file name; `npm run generate` writes them. */
import { Schema } from "effect"
import { bodies } from "./DhcpEvent.ts"
import { discoveryFacts } from "./Discovery.ts"
import { InjectionReply } from "./Injection.ts"
import { IngestReport, WatcherConfig } from "./Watching.ts"

const document = (title: string, schema: Schema.Constraint) => {
  const { definitions, schema: body } = Schema.toJsonSchemaDocument(schema)
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:leasehold:${title}`,
    title,
    ...body,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}

export const jsonSchemas = (): Readonly<Record<string, object>> =>
  Object.fromEntries([
    ...Object.entries(bodies).map(([kind, schema]) =>
      [`dhcp.v1.${kind}`, document(`dhcp.v1.${kind}`, schema)] as const
    ),
    ...discoveryFacts.map((schema) => {
      const title = `discovery.v1.${schema.fields.type.literal}`
      return [title, document(title, schema)] as const
    }),
    ["dhcp.v1.inject.reply", document("dhcp.v1.inject.reply", InjectionReply)] as const,
    ["ingest.v1.config", document("ingest.v1.config", WatcherConfig)] as const,
    ["ingest.v1.status", document("ingest.v1.status", IngestReport)] as const
  ])
